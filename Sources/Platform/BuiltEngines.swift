/// The engines that this build has beyond SQLite and what is in memory; see docs/adr/0017-engines.md.
public enum BuiltEngines {
    /// Their names in a configuration.
    public static let names: Set<String> = {
        var names: Set<String> = []
        #if ENGINE_POSTGRES
            names.insert("postgres")
        #endif
        #if ENGINE_KAFKA
            names.insert("kafka")
        #endif
        #if ENGINE_RABBITMQ
            names.insert("rabbitmq")
        #endif
        #if ENGINE_REDIS
            names.insert("redis")
        #endif
        #if ENGINE_TLS
            names.insert("tls")
        #endif
        return names
    }()
}

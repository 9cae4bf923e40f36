import ArgumentParser
import Foundation

/// The settings as flags, for every command that runs or examines a platform. What is not given here may come from the environment or a file.
struct SettingFlags: ParsableArguments {
    @Option(help: "A YAML file of settings. [WAYBILL_CONFIG, ./waybill.yaml where there is one]") var config: String?
    @Option(help: SettingFlags.help("host")) var host: String?
    @Option(help: SettingFlags.help("port")) var port: String?
    @Option(help: SettingFlags.help("log_level")) var logLevel: String?
    @Option(help: SettingFlags.help("services")) var services: String?
    @Option(help: SettingFlags.help("instance")) var instance: String?
    @Option(help: SettingFlags.help("order_deadline_minutes")) var orderDeadlineMinutes: String?
    @Option(help: SettingFlags.help("commit_interval_ms")) var commitIntervalMs: String?
    @Option(help: SettingFlags.help("overload_commit_interval_ms")) var overloadCommitIntervalMs: String?
    @Option(help: SettingFlags.help("max_inflight")) var maxInflight: String?
    @Option(help: SettingFlags.help("target_delay_ms")) var targetDelayMs: String?
    @Option(help: SettingFlags.help("max_connections")) var maxConnections: String?
    @Option(help: SettingFlags.help("drain_delay_ms")) var drainDelayMs: String?
    @Option(help: SettingFlags.help("trusted_proxies")) var trustedProxies: String?
    @Option(help: SettingFlags.help("cors.origins")) var corsOrigins: String?
    @Option(help: SettingFlags.help("compression")) var compression: String?
    @Option(help: SettingFlags.help("access_log")) var accessLog: String?
    @Option(help: SettingFlags.help("tls.certificate")) var tlsCertificate: String?
    @Option(help: SettingFlags.help("tls.key")) var tlsKey: String?
    @Option(help: SettingFlags.help("auth")) var auth: String?
    @Option(help: SettingFlags.help("auth.issuer")) var authIssuer: String?
    @Option(help: SettingFlags.help("auth.audience")) var authAudience: String?
    @Option(help: SettingFlags.help("auth.token_minutes")) var authTokenMinutes: String?
    @Option(help: SettingFlags.help("auth.identity")) var authIdentity: String?
    @Option(help: SettingFlags.help("webhooks.allow_networks")) var webhooksAllowNetworks: String?
    @Option(help: SettingFlags.help("rate_limits.store")) var rateLimitsStore: String?
    @Option(help: SettingFlags.help("storage")) var storage: String?
    @Option(help: SettingFlags.help("data")) var data: String?
    @Option(help: SettingFlags.help("postgres.url")) var postgresUrl: String?
    @Option(help: SettingFlags.help("postgres.schema_prefix")) var postgresSchemaPrefix: String?
    @Option(help: SettingFlags.help("postgres.writers")) var postgresWriters: String?
    @Option(help: SettingFlags.help("postgres.readers")) var postgresReaders: String?
    @Option(help: SettingFlags.help("postgres.create_databases")) var postgresCreateDatabases: String?
    @Option(help: SettingFlags.help("broker")) var broker: String?
    @Option(help: SettingFlags.help("kafka.bootstrap")) var kafkaBootstrap: String?
    @Option(help: SettingFlags.help("kafka.partitions")) var kafkaPartitions: String?
    @Option(help: SettingFlags.help("kafka.replication")) var kafkaReplication: String?
    @Option(help: SettingFlags.help("kafka.prefix")) var kafkaPrefix: String?
    @Option(help: SettingFlags.help("kafka.create_topics")) var kafkaCreateTopics: String?
    @Option(help: SettingFlags.help("kafka.compression")) var kafkaCompression: String?
    @Option(help: SettingFlags.help("rabbitmq.url")) var rabbitmqUrl: String?
    @Option(help: SettingFlags.help("rabbitmq.prefix")) var rabbitmqPrefix: String?
    @Option(help: SettingFlags.help("rabbitmq.partitions")) var rabbitmqPartitions: String?
    @Option(help: SettingFlags.help("cache")) var cache: String?
    @Option(help: SettingFlags.help("redis.url")) var redisUrl: String?
    @Option(help: "Where a service runs that this process does not: orders=http://host:port,http://host:port. May be repeated. [WAYBILL_UPSTREAMS_ORDERS ...]")
    var upstream: [UpstreamArgument] = []

    func validate() throws {
        var seen: Set<String> = []
        for argument in upstream where !seen.insert(argument.service).inserted {
            throw ValidationError("--upstream: \(argument.service) is given twice; separate its URLs with commas")
        }
        if let config, config.isEmpty { throw ValidationError("--config must name a file") }
    }

    /// What was given, by the key of its setting.
    var values: [String: String] {
        var values = SettingFlags.table.reduce(into: [String: String]()) { values, row in values[row.key] = self[keyPath: row.path] }
        for argument in upstream { values["upstreams." + argument.service] = argument.urls }
        return values
    }

    /// All settings that are in force with these flags.
    /// - Throws: ``SettingsError``.
    func settings(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Settings {
        try Settings(path: config, flags: values, environment: environment)
    }

    /// One row per flag; a test compares it with the settings' own list.
    static let table: [(key: String, path: any KeyPath<SettingFlags, String?> & Sendable)] = [
        ("host", \.host), ("port", \.port), ("log_level", \.logLevel), ("services", \.services), ("instance", \.instance),
        ("order_deadline_minutes", \.orderDeadlineMinutes), ("commit_interval_ms", \.commitIntervalMs),
        ("overload_commit_interval_ms", \.overloadCommitIntervalMs), ("max_inflight", \.maxInflight),
        ("target_delay_ms", \.targetDelayMs), ("max_connections", \.maxConnections), ("drain_delay_ms", \.drainDelayMs),
        ("trusted_proxies", \.trustedProxies), ("cors.origins", \.corsOrigins), ("compression", \.compression), ("access_log", \.accessLog),
        ("tls.certificate", \.tlsCertificate), ("tls.key", \.tlsKey), ("auth", \.auth),
        ("auth.issuer", \.authIssuer), ("auth.audience", \.authAudience), ("auth.token_minutes", \.authTokenMinutes), ("auth.identity", \.authIdentity),
        ("webhooks.allow_networks", \.webhooksAllowNetworks),
        ("rate_limits.store", \.rateLimitsStore), ("storage", \.storage),
        ("data", \.data), ("postgres.url", \.postgresUrl), ("postgres.schema_prefix", \.postgresSchemaPrefix),
        ("postgres.writers", \.postgresWriters), ("postgres.readers", \.postgresReaders),
        ("postgres.create_databases", \.postgresCreateDatabases), ("broker", \.broker), ("kafka.bootstrap", \.kafkaBootstrap),
        ("kafka.partitions", \.kafkaPartitions), ("kafka.replication", \.kafkaReplication), ("kafka.prefix", \.kafkaPrefix),
        ("kafka.create_topics", \.kafkaCreateTopics), ("kafka.compression", \.kafkaCompression), ("rabbitmq.url", \.rabbitmqUrl),
        ("rabbitmq.prefix", \.rabbitmqPrefix), ("rabbitmq.partitions", \.rabbitmqPartitions), ("cache", \.cache), ("redis.url", \.redisUrl),
    ]

    private static func help(_ key: String) -> ArgumentHelp {
        guard let setting = Setting.named(key) else { return ArgumentHelp(stringLiteral: key) }
        let places = [setting.variable, setting.standard].compactMap(\.self).joined(separator: ", ")
        return ArgumentHelp(stringLiteral: "\(setting.help) [\(places)]")
    }
}

/// `orders=http://host:port,http://host:port`.
struct UpstreamArgument: ExpressibleByArgument, Equatable {
    let service: String
    let urls: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), Setting.named("upstreams." + argument[..<equals]) != nil else { return nil }
        (service, urls) = (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
        if urls.isEmpty { return nil }
    }
}

import Logging
import Messaging
import Storage
import StorageSQLite
import Wire

#if ENGINE_POSTGRES
    import StoragePostgres
#endif
#if ENGINE_KAFKA
    import BrokerKafka
#endif
#if ENGINE_RABBITMQ
    import BrokerRabbitMQ
#endif
#if ENGINE_REDIS
    import CacheRedis
#endif

/// Opens the engines that a configuration names. The only place that knows which adapter an engine has, and what a build lacks.
struct EngineRoom: Sendable {
    let configuration: PlatformConfiguration
    let logger: Logger
    /// Of all SQLite databases of the process.
    var pace = CommitPace()
    /// Called with a database's error when its medium has failed.
    let onBroken: @Sendable (StorageError, String) -> Void

    private var engines: EngineConfiguration { configuration.engines }

    /// A service's database.
    /// - Throws: ``StorageError``, ``PlatformError``.
    func database(_ name: String) throws -> any Database {
        switch engines.storage {
        case .sqlite: try sqlite(name)
        case .postgres(let settings): try postgres(name, settings)
        }
    }

    private func sqlite(_ name: String) throws -> any Database {
        var settings = SQLiteDatabase.Configuration()
        settings.commitInterval = configuration.commitInterval(of: name)
        settings.pace = pace
        settings.cacheKiB = PlatformConfiguration.cacheKiB(of: name)
        settings.onBroken = { [onBroken] in onBroken($0, name) }
        switch configuration.storage {
        case .memory: return try SQLiteDatabase(name: name, path: ":memory:", configuration: settings)
        case .folder(let path):
            if name == ServiceName.identity.rawValue { try PrivateFile.prepare("\(path)/\(name).sqlite") }
            return try SQLiteDatabase(name: name, path: "\(path)/\(name).sqlite", configuration: settings)
        }
    }

    private func postgres(_ name: String, _ settings: PostgresSettings) throws -> any Database {
        #if ENGINE_POSTGRES
            var own = PostgresDatabase.Configuration(connection: settings.url(of: EngineRoom.word(name)).value)
            // One database for all services, a schema each.
            if !settings.url.contains("{service}") { own.schema = settings.schemaPrefix + EngineRoom.word(name) }
            own.writers = settings.writers
            own.readers = settings.readers
            own.createIfMissing = settings.createsDatabases
            own.commitInterval = configuration.commitInterval(of: name)
            // The hand-over in memory relies on one writer, whose commits are in the order of their outbox rows.
            // Identity hands nothing over, and `waybill token` opens its database beside it.
            own.isExclusive = engines.broker == .embedded && name != ServiceName.identity.rawValue
            own.onBroken = { [onBroken] in onBroken($0, name) }
            return try PostgresDatabase(name: name, configuration: own)
        #else
            throw EngineRoom.lacks("postgres")
        #endif
    }

    /// The broker; nil where events are handed over in memory.
    /// - Throws: ``PlatformError``, ``BrokerError``.
    func broker() throws -> (any EventBroker)? {
        switch engines.broker {
        case .embedded: return nil
        case .kafka(let settings):
            #if ENGINE_KAFKA
                var own = KafkaConfiguration(bootstrapServers: settings.bootstrap)
                own.replicationFactor = settings.replication
                own.createsTopics = settings.createsTopics
                own.topicProperties = settings.topicProperties
                own.compression = .init(rawValue: settings.compression.rawValue) ?? own.compression
                own.properties = settings.properties.mapValues(\.value)
                let kafka = KafkaBroker(own, logger: logger)
                return settings.prefix.isEmpty ? kafka : PrefixedBroker(kafka, prefix: settings.prefix)
            #else
                throw EngineRoom.lacks("kafka")
            #endif
        case .rabbitmq(let settings):
            #if ENGINE_RABBITMQ
                var own = try RabbitMQConfiguration(url: settings.url.value)
                own.prefix = settings.prefix
                own.eventsPerMessage = settings.eventsPerMessage
                return try RabbitMQBroker(own, logger: logger)
            #else
                throw EngineRoom.lacks("rabbitmq")
            #endif
        }
    }

    /// Into how many ordered pieces a topic is divided.
    var partitions: Int {
        switch engines.broker {
        case .embedded: 1
        case .kafka(let settings): settings.partitions
        case .rabbitmq(let settings): settings.partitions
        }
    }

    /// Where answers are kept; nil for nowhere.
    func cache() throws -> (any VersionedCache)? {
        switch engines.cache {
        case .none: return nil
        case .memory: return MemoryCache()
        case .redis(let url):
            #if ENGINE_REDIS
                return RedisCache(RedisClient(try RedisConfiguration(url: url.value), logger: logger), name: "orders")
            #else
                throw EngineRoom.lacks("redis")
            #endif
        }
    }

    /// Database names hold no hyphens, which SQL would want quoted.
    private static func word(_ name: String) -> String { name.replacing("-", with: "_") }

    static func lacks(_ engine: String) -> PlatformError {
        PlatformError(
            "this build of waybill lacks \(engine): build it with WAYBILL_ENGINES=\(engine) (or all) in the environment, see docs/adr/0017-engines.md")
    }
}

/// What of the platform runs in this process, on which engines, and where the rest of it is.
///
/// Plain values: an engine that this build lacks can be named here all the same; whoever assembles the platform refuses it.
public struct EngineConfiguration: Sendable, Equatable {
    public var storage: StorageChoice = .sqlite
    public var broker: BrokerChoice = .embedded
    public var cache: CacheChoice = .none

    /// What runs in this process.
    public var services: Set<ServiceName> = ServiceName.everything
    /// This process's name among the replicas of its services: the holder of leases, the member of consumer groups. Unique, and another one after a restart.
    public var instance: String
    /// The base URLs (`http://host:port`) of every replica of the services that run elsewhere.
    public var upstreams: [ServiceName: [String]] = [:]
    /// What processes of one platform prove to each other that they belong to it with; nil where none of them trusts another.
    public var internalSecret: Secret?

    /// All services in one process, on SQLite and without a broker.
    /// - Parameter instance: see ``instance``.
    public init(instance: String = "waybill") { self.instance = instance }

    /// Whether a service runs in this process.
    public func runs(_ service: ServiceName) -> Bool { services.contains(service) }
}

/// The parts of the platform that can run in a process of their own.
public enum ServiceName: String, CaseIterable, Sendable {
    /// Offers the routes of all services on one port. It has no database.
    case gateway
    case orders, inventory, payments, notifications, analytics, operations
    /// Issues tokens and knows API keys. It hears no events.
    case identity

    public static let everything = Set(ServiceName.allCases)
    /// Those that have a database.
    public static let withDatabase = ServiceName.allCases.filter { $0 != .gateway }

    /// The services that this one calls over HTTP where they run elsewhere.
    public var asks: [ServiceName] {
        switch self {
        case .gateway: ServiceName.withDatabase
        case .orders: [.inventory]
        case .inventory, .payments, .notifications, .analytics, .operations, .identity: []
        }
    }
}

/// Which databases the services have.
public enum StorageChoice: Sendable, Equatable {
    /// SQLite, where ``PlatformConfiguration/storage-swift.property`` says.
    case sqlite
    case postgres(PostgresSettings)
}

/// Databases on PostgreSQL servers, one per service.
public struct PostgresSettings: Sendable, Equatable {
    /// A connection URI of libpq in which `{service}` stands for the service's name: `postgres://waybill@db/waybill_{service}`. Without it all services share one
    /// database, each in a schema of its own that is named after it.
    public var url: String
    /// What the names of the schemas begin with; nothing by default.
    public var schemaPrefix = ""
    /// The password where it is not in ``url``.
    public var password: Secret?
    /// Connections per database that write.
    public var writers = 1
    /// Connections per database that read.
    public var readers = 2
    /// Whether databases that do not exist are created.
    public var createsDatabases = false

    public init(url: String) { self.url = url }

    /// The connection URI of a service's database, the password included: never to be printed.
    public func url(of service: String) -> Secret {
        let url = url.replacing("{service}", with: service)
        guard let password, let begin = url.range(of: "://")?.upperBound else { return Secret(url) }
        let authority = url[begin...].prefix { $0 != "/" && $0 != "?" }
        // Without a user the server's default one is meant, and a password alone would have no place before the "@".
        guard let at = authority.lastIndex(of: "@"), !authority[..<at].contains(":") else {
            return Secret(url + (url.contains("?") ? "&" : "?") + "password=" + PostgresSettings.escaped(password.value))
        }
        return Secret(url[..<at] + ":" + PostgresSettings.escaped(password.value) + url[at...])
    }

    /// Percent-encoding of everything but the unreserved characters of RFC 3986.
    private static func escaped(_ text: String) -> String {
        text.utf8.reduce(into: "") { escaped, byte in
            let scalar = Unicode.Scalar(byte)
            let isUnreserved = byte < 0x80 && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "-._~".unicodeScalars.contains(scalar))
            if isUnreserved { return escaped.unicodeScalars.append(scalar) }
            escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
}

/// What carries events between services.
public enum BrokerChoice: Sendable, Equatable {
    /// The outbox tables themselves, read in process: all services are in this one.
    case embedded
    case kafka(KafkaSettings)
    case rabbitmq(RabbitMQSettings)
}

/// Events through Kafka.
public struct KafkaSettings: Sendable, Equatable {
    /// How events are compressed on their way and in the brokers' logs.
    public enum Compression: String, Sendable { case none, lz4, zstd }

    /// `host:port,host:port`.
    public var bootstrap: String
    public var partitions = 12
    /// What the names of topics and groups begin with, so that several platforms can share a cluster; nothing by default.
    public var prefix = ""
    /// Copies of each topic; a cluster with fewer brokers gets as many copies as it has brokers.
    public var replication = 3
    /// Whether topics that are missing are made with Kafka's administration protocol; if not, they are there, or the brokers make them by themselves.
    public var createsTopics = true
    /// Properties of the topics that are made, such as `retention.ms`, under Kafka's own names.
    public var topicProperties: [String: String] = [:]
    public var compression = Compression.lz4
    /// Passed to librdkafka as they are (`security.protocol`, `sasl.username` ...). May hold passwords: never to be printed.
    public var properties: [String: Secret] = [:]

    public init(bootstrap: String) { self.bootstrap = bootstrap }
}

/// Events through RabbitMQ.
public struct RabbitMQSettings: Sendable, Equatable {
    /// `amqp://user:password@host:port/vhost`.
    public var url: Secret
    /// What the names of exchanges and queues begin with, so that several platforms can share a broker.
    public var prefix = "waybill"
    public var partitions = 6
    /// How many events of a partition may share a message; 1 for a message each.
    public var eventsPerMessage = 32

    public init(url: Secret) { self.url = url }
}

/// Where answers are kept so that they need not be read from a database again.
public enum CacheChoice: Sendable, Equatable {
    case none
    /// In this process.
    case memory
    /// `redis://user:password@host:port/database`.
    case redis(url: Secret)
}

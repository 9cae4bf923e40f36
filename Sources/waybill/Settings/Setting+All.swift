import Platform

extension Setting {
    /// Every setting, in the order of the reference.
    static let all: [Setting] = process + edge + authentication + limits + engines + upstreams

    static func named(_ key: String) -> Setting? { byKey[key] }
    private static let byKey = Dictionary(all.map { ($0.key, $0) }) { first, _ in first }

    private static let process = [
        Setting("host", .text, standard: "127.0.0.1", "Address to listen on."),
        Setting("port", .number(0...65_535), standard: "8080", "Port to listen on; 0 lets the system choose."),
        Setting(
            "log_level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), standard: "info",
            "Least severe log records shown."),
        Setting(
            "services", .list, standard: "all", "What runs in this process: all, or some of \(ServiceName.allCases.map(\.rawValue).joined(separator: ", "))."),
        Setting("instance", .text, "This process's name among the replicas of its services (by default the host's name and the process's number)."),
        Setting(
            "internal_secret", .text, isSecret: true, hasFlag: false,
            "What the processes of one platform know each other by; the same for all of them, at least 16 characters, 32 where auth is required."),
        Setting("order_deadline_minutes", .number(1...10_080), standard: "15", "Minutes an order may take to settle before it is cancelled."),
        Setting(
            "commit_interval_ms", .number(0...100),
            "Milliseconds between the commits of a busy database: more is cheaper per order, less is faster for one. By default 2, and 10 where a broker carries the events."
        ),
        Setting(
            "delivery_interval_ms", .number(0...1000), standard: "20", hasFlag: false,
            "Milliseconds that events gather before the next of them go to a broker, or come from it: more is cheaper per order, less is faster for one."),
        Setting(
            "overload_commit_interval_ms", .number(0...200), standard: "0",
            "The same while orders are being refused, if that is longer: more of what has been accepted gets done, each order a little later."),
        Setting(
            "max_inflight", .number(1...100_000), standard: "512", "Most orders that are being accepted at once; more are answered 503 with Retry-After."),
        Setting(
            "target_delay_ms", .number(1...60_000),
            "Milliseconds that accepted work may wait for its turn before new orders are refused. By default 100, and 1000 where a broker carries the events."),
        Setting(
            "max_connections", .number(1...1_000_000), standard: "4096",
            "Most connections that are served at once; more are answered 503 and closed."),
        Setting(
            "docs_assets", .text, hasFlag: false,
            "Folder with the files of Swagger UI for the page at /docs; by default what scripts/setup fetched, and a plain page where it did not."),
        Setting(
            "drain_delay_ms", .number(0...15_000), standard: "500",
            "Milliseconds between the signal to stop and the closing of connections: longer than a load balancer takes to notice."),
        Setting(
            "webhooks.allow_networks", .list,
            "Networks that webhooks may lie in besides the public internet, also without TLS, for development: 127.0.0.0/8,10.1.0.0/16."),
    ]

    /// How much callers may ask for; docs/limits.md.
    private static let limits = [
        Setting(
            "rate_limits.store", .choice(["none", "memory", "redis"]), standard: "memory",
            "Where it is counted how fast callers ask: redis where several gateways stand side by side; none limits nobody."),
        Setting(
            "rate_limits.reads_per_second", .number(1...500_000), standard: "100", hasFlag: false,
            "Requests a second that read, per caller; twice as many at once."),
        Setting(
            "rate_limits.writes_per_second", .number(1...500_000), standard: "50", hasFlag: false,
            "Requests a second that change something, per caller; twice as many at once."),
        Setting(
            "rate_limits.heavy_per_minute", .number(1...1_000_000), standard: "30", hasFlag: false,
            "Requests a minute for work over much data, per caller."),
        Setting(
            "rate_limits.tokens_per_minute", .number(1...1_000_000), standard: "30", hasFlag: false,
            "Requests a minute for a token, per address."),
        Setting(
            "rate_limits.refusals_per_minute", .number(1...1_000_000), standard: "60", hasFlag: false,
            "Answers 401 a minute, per address; beyond them credentials that do not hold are answered 429."),
        Setting(
            "limits.unpaid_orders_per_customer", .number(1...1_000_000), standard: "20", hasFlag: false,
            "Orders that are not settled which a customer may have at a time."),
        Setting(
            "limits.unpaid_units_per_customer", .number(1...1_000_000_000), standard: "10000", hasFlag: false,
            "Units in these orders which a customer may have at a time."),
    ]

    private static let engines = [
        Setting("storage", .choice(["sqlite", "postgres"]), standard: "sqlite", "Where the services keep their data."),
        Setting("data", .text, standard: "./data", "Folder of the SQLite databases, which is made if need be."),
        Setting(
            "postgres.url", .url(["postgres", "postgresql"]), isSecret: true,
            "Connection URI of the services' databases; {service} stands for the service's name: postgres://waybill@db/waybill_{service}. "
                + "Without it all services share one database, each in a schema of its own."),
        Setting(
            "postgres.schema_prefix", .text, standard: "", "What the names of the services' schemas begin with, where they share one database."),
        Setting("postgres.password", .text, isSecret: true, hasFlag: false, "The password, where it is not in the URI."),
        Setting("postgres.writers", .number(1...64), standard: "1", "Connections per database that write."),
        Setting("postgres.readers", .number(1...64), standard: "2", "Connections per database that read."),
        Setting("postgres.create_databases", .truth, standard: "false", "Whether databases that do not exist are created."),
        Setting("broker", .choice(["embedded", "kafka", "rabbitmq"]), standard: "embedded", "What carries events from service to service."),
        Setting("kafka.bootstrap", .text, "Brokers to begin with: host:port,host:port."),
        Setting("kafka.partitions", .number(1...1_000), standard: "12", "Partitions of each topic: the most processes of a service that share its work."),
        Setting("kafka.replication", .number(1...16), standard: "3", "Copies of each topic; never more than there are brokers."),
        Setting("kafka.prefix", .text, standard: "", "What the names of topics and groups begin with."),
        Setting(
            "kafka.create_topics", .truth, standard: "true",
            "Whether topics that are missing are made. If not, they must be there already, or the brokers make them by themselves (auto.create.topics.enable)."),
        Setting(
            "kafka.topic_properties", .map, hasFlag: false,
            "Properties of the topics that are made, under Kafka's names: retention.ms, min.insync.replicas and so on."),
        Setting("kafka.compression", .choice(["none", "lz4", "zstd"]), standard: "lz4", "How events are compressed on their way and in the brokers' logs."),
        Setting(
            "kafka.properties", .map, isSecret: true, hasFlag: false,
            "Properties of librdkafka, passed on as they are: security.protocol, sasl.username and so on."),
        Setting("rabbitmq.url", .url(["amqp", "amqps"]), isSecret: true, "Address of the broker: amqp://user:password@host:port/vhost."),
        Setting("rabbitmq.prefix", .text, standard: "waybill", "What the names of exchanges and queues begin with."),
        Setting("rabbitmq.partitions", .number(1...256), standard: "6", "Queues per topic and service: the most processes of a service that share its work."),
        Setting(
            "rabbitmq.events_per_message", .number(1...1024), standard: "32", hasFlag: false,
            "How many events of a partition may share a message, as a JSON array of CloudEvents; with 1 each is a message with its attributes in the headers."),
        Setting("cache", .choice(["none", "memory", "redis"]), standard: "none", "Where orders are kept so that reading them need not ask the database."),
        Setting("redis.url", .url(["redis"]), isSecret: true, "Address of the cache and of what counts requests: redis://user:password@host:port/database."),
    ]

    private static let upstreams = ServiceName.withDatabase.map {
        Setting("upstreams.\($0.rawValue)", .list, "Base URLs of the processes that run \($0.rawValue), where this one does not: http://host:port.")
    }
}

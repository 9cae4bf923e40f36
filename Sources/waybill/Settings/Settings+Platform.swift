import Foundation
import Logging
import Platform
import Web

extension Settings {
    /// Refuses a configuration that cannot work.
    /// - Throws: ``SettingsError`` with everything that is wrong.
    func check(built: Set<String> = BuiltEngines.names) throws {
        let mistakes = allMistakes(built: built)
        guard mistakes.isEmpty else { throw SettingsError(mistakes) }
    }

    var logLevel: Logger.Level { text("log_level").flatMap { Logger.Level(rawValue: $0) } ?? .info }

    /// The configuration of a platform. To be asked for after ``check(built:)``.
    func platform() -> PlatformConfiguration {
        var platform = PlatformConfiguration(storage: .folder(text("data") ?? "./data"))
        platform.engines = engines()
        platform.host = text("host") ?? platform.host
        platform.port = number("port") ?? platform.port
        setPace(of: &platform)
        platform.strainedCommitInterval = .milliseconds(number("overload_commit_interval_ms") ?? 0)
        platform.admission.maximumStarting = number("max_inflight") ?? platform.admission.maximumStarting
        platform.maximumConnections = number("max_connections") ?? platform.maximumConnections
        platform.edge = edge()
        platform.docsFolder = text("docs_assets") ?? DocsFolder.beside(executable: DocsFolder.executable)
        platform.drainDelay = .milliseconds(number("drain_delay_ms") ?? 500)
        platform.webhookNetworks = list("webhooks.allow_networks").compactMap { NetworkRange($0) }
        platform.orders.deadlineMilliseconds = Int64(number("order_deadline_minutes") ?? 15) * 60_000
        platform.authentication = authentication()
        setIdentity(of: &platform)
        platform.orders.unpaidOrdersPerCustomer = integer("limits.unpaid_orders_per_customer", platform.orders.unpaidOrdersPerCustomer)
        platform.orders.unpaidUnitsPerCustomer = integer("limits.unpaid_units_per_customer", platform.orders.unpaidUnitsPerCustomer)
        platform.rateLimits = rateLimits()
        return platform
    }

    /// How fast work goes on, and how much of it may wait. Where a broker carries the events an order is on its way for longer, and every event waits in several places.
    private func setPace(of platform: inout PlatformConfiguration) {
        let isSplit = platform.engines.broker != .embedded
        if isSplit { platform.admission.limits = PlatformConfiguration.limitsWithBroker }
        platform.commitInterval = .milliseconds(number("commit_interval_ms") ?? (isSplit ? 10 : 2))
        platform.deliveryInterval = .milliseconds(number("delivery_interval_ms") ?? 20)
        platform.admission.targetMilliseconds = Int64(number("target_delay_ms") ?? (isSplit ? 1000 : 100))
    }

    private func rateLimits() -> RateLimitSettings {
        var settings = RateLimitSettings()
        switch text("rate_limits.store") {
        case "redis": settings.store = .redis(url: Secret(text("redis.url") ?? ""))
        case "none": settings.store = .none
        default: settings.store = .memory
        }
        settings.limits.readsPerSecond = integer("rate_limits.reads_per_second", settings.limits.readsPerSecond)
        settings.limits.writesPerSecond = integer("rate_limits.writes_per_second", settings.limits.writesPerSecond)
        settings.limits.heavyPerMinute = integer("rate_limits.heavy_per_minute", settings.limits.heavyPerMinute)
        settings.limits.tokensPerMinute = integer("rate_limits.tokens_per_minute", settings.limits.tokensPerMinute)
        settings.limits.refusalsPerMinute = integer("rate_limits.refusals_per_minute", settings.limits.refusalsPerMinute)
        return settings
    }

    private func integer(_ key: String, _ standard: Int64) -> Int64 { number(key).map { Int64($0) } ?? standard }

    /// What runs in this process and on which engines. To be asked for after ``check(built:)``.
    func engines() -> EngineConfiguration {
        var engines = EngineConfiguration(instance: Settings.unique(text("instance") ?? Settings.process))
        engines.services = (try? services()) ?? ServiceName.everything
        engines.internalSecret = text("internal_secret").map { Secret($0) }
        for service in ServiceName.withDatabase {
            let urls = list("upstreams.\(service.rawValue)")
            if !urls.isEmpty { engines.upstreams[service] = urls }
        }
        if text("storage") == "postgres", let url = text("postgres.url") { engines.storage = .postgres(postgres(url)) }
        switch text("broker") {
        case "kafka": engines.broker = .kafka(kafka(text("kafka.bootstrap") ?? ""))
        case "rabbitmq": engines.broker = .rabbitmq(rabbitmq(text("rabbitmq.url") ?? ""))
        default: engines.broker = .embedded
        }
        switch text("cache") {
        case "memory": engines.cache = .memory
        case "redis": engines.cache = .redis(url: Secret(text("redis.url") ?? ""))
        default: engines.cache = .none
        }
        return engines
    }

    private func postgres(_ url: String) -> PostgresSettings {
        var postgres = PostgresSettings(url: url)
        postgres.schemaPrefix = text("postgres.schema_prefix") ?? postgres.schemaPrefix
        postgres.password = text("postgres.password").map { Secret($0) }
        postgres.writers = number("postgres.writers") ?? postgres.writers
        postgres.readers = number("postgres.readers") ?? postgres.readers
        postgres.createsDatabases = truth("postgres.create_databases")
        return postgres
    }

    private func kafka(_ bootstrap: String) -> KafkaSettings {
        var kafka = KafkaSettings(bootstrap: bootstrap)
        kafka.partitions = number("kafka.partitions") ?? kafka.partitions
        kafka.replication = number("kafka.replication") ?? kafka.replication
        kafka.prefix = text("kafka.prefix") ?? kafka.prefix
        kafka.createsTopics = truth("kafka.create_topics")
        kafka.topicProperties = map("kafka.topic_properties")
        kafka.compression = text("kafka.compression").flatMap { KafkaSettings.Compression(rawValue: $0) } ?? kafka.compression
        kafka.properties = map("kafka.properties").mapValues { Secret($0) }
        return kafka
    }

    private func rabbitmq(_ url: String) -> RabbitMQSettings {
        var rabbitmq = RabbitMQSettings(url: Secret(url))
        rabbitmq.prefix = text("rabbitmq.prefix") ?? rabbitmq.prefix
        rabbitmq.partitions = number("rabbitmq.partitions") ?? rabbitmq.partitions
        rabbitmq.eventsPerMessage = number("rabbitmq.events_per_message") ?? rabbitmq.eventsPerMessage
        return rabbitmq
    }

    /// The host's name and the process's number, in letters that every engine takes.
    private static var process: String {
        // Not ProcessInfo's, which may ask the name service.
        var bytes = [CChar](repeating: 0, count: 256)
        let isKnown = gethostname(&bytes, bytes.count - 1) == 0
        let host = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let letters = host.prefix(80).map { $0.isASCII && ($0.isLetter || $0.isNumber || "-.".contains($0)) ? $0 : "-" }
        return "\(isKnown && !letters.isEmpty ? String(letters) : "host")-\(getpid())"
    }

    /// A name that this process never had before: in a container the host's name and the process's number are the same after a restart, and leases that the one
    /// before held must not pass for its own.
    private static func unique(_ name: String) -> String { "\(name)-\(String(UInt32.random(in: .min ... .max), radix: 36))" }
}

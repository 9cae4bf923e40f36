import Foundation
import Logging
import Messaging
import Observability
import Platform
import Synchronization

/// What the acceptance tests run on: by default the embedded platform; with `WAYBILL_TEST_TOPOLOGY` the same tests run on real engines, split into a platform per service
/// and replica, each with connections of its own, as separate processes would be. `scripts/test --topologies` sets it.
enum TestTopology: String {
    case embedded
    /// All services in one process on PostgreSQL, events handed over in memory.
    case postgres
    /// A process per service on PostgreSQL, events through Kafka.
    case splitKafka = "split-kafka"
    /// Two processes per service on PostgreSQL, events through RabbitMQ.
    case splitRabbitMQ = "split-rabbitmq"

    static let current: TestTopology = {
        let name = ProcessInfo.processInfo.environment["WAYBILL_TEST_TOPOLOGY"] ?? "embedded"
        guard let topology = TestTopology(rawValue: name) else { preconditionFailure("WAYBILL_TEST_TOPOLOGY: there is no topology \"\(name)\"") }
        return topology
    }()

    var replicas: Int { self == .splitRabbitMQ ? 2 : 1 }
    var isSplit: Bool { self == .splitKafka || self == .splitRabbitMQ }

    /// The engines of one test, which share nothing with those of another.
    func engines(_ test: String) throws -> EngineConfiguration {
        var engines = EngineConfiguration(instance: test)
        if self == .embedded { return engines }
        var postgres = PostgresSettings(url: try TestTopology.server("WAYBILL_TEST_POSTGRES"))
        postgres.schemaPrefix = "\(test)_"
        engines.storage = .postgres(postgres)
        // As scripts/cluster has it. Tests cannot meet there: what is cached is named by identifiers.
        if isSplit { engines.cache = .redis(url: Secret(try TestTopology.server("WAYBILL_TEST_REDIS"))) }
        switch self {
        case .embedded, .postgres: break
        case .splitKafka:
            var kafka = KafkaSettings(bootstrap: try TestTopology.server("WAYBILL_TEST_KAFKA"))
            kafka.partitions = 4
            kafka.replication = 1
            kafka.prefix = test + "."
            if ProcessInfo.processInfo.environment["WAYBILL_TEST_KAFKA_IS_MOCK"] != nil {
                // The mock makes topics by itself and knows no other way, and it answers a fetch that finds nothing only when its time is up.
                kafka.createsTopics = false
                kafka.properties["fetch.wait.max.ms"] = Secret("20")
            }
            engines.broker = .kafka(kafka)
        case .splitRabbitMQ:
            var rabbit = RabbitMQSettings(url: Secret(try TestTopology.server("WAYBILL_TEST_RABBITMQ")))
            rabbit.partitions = 4
            rabbit.prefix = test
            engines.broker = .rabbitmq(rabbit)
        }
        return engines
    }

    private static func server(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name] else { throw Unexpected("\(name) is not set: start the servers with scripts/engines") }
        return value
    }

    /// Removes what a test has made on the database server.
    func dropSchemas(_ test: String) {
        guard self != .embedded, let server = try? TestTopology.server("WAYBILL_TEST_POSTGRES") else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let names = ["orders", "inventory", "payments", "notifications", "analytics", "operations", "identity", "payment_provider"]
        // What goes with a schema is told of, line by line.
        process.arguments =
            ["psql", "-q", "-d", server, "-c", "SET client_min_messages = warning"]
            + names.flatMap { ["-c", "DROP SCHEMA IF EXISTS \"\(test)_\($0)\" CASCADE"] }
        try? process.run()
        process.waitUntilExit()
    }
}

/// Several platforms that are one: a process per service and replica, and the gateway before them, all in this process.
struct TestCluster: Sendable {
    let configuration: PlatformConfiguration
    let topology: TestTopology
    let clock: any WallClock
    let logger: Logger

    /// Runs the platforms around a closure, which is given the port of the entry.
    func run(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var upstreams: [ServiceName: [String]] = [:]
            // Orders asks Inventory, so it comes after it; the gateway knows all.
            for service in ServiceName.withDatabase.filter({ $0 != .orders }) + [.orders] {
                for replica in 0..<topology.replicas {
                    let port = try await start([service], "\(service.rawValue)-\(replica)", upstreams, in: &group)
                    upstreams[service, default: []].append("http://127.0.0.1:\(port)")
                }
            }
            let port = try await start([.gateway], "gateway", upstreams, in: &group)
            do { try await body(port) } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func start(
        _ services: Set<ServiceName>, _ instance: String, _ upstreams: [ServiceName: [String]], in group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws -> Int {
        var own = configuration
        own.port = 0
        own.engines.services = services
        own.engines.instance = "\(configuration.engines.instance)-\(instance)"
        own.engines.upstreams = upstreams
        own.engines.internalSecret = Secret("a secret of the tests' processes")
        let platform = try WaybillPlatform(own, logger: logger, registry: PrometheusRegistry(), clock: clock)
        let (ports, announce) = AsyncStream<Int>.makeStream()
        group.addTask {
            defer { announce.finish() }
            do { try await platform.run(handlesSignals: false) { announce.yield($0) } } catch is CancellationError {}
        }
        for await port in ports { return port }
        throw Unexpected("\(instance) did not start")
    }
}

import BrokerRabbitMQ
import Foundation
import Messaging
import Storage
import Testing

/// The broker that `scripts/engines start rabbitmq` has started, or any other one that tests may use.
enum TestServer {
    static let variable = "WAYBILL_TEST_RABBITMQ"
    private static let environment = ProcessInfo.processInfo.environment
    /// Whether the tests are to run: without a server they fail where CI is set, and are skipped elsewhere.
    static let isWanted = environment[variable] != nil || environment["CI"] != nil
    static let hint: Comment = "no RabbitMQ to test with: scripts/engines start rabbitmq --dir DIR, then set what is in DIR/env"

    /// The server's address.
    static func url() throws -> String { try #require(environment[variable], hint) }

    /// A configuration for one test: names of its own, and waits that suit a test.
    static func configuration(_ url: String? = nil) throws -> RabbitMQConfiguration {
        var configuration = try RabbitMQConfiguration(url: url ?? TestServer.url())
        configuration.prefix = "test-" + String(UInt32.random(in: 0 ... .max), radix: 36)
        configuration.connectionName = configuration.prefix
        configuration.heartbeat = .seconds(4)
        configuration.publishTimeout = .seconds(8)
        configuration.presenceInterval = .milliseconds(400)
        // More than any test takes without acknowledging it.
        configuration.prefetch = 600
        return configuration
    }
}

/// A topology that a test has for itself.
extension BrokerTopology {
    static func orders(partitions: Int) -> BrokerTopology {
        BrokerTopology(topics: ["orders", "orders.DLQ"], groups: [.init(name: "billing", topics: ["orders"])], partitions: partitions)
    }
}

/// Opens a broker for a closure, and removes what it made afterwards.
func withBroker<T>(_ configuration: RabbitMQConfiguration, _ topology: BrokerTopology, _ body: (RabbitMQBroker) async throws -> T) async throws -> T {
    let broker = try RabbitMQBroker(configuration)
    do {
        try await broker.open(topology)
        let result = try await body(broker)
        await TestServer.remove(topology, configuration, broker)
        return result
    } catch {
        await TestServer.remove(topology, configuration, broker)
        throw error
    }
}

extension TestServer {
    static func remove(_ topology: BrokerTopology, _ configuration: RabbitMQConfiguration, _ broker: RabbitMQBroker? = nil) async {
        await broker?.close()
        guard let cleaner = try? RabbitMQBroker(configuration) else { return }
        try? await cleaner.remove(topology)
        await cleaner.close()
    }
}

/// Looks at a condition until it is met.
/// - Throws: when that takes longer than a minute.
func eventually(_ what: Comment, within patience: Duration = .seconds(60), _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "still not: \(what)")
        try await Task.sleep(for: .milliseconds(20))
    }
}

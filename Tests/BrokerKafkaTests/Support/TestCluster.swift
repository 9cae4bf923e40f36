import CKafka
import Foundation
import Logging
import Messaging
import Synchronization
import Testing
import Wire

@testable import BrokerKafka

/// The cluster that the tests run on: the one that `WAYBILL_TEST_KAFKA` names, or a mock that they start.
enum TestCluster {
    private static let external = ProcessInfo.processInfo.environment["WAYBILL_TEST_KAFKA"]
    private static let externalIsMock = ProcessInfo.processInfo.environment["WAYBILL_TEST_KAFKA_IS_MOCK"] != nil
    private static let mock = Result { try MockCluster(brokers: 3) }

    /// Whether the tests are to run: without a server they fail where CI is set, and are skipped aloud elsewhere.
    static var isWanted: Bool { external != nil || MockCluster.isWanted }
    static let hint: Comment = "no Kafka: build kafka-mock, or name a cluster in WAYBILL_TEST_KAFKA"

    /// What all tests share.
    static func configuration() throws -> KafkaConfiguration {
        guard let external else { return configuration(try mock.get().bootstrap, isMock: true) }
        return configuration(external, isMock: externalIsMock)
    }

    /// A mock of a test's own, which it may hurt.
    static func configuration(_ cluster: MockCluster) -> KafkaConfiguration { configuration(cluster.bootstrap, isMock: true) }

    private static func configuration(_ bootstrap: String, isMock: Bool) -> KafkaConfiguration {
        var configuration = KafkaConfiguration(bootstrapServers: bootstrap)
        configuration.sessionTimeout = .seconds(6)
        configuration.publishTimeout = .seconds(15)
        configuration.maximumHeldMessages = 500
        configuration.statisticsInterval = .seconds(1)
        if isMock {
            configuration.createsTopics = false
            // The mock lets a group wait for almost as long whenever somebody comes or goes. Real brokers do not, and accept nothing below six seconds.
            configuration.sessionTimeout = .seconds(3)
            // The mock answers a fetch that finds nothing when its time is up, not when something comes.
            configuration.properties["fetch.wait.max.ms"] = "20"
        }
        return configuration
    }

    /// Deletes a topology's topics, where the cluster outlives the tests.
    static func remove(_ topology: BrokerTopology) async {
        guard let external, !externalIsMock else { return }
        let (configuration, log) = (KafkaConfiguration(bootstrapServers: external), TestLog())
        guard let client = try? KafkaClient(.producer, configuration.administration, configuration, events: nil, logger: log.logger) else { return }
        var topics = topology.topics.map { rd_kafka_DeleteTopic_new($0) }
        let answers = rd_kafka_queue_new(client.handle)
        rd_kafka_DeleteTopics(client.handle, &topics, topics.count, nil, answers)
        rd_kafka_event_destroy(rd_kafka_queue_poll(answers, 10_000))
        rd_kafka_DeleteTopic_destroy_array(&topics, topics.count)
        rd_kafka_queue_destroy(answers)
        client.destroy()
    }

    static func broker(_ configuration: KafkaConfiguration, log: TestLog = TestLog()) -> KafkaBroker { KafkaBroker(configuration, logger: log.logger) }

    /// A topology with names of its own.
    static func topology(topics: Int = 1, partitions: Int = 4) -> BrokerTopology {
        let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let names = (0..<topics).map { "test\($0)-\(tag)" }
        return BrokerTopology(topics: names, groups: [.init(name: "group-\(tag)", topics: names)], partitions: partitions)
    }

    static func message(_ key: Int, _ number: Int, topic: String, padding: Int = 0) -> BrokerMessage {
        BrokerMessage(
            topic: topic, key: Identifier(high: 0x0192_8f00_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(key)),
            headers: [.init("id", "\(key)-\(number)"), .init("type", "Numbered"), .init("content-type", "application/json")],
            body: Array("\(number)".utf8) + [UInt8](repeating: 32, count: padding))
    }
}

/// Keeps what is logged.
final class TestLog: LogHandler, @unchecked Sendable {
    private let kept = Mutex<[String]>([])
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    var lines: [String] { kept.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in self } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { keep("\(event.level) \(event.message) \(event.metadata ?? [:])") }

    private func keep(_ line: String) {
        kept.withLock { $0.append(line) }
        if ProcessInfo.processInfo.environment["WAYBILL_TEST_LOG"] != nil { print(line) }
    }
}

extension BrokerSubscription {
    /// Takes and acknowledges until so many messages have come, at most for a minute; then the subscription is closed, and too few are returned.
    func take(_ count: Int, acknowledges: Bool = true) async throws -> [BrokerDelivery] {
        let alarm = Task {
            try? await Task.sleep(for: .seconds(60))
            if !Task.isCancelled { await close() }
        }
        defer { alarm.cancel() }
        var all: [BrokerDelivery] = []
        while all.count < count {
            do {
                guard let deliveries = try await next(limit: 500) else { break }
                if acknowledges { await acknowledge(deliveries) }
                all += deliveries
            } catch BrokerError.unavailable { continue }
        }
        return all
    }
}

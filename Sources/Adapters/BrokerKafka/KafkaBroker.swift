import CKafka
import Dispatch
import Logging
import Messaging
import Metrics
import Storage
import Synchronization

/// Kafka as the log of events, through librdkafka.
///
/// Publishing is idempotent and waits for all in-sync replicas. Consumers are members of Kafka's groups with cooperative rebalancing; positions are committed after
/// ``BrokerSubscription/acknowledge(_:)``, that is after the effects are durable. No call of the library that may wait runs on Swift's own threads.
public final class KafkaBroker: EventBroker {
    private struct State {
        var producer: KafkaProducer?
        var subscriptions: [KafkaSubscription] = []
        var topology: BrokerTopology?
        var isClosed = false
    }

    /// So much of a large call is in the library's queue at once.
    private static let chunkMessages = 10_000
    private static let chunkBytes = 64 << 20
    public let name = "kafka"
    private let configuration: KafkaConfiguration
    private let logger: Logger
    private let administration: KafkaAdministration
    private let state = Mutex(State())
    private let replaced = Counter(label: "waybill_kafka_producers_replaced")

    /// A connection to a cluster, made when it is first needed.
    public init(_ configuration: KafkaConfiguration, logger: Logger) {
        (self.configuration, self.logger) = (configuration, logger)
        administration = KafkaAdministration(configuration, logger: logger)
    }

    public func open(_ topology: BrokerTopology) async throws {
        try state.withLock { state in
            if state.isClosed { throw KafkaBroker.closed }
            state.topology = topology
        }
        _ = try producer()
        try await administration.open(topology)
    }

    public func publish(_ messages: [BrokerMessage]) async throws {
        for (index, message) in messages.enumerated() {
            let size = KafkaMessage.size(of: message)
            if size <= configuration.maximumMessageBytes { continue }
            throw BrokerError.rejected(index: index, reason: "it takes \(size) bytes of at most \(configuration.maximumMessageBytes)")
        }
        let deadline = ContinuousClock.now + configuration.publishTimeout
        var rest = messages[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(KafkaBroker.chunk(of: rest))
            let producer = try producer()
            let outcome = await producer.publish(chunk)
            guard case .published(let count) = outcome else {
                giveUp(producer)
                throw error(outcome, chunk)
            }
            rest = rest.dropFirst(count)
            if count < chunk.count { try await waitForRoom(until: deadline) }
        }
    }

    /// The library's queue is full of what others publish at the same time.
    private func waitForRoom(until deadline: ContinuousClock.Instant) async throws {
        if ContinuousClock.now > deadline { throw BrokerError.unavailable("the queue to the brokers is full") }
        try await Task.sleep(for: .milliseconds(5))
    }

    /// How many of the first messages go into the library's queue together.
    private static func chunk(of messages: ArraySlice<BrokerMessage>) -> Int {
        var (count, bytes) = (0, 0)
        for message in messages.prefix(chunkMessages) {
            bytes += message.body.count
            if count > 0, bytes > chunkBytes { break }
            count += 1
        }
        return count
    }

    private func error(_ outcome: KafkaProducer.Outcome, _ messages: ArraySlice<BrokerMessage>) -> BrokerError {
        if case .failed(let failures) = outcome { return KafkaBroker.error(failures, messages) }
        if state.withLock({ $0.isClosed }) { return KafkaBroker.closed }
        var words = "not everything was confirmed within \(configuration.publishTimeout.milliseconds / 1000) s"
        if case .unknown(let complaint) = outcome, !complaint.isEmpty { words += " (\(complaint))" }
        return .unavailable(words)
    }

    /// The producer at work; a new one after a failure.
    private func producer() throws -> KafkaProducer {
        try state.withLock { state in
            if state.isClosed { throw KafkaBroker.closed }
            if let producer = state.producer { return producer }
            let producer = try KafkaProducer(configuration, logger: logger)
            state.producer = producer
            return producer
        }
    }

    private func giveUp(_ producer: KafkaProducer) {
        state.withLock { state in if state.producer === producer { state.producer = nil } }
        producer.retire()
        replaced.increment()
    }

    public func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription {
        if state.withLock({ $0.isClosed }) { throw KafkaBroker.closed }
        let subscription = try KafkaSubscription(configuration, group: group, topics: topics, member: member, logger: logger)
        let isLate = state.withLock { state in
            if !state.isClosed { state.subscriptions.append(subscription) }
            state.subscriptions.removeAll(where: \.hasEnded)
            return state.isClosed
        }
        if isLate { await subscription.close() }
        return subscription
    }

    public func lag(of group: String) async throws -> Int? {
        guard let topology = state.withLock({ $0.topology }), let group = topology.groups.first(where: { $0.name == group }) else { return nil }
        return try await administration.lag(of: group)
    }

    public func examine(_ topology: BrokerTopology) async -> [EngineFinding] { await administration.examine(topology) }

    public func close() async { await end { await $0.close() } }

    /// Ends everything as the end of the process would: nobody leaves a group, nothing is committed. For tests of crashes.
    package func abandon() async { await end { await $0.abandon() } }

    private func end(_ end: (KafkaSubscription) async -> Void) async {
        let (producer, subscriptions) = state.withLock { state in
            state.isClosed = true
            defer { (state.producer, state.subscriptions) = (nil, []) }
            return (state.producer, state.subscriptions)
        }
        producer?.retire()
        for subscription in subscriptions { await end(subscription) }
        await administration.close()
    }

    static let closed = BrokerError.unavailable("the connection is closed")
}

extension KafkaBroker {
    /// What a failed batch means for its publisher. A batch is refused as a whole; of its messages the largest was the one that was too large.
    static func error(_ failures: [ProducedBatches.Failure], _ chunk: ArraySlice<BrokerMessage>) -> BrokerError {
        func message(_ failure: ProducedBatches.Failure) -> BrokerMessage { chunk[chunk.startIndex + failure.index] }
        func rejected(_ failure: ProducedBatches.Failure) -> BrokerError { .rejected(index: chunk.startIndex + failure.index, reason: failure.error.text) }
        let tooLarge = failures.filter { $0.error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || $0.error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE }
        if let largest = tooLarge.max(by: { KafkaMessage.size(of: message($0)) < KafkaMessage.size(of: message($1)) }) { return rejected(largest) }
        if let invalid = failures.first(where: { $0.error == RD_KAFKA_RESP_ERR_INVALID_RECORD || $0.error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP }) {
            return rejected(invalid)
        }
        if let failure = failures.first(where: { misconfigurations.contains($0.error.rawValue) }) {
            return .misconfigured("kafka: topic \(message(failure).topic): \(failure.error.text)")
        }
        return .unavailable(failures.first?.error.text ?? "the producer failed")
    }

    /// Errors that stay until somebody changes the cluster or the settings.
    private static let misconfigurations: Set<Int32> = Set(
        [
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, RD_KAFKA_RESP_ERR_POLICY_VIOLATION, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        ].map(\.rawValue))
}

import CKafka
import Foundation
import Logging
import Messaging
import Synchronization

/// An idempotent producer, from its birth to its first failure: once a message's fate is unknown, or one was refused, it is given up with all that it still holds
/// and replaced, so that nothing is ever sent after a gap.
///
/// A batch of a producer that was given up may still reach the log late. That is harmless: the brokers take its batches in order and without gaps, and so they
/// take those of its successor, which begins again at the first message of the call. Whoever reads both sees repetitions, and no message before its predecessor.
final class KafkaProducer: KafkaEvents {
    /// A message that was not published.
    struct Failure: Sendable {
        let place: Int
        let error: rd_kafka_resp_err_t
    }
    /// How a batch ended.
    enum Outcome: Sendable {
        case published
        case failed([Failure])
        /// Not everything was confirmed in time; what the library last complained about, if it did.
        case unknown(String)
    }
    private struct Batch {
        var outstanding: Int
        let deadline: ContinuousClock.Instant
        var outcome: Outcome?
        var waiter: CheckedContinuation<Outcome, Never>?
    }
    private struct State {
        var batch: Batch?
        var isRetired = false
        var complaint = ""
        var topics: [String: OpaquePointer] = [:]
    }

    /// More failures than this of one batch tell nothing new.
    private static let maximumFailures = 1000
    private let configuration: KafkaConfiguration
    private let statistics: KafkaStatistics
    private let state = Mutex(State())
    /// Set once, before the thread begins.
    private nonisolated(unsafe) var client: KafkaClient?
    /// What the poll at hand has reported; touched on the thread only.
    private nonisolated(unsafe) var settled = 0
    private nonisolated(unsafe) var failures: [Failure] = []

    /// - Throws: ``BrokerError/misconfigured(_:)``.
    init(_ configuration: KafkaConfiguration, logger: Logger) throws {
        self.configuration = configuration
        statistics = KafkaStatistics(client: "producer")
        let client = try KafkaClient(.producer, configuration.producer, configuration, events: self, logger: logger)
        self.client = client
        let thread = Thread { self.run(client) }
        thread.name = "kafka-producer"
        thread.start()
    }

    /// Publishes messages and tells how that ended. One call at a time.
    func publish(_ messages: ArraySlice<BrokerMessage>) async -> Outcome {
        guard let client, begin(messages.count) else { return .unknown("the producer is given up") }
        var produced = 0
        for (place, message) in zip(messages.indices, messages) {
            let error = topic(message.topic, of: client).map { KafkaMessage.produce(message, to: $0, of: client.handle, place: place + 1) }
            guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                settle(messages.count - produced, [Failure(place: place, error: error ?? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)])
                break
            }
            produced += 1
        }
        return await withCheckedContinuation { continuation in
            let outcome: Outcome? = state.withLock { state in
                guard let outcome = state.batch?.outcome else {
                    if state.batch != nil { state.batch?.waiter = continuation }
                    return state.batch == nil ? .unknown("the producer is given up") : nil
                }
                state.batch = nil
                return outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }

    private func begin(_ count: Int) -> Bool {
        let deadline = ContinuousClock.now + configuration.publishTimeout
        return state.withLock { state in
            if state.isRetired || state.batch != nil { return false }
            state.batch = Batch(outstanding: count, deadline: deadline)
            return true
        }
    }

    /// The library's handle of a topic, which is made once.
    private func topic(_ name: String, of client: KafkaClient) -> OpaquePointer? {
        nonisolated(unsafe) let topic: OpaquePointer? = state.withLock { state in
            if let topic = state.topics[name] { return topic }
            let topic = rd_kafka_topic_new(client.handle, name, nil)
            state.topics[name] = topic
            return topic
        }
        return topic
    }

    /// Gives the producer up: what is not confirmed by now stays unknown. Returns at once; the thread cleans up.
    func retire() {
        let waiter = state.withLock { state in
            state.isRetired = true
            return KafkaProducer.finish(&state, .unknown("the producer is given up"))
        }
        waiter?()
    }

    // MARK: - The thread

    private func run(_ client: KafkaClient) {
        while !state.withLock({ $0.isRetired }) {
            rd_kafka_poll(client.handle, 200)
            settle(settled, failures)
            (settled, failures) = (0, [])
        }
        rd_kafka_purge(client.handle, Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING))
        nonisolated(unsafe) let topics = state.withLock { state in
            defer { state.topics = [:] }
            return Array(state.topics.values)
        }
        for topic in topics { rd_kafka_topic_destroy(topic) }
        client.destroy()
    }

    /// Counts reports, and ends the batch when it is complete, has failed, or has waited for too long.
    private func settle(_ count: Int, _ failures: [Failure]) {
        let waiter = state.withLock { state in
            state.batch?.outstanding -= count
            guard let batch = state.batch, batch.outcome == nil else { return nil as (@Sendable () -> Void)? }
            if !failures.isEmpty { return KafkaProducer.finish(&state, .failed(failures)) }
            if batch.outstanding <= 0 { return KafkaProducer.finish(&state, .published) }
            return ContinuousClock.now < batch.deadline ? nil : KafkaProducer.finish(&state, .unknown(state.complaint))
        }
        waiter?()
    }

    /// Ends the batch; its publisher is resumed by the caller, outside of the lock, or finds the outcome when it comes to wait.
    private static func finish(_ state: inout State, _ outcome: Outcome) -> (@Sendable () -> Void)? {
        guard let batch = state.batch, batch.outcome == nil else { return nil }
        guard let waiter = batch.waiter else {
            state.batch?.outcome = outcome
            return nil
        }
        state.batch = nil
        return { waiter.resume(returning: outcome) }
    }

    func delivered(place: Int, error: rd_kafka_resp_err_t) {
        settled += 1
        if error != RD_KAFKA_RESP_ERR_NO_ERROR, failures.count < KafkaProducer.maximumFailures { failures.append(Failure(place: place - 1, error: error)) }
    }
    func failed(_ error: rd_kafka_resp_err_t, reason: String) { state.withLock { $0.complaint = reason } }
    func statistics(_ json: UnsafeBufferPointer<UInt8>) { statistics.record(json) }
    func rebalance(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {}
    func committed(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {}
}

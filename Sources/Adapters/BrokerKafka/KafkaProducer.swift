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
    /// How a batch ended.
    enum Outcome: Sendable {
        /// All of it is durable; or its first messages, because the library's queue was full then: perhaps none.
        case published(Int)
        case failed([ProducedBatches.Failure])
        /// Not everything was confirmed in time; what the library last complained about, if it did.
        case unknown(String)
    }
    private struct State {
        var batches = ProducedBatches()
        var isRetired = false
        var complaint = ""
        var topics: [String: OpaquePointer] = [:]
    }

    private let configuration: KafkaConfiguration
    private let figures = KafkaStatistics(client: "producer")
    private let state = Mutex(State())
    /// Set once, before the thread begins.
    private nonisolated(unsafe) var client: KafkaClient?
    /// What the poll at hand has reported; touched on the thread only.
    private nonisolated(unsafe) var reports = ProducedBatches.Reports()

    /// - Throws: ``BrokerError/misconfigured(_:)``.
    init(_ configuration: KafkaConfiguration, logger: Logger) throws {
        self.configuration = configuration
        let client = try KafkaClient(.producer, configuration.producer, configuration, events: self, logger: logger)
        self.client = client
        let thread = Thread { self.run(client) }
        thread.name = "kafka-producer"
        thread.start()
    }

    /// Publishes at most ``ProducedBatches/maximumCount`` messages and tells how that ended. Several may be on their way at once.
    func publish(_ messages: ArraySlice<BrokerMessage>) async -> Outcome {
        let deadline = ContinuousClock.now + configuration.publishTimeout
        guard let client, let batch = state.withLock({ $0.isRetired ? nil : $0.batches.begin(messages.count, deadline: deadline) }) else { return .unknown("") }
        for (index, message) in messages.enumerated() {
            let error =
                topic(message.topic, of: client).map {
                    KafkaMessage.produce(message, to: $0, of: client.handle, place: ProducedBatches.place(batch, index))
                } ?? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            if error == RD_KAFKA_RESP_ERR_NO_ERROR { continue }
            settle { state in
                error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? state.batches.cut(batch, at: index) : state.batches.fail(batch, .init(index: index, error: error))
            }
            break
        }
        return await withCheckedContinuation { continuation in
            if let outcome = state.withLock({ $0.batches.wait(for: batch, continuation) }) { continuation.resume(returning: outcome) }
        }
    }

    /// The library's handle of a topic, which is made once.
    private func topic(_ name: String, of client: KafkaClient) -> OpaquePointer? {
        nonisolated(unsafe) let topic: OpaquePointer? = state.withLock { state in
            if let topic = state.topics[name] { return topic }
            if state.isRetired { return nil }
            let topic = rd_kafka_topic_new(client.handle, name, nil)
            state.topics[name] = topic
            return topic
        }
        return topic
    }

    /// Gives the producer up: what is not confirmed by now stays unknown. Returns at once; the thread cleans up.
    func retire() {
        settle { state in
            state.isRetired = true
            state.batches.endAll(.unknown(state.complaint))
        }
    }

    /// Changes the state, and resumes whoever waited for what has ended by that.
    private func settle(_ change: (inout State) -> Void) {
        let ended = state.withLock { state in
            change(&state)
            return state.batches.takeEnded()
        }
        for (waiter, outcome) in ended { waiter.resume(returning: outcome) }
    }

    private func run(_ client: KafkaClient) {
        while !state.withLock({ $0.isRetired && $0.batches.isIdle }) {
            rd_kafka_poll(client.handle, 100)
            let (reports, now) = (self.reports, ContinuousClock.now)
            self.reports = .init()
            settle { state in
                state.batches.note(reports)
                if state.batches.isLate(at: now) { state.isRetired = true }
                if state.isRetired { state.batches.endAll(.unknown(state.complaint)) }
            }
        }
        rd_kafka_purge(client.handle, Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING))
        nonisolated(unsafe) let topics = state.withLock { state in
            defer { state.topics = [:] }
            return Array(state.topics.values)
        }
        for topic in topics { rd_kafka_topic_destroy(topic) }
        client.destroy()
    }

    func delivered(place: Int, error: rd_kafka_resp_err_t) { reports.add(place: place, error: error) }
    func failed(_ error: rd_kafka_resp_err_t, reason: String) { state.withLock { $0.complaint = reason } }
    func statistics(_ json: UnsafeBufferPointer<UInt8>) { figures.record(json) }
    func rebalance(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {}
    func committed(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {}
}

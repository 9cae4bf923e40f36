import CKafka

/// The batches that a producer has on their way, and who waits for them. A value that the producer keeps under a lock.
struct ProducedBatches {
    /// A message that was not published.
    struct Failure: Sendable {
        let index: Int
        let error: rd_kafka_resp_err_t
    }

    /// What one poll of the library has reported.
    struct Reports: Sendable {
        private(set) var settled: [(batch: Int, count: Int)] = []
        private(set) var failures: [(batch: Int, failure: Failure)] = []

        /// Adds a delivery report. They come in runs of one batch.
        mutating func add(place: Int, error: rd_kafka_resp_err_t) {
            let batch = place >> ProducedBatches.indexBits
            if settled.last?.batch == batch { settled[settled.count - 1].count += 1 } else { settled.append((batch, 1)) }
            // More failures than this tell nothing new.
            guard error != RD_KAFKA_RESP_ERR_NO_ERROR, failures.count < 1000 else { return }
            failures.append((batch, Failure(index: place & (1 << ProducedBatches.indexBits - 1), error: error)))
        }
    }

    private struct Batch {
        /// Messages that were handed to the library and not confirmed.
        var outstanding: Int
        var published: Int
        let deadline: ContinuousClock.Instant
        var outcome: KafkaProducer.Outcome?
        var waiter: CheckedContinuation<KafkaProducer.Outcome, Never>?
    }

    private static let indexBits = 14
    /// The most messages of one batch.
    static let maximumCount = 1 << indexBits - 1
    /// By number; 0 is none, for the library takes a null pointer for nothing.
    private var batches: [Int: Batch] = [:]
    private var last = 0

    /// Whether nobody is on the way or waits.
    var isIdle: Bool { batches.isEmpty }

    /// What stands for a message in the library: the batch and the message's place in it.
    static func place(_ batch: Int, _ index: Int) -> Int { batch << indexBits | index }

    /// - Returns: the new batch's number.
    mutating func begin(_ count: Int, deadline: ContinuousClock.Instant) -> Int {
        last += 1
        batches[last] = Batch(outstanding: count, published: count, deadline: deadline)
        return last
    }

    /// The batch ends before this message, which has found no room.
    mutating func cut(_ number: Int, at index: Int) {
        guard let batch = batches[number] else { return }
        batches[number]?.outstanding -= batch.published - index
        batches[number]?.published = index
        complete(number)
    }

    mutating func fail(_ number: Int, _ failure: Failure) { end(number, .failed([failure])) }

    mutating func note(_ reports: Reports) {
        for (number, failures) in Dictionary(grouping: reports.failures, by: \.batch) { end(number, .failed(failures.map(\.failure))) }
        for (number, count) in reports.settled {
            batches[number]?.outstanding -= count
            complete(number)
        }
    }

    /// Whether a batch has waited for too long.
    func isLate(at now: ContinuousClock.Instant) -> Bool { batches.values.contains { $0.outcome == nil && $0.deadline <= now } }

    mutating func endAll(_ outcome: KafkaProducer.Outcome) { for number in batches.keys { end(number, outcome) } }

    private mutating func complete(_ number: Int) {
        if let batch = batches[number], batch.outstanding <= 0 { end(number, .published(batch.published)) }
    }

    /// The first outcome is the outcome.
    private mutating func end(_ number: Int, _ outcome: KafkaProducer.Outcome) { if batches[number]?.outcome == nil { batches[number]?.outcome = outcome } }

    /// Keeps a publisher until its batch ends.
    /// - Returns: the outcome, if it is known already; then the batch is forgotten.
    mutating func wait(for number: Int, _ waiter: CheckedContinuation<KafkaProducer.Outcome, Never>) -> KafkaProducer.Outcome? {
        guard let batch = batches[number] else { return .unknown("") }
        if let outcome = batch.outcome {
            batches[number] = nil
            return outcome
        }
        batches[number]?.waiter = waiter
        return nil
    }

    /// Forgets the batches that have ended and whose publishers wait, and gives them out to be resumed, outside of the lock.
    mutating func takeEnded() -> [(CheckedContinuation<KafkaProducer.Outcome, Never>, KafkaProducer.Outcome)] {
        var ended: [(CheckedContinuation<KafkaProducer.Outcome, Never>, KafkaProducer.Outcome)] = []
        for (number, batch) in batches {
            guard let outcome = batch.outcome, let waiter = batch.waiter else { continue }
            ended.append((waiter, outcome))
            batches[number] = nil
        }
        return ended
    }
}

/// What a load run does.
struct LoadPlan: Sendable {
    /// Who decides when the next order is placed.
    enum Mode: Sendable, Equatable {
        /// Each connection follows its order to the end and then places the next.
        case closed
        /// So many orders a second, whether the platform keeps up or not.
        case open(rate: Double)
    }

    var mode: Mode
    var connections: Int
    var warmup: Duration
    var duration: Duration
    var products: Int
    var seed: UInt64
    /// Sends an Idempotency-Key with each order.
    var isKeyed = false
    /// Whose CPU time counts beside the server's own; see ``ProcessCensus/matching(_:asker:)``.
    var processes: [String] = []
    /// How long the last orders may take to end after the load has ended.
    var drain: Duration = .seconds(30)
}

/// The measured part of a run, without warm-up and drain.
struct LoadWindow: Sendable {
    let begin: ContinuousClock.Instant
    let end: ContinuousClock.Instant

    var seconds: Double { (end - begin) / .seconds(1) }

    func contains(_ instant: ContinuousClock.Instant) -> Bool { instant >= begin && instant < end }
}

/// What one connection saw.
struct LoadTally: Sendable {
    /// Orders accepted within the window.
    var accepted = 0
    /// Of orders placed within the window.
    var acceptLatencies: [Duration] = []
    /// Orders within the window that were told to come again later.
    var rejected = 0
    /// Of these, from sending to the answer.
    var rejectLatencies: [Duration] = []
    /// How much later than due the generator sent its orders.
    var lateness: [Duration] = []
    /// Every other refusal and failure of the whole run, by its words.
    var errors: [String: Int] = [:]

    mutating func accept(since: ContinuousClock.Instant, at: ContinuousClock.Instant, in window: LoadWindow) {
        if window.contains(at) { accepted += 1 }
        if window.contains(since) { acceptLatencies.append(at - since) }
    }

    mutating func reject(sent: ContinuousClock.Instant, at: ContinuousClock.Instant, in window: LoadWindow) {
        guard window.contains(at) else { return }
        rejected += 1
        rejectLatencies.append(at - sent)
    }

    mutating func merge(_ other: LoadTally) {
        accepted += other.accepted
        acceptLatencies += other.acceptLatencies
        rejected += other.rejected
        rejectLatencies += other.rejectLatencies
        lateness += other.lateness
        errors.merge(other.errors, uniquingKeysWith: +)
    }
}

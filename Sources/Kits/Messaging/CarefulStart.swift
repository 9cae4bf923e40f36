import Storage
import Wire

/// Tells whether the last run of a consumer ended properly: its row is there while the consumer runs.
enum Runs {
    private static let begin = SQL("INSERT INTO runs (id, began_at) VALUES (1, $1) ON CONFLICT DO NOTHING")
    private static let end = SQL("DELETE FROM runs")

    /// - Returns: whether the run before had ended properly.
    static func begin(at now: Timestamp, in transaction: any Transaction) throws -> Bool { try transaction.executeCounting(begin, [.time(now)]) == 1 }
    static func end(in transaction: any Transaction) throws { try transaction.execute(end) }
}

/// What a consumer has to handle with care after a run that did not end properly: the events that were committed and not applied then. One of them may have
/// ended the process.
struct CarefulStart: Sendable {
    /// How many are tried together at each attempt: all at first, for most crashes are nobody's fault and a restart should cost little; then fewer, to find
    /// the guilty one. Who ended the process alone is not tried again before the others.
    private static let batches = [Int.max, 64, 1]

    /// How many events are tried together at an attempt, which counts from 1 (0 is none: all together); nil where an event is to be parked instead.
    static func batch(attempt: Int64) -> Int? {
        if attempt == 0 { return .max }
        return attempt <= batches.count ? batches[Int(attempt) - 1] : nil
    }

    /// Per source, the newest event that could have been in the consumer's hands.
    private var limits: [String: Int64]
    /// Attempts that began and did not end, by event.
    private(set) var suspects: [Identifier: Int64]

    /// - Parameters:
    ///   - positions: what was applied, by source.
    ///   - last: what was committed, by source.
    init(positions: [String: Int64], last: [String: Int64], suspects: [Identifier: Int64]) {
        limits = last.filter { $0.value > positions[$0.key] ?? 0 }
        self.suspects = suspects
    }

    var isOver: Bool { limits.isEmpty }

    func covers(_ source: String) -> Bool { limits[source] != nil }

    /// Notes that a source's events are applied or parked up to here.
    mutating func passed(_ source: String, through sequence: Int64) {
        if let limit = limits[source], sequence >= limit { limits[source] = nil }
        if limits.isEmpty { suspects = [:] }
    }
}

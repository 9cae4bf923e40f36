import Logging
import Storage
import Synchronization
import Wire

/// Which of the events that arrive have been applied before.
///
/// A log that is *exact* numbers its events in the order in which they were committed, and ``EventFeed`` hands them on without a gap. What this consumer has applied of it
/// is then told by one number, which it keeps with the effect anyway: its position. Everything else is told apart by its id (the inbox). See ADR 0021.
extension Consumer {
    /// Leaves out what has been applied; the rest counts as applied from now on. In order.
    func admit(_ events: [Envelope], in transaction: any Transaction) throws -> [Envelope] {
        if handler.deduplicatesItself { return events }
        var marks = PositionMarks(exactLogs.withLock { $0 })
        var strangers: [Envelope] = []
        var fresh: [Envelope] = []
        fresh.reserveCapacity(events.count)
        for event in events {
            switch try marks.verdict(on: event, in: transaction) {
            case .isNew: fresh.append(event)
            case .wasApplied: break
            case .isUnknown:
                strangers.append(event)
                fresh.append(event)
            }
        }
        if strangers.isEmpty { return fresh }
        var admitted = Set(try Inbox.admit(strangers, in: transaction).map(\.id))
        let asked = Set(strangers.map(\.id))
        return fresh.filter { !asked.contains($0.id) || admitted.remove($0.id) != nil }
    }

    /// Whether an event has to be looked at at all; it counts as applied from now on.
    func admits(_ event: Envelope, in transaction: any Transaction) throws -> Bool { try !admit([event], in: transaction).isEmpty }

    /// Remembers from where on the numbers of exact logs tell what was applied: behind all that was there when this process began. What was there before may have
    /// come in another way, through a broker perhaps, or from a log that somebody has replaced since.
    func trust(_ positions: [String: Int64], _ last: [String: Int64]) {
        let logs = Dictionary(uniqueKeysWithValues: bus.exactSources.map { ($0, max(positions[$0] ?? 0, last[$0] ?? 0)) })
        exactLogs.withLock { $0 = logs }
    }
}

/// How far a consumer has come in the exact logs, as a transaction sees it.
private struct PositionMarks {
    enum Verdict {
        case isNew, wasApplied
        /// The position does not tell.
        case isUnknown
    }

    /// Behind which numbers positions are trusted, by source; other sources are no exact logs.
    private let begins: [String: Int64]
    /// The source that was asked for last, and where the consumer stands in it; events come in runs of one source.
    private var source = ""
    private var begin: Int64?
    private var position: Int64 = 0
    private var others: [String: Int64] = [:]

    init(_ begins: [String: Int64]) { self.begins = begins }

    mutating func verdict(on event: Envelope, in transaction: any Transaction) throws -> Verdict {
        let sequence = event.sequence
        guard sequence > 0 else { return .isUnknown }
        if event.source != source { try turn(to: event.source, in: transaction) }
        guard let begin else { return .isUnknown }
        // What is older than this process is only given to it if it was not applied before, and once; or the number was given out anew.
        guard sequence > begin else { return .isUnknown }
        guard sequence > position else { return .wasApplied }
        position = sequence
        return .isNew
    }

    private mutating func turn(to next: String, in transaction: any Transaction) throws {
        if begin != nil { others[source] = position }
        (source, begin) = (next, begins[next])
        guard begin != nil else { return }
        position = try others[next] ?? Inbox.position(in: next, in: transaction)
    }
}

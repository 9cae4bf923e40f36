import Logging
import Storage
import Wire

/// Events that are too new for this program: during a rolling update a producer may be ahead of its consumers, which must neither lose nor bury what it says.
extension Consumer {
    /// How often an event that was too new is looked at again; the program may have been updated in the meantime.
    private static let updateCheckMilliseconds: Int64 = 10_000

    /// Events from memory as this consumer would have read them.
    func asReadHere(_ events: [Envelope]) -> [Envelope] {
        guard let ownRegistry else { return events }
        // What was encoded in this process is no broken body; were it one, the event as it was handed over is as good.
        return events.map { (try? Envelope(arriving: $0.body, key: $0.key, registry: ownRegistry, sequence: $0.sequence)) ?? $0 }
    }

    /// Parks what is too new, with all later events of the same order behind it, until the program is updated.
    /// - Returns: the events that can be applied.
    func holdUnreadable(_ events: [Envelope], in transaction: any Transaction) throws -> [Envelope] {
        var (ready, held): ([Envelope], Set<Identifier>) = ([], [])
        let now = context.now
        for event in events {
            if event.isReadable, !held.contains(event.key) {
                ready.append(event)
                continue
            }
            held.insert(event.key)
            let error = event.isReadable ? Parking.waitsBehind : Parking.waitsForUpdate
            let due = event.isReadable ? now : now.advanced(byMilliseconds: Consumer.updateCheckMilliseconds)
            try park(.init(event), attempts: 0, due: due, error: error, now: now, in: transaction)
        }
        let count = events.count - ready.count
        transaction.onCommit {
            self.logger.warning("events are too new for this program; they wait until it is updated", metadata: ["count": "\(count)"])
        }
        return ready
    }

    /// Puts off a parked event that is too new still. No attempt is counted: nothing is wrong with the event.
    func waitForUpdate(_ entry: Parking.Entry) async throws {
        let due = context.now.advanced(byMilliseconds: Consumer.updateCheckMilliseconds)
        try await database.write { transaction in
            try Parking.postpone(entry, attempts: entry.attempts, due: due, error: Parking.waitsForUpdate, in: transaction)
        }
    }
}

import Contracts
import Messaging
import Storage
import Wire

/// Keeps every event, and wakes whoever watches once the new ones are durable.
struct ArchiveEvents: EventHandler {
    let live: LiveEvents

    var subscriptions: Set<String>? { Choreography.subscriptions(of: .operations) }
    /// The archive's unique index refuses what is there already.
    var deduplicatesItself: Bool { true }

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        let before = try EventArchive.begin(in: transaction)
        let fresh = try EventArchive.add(events, after: before, in: transaction)
        guard !fresh.isEmpty else { return }
        // An engine may leave numbers out; then what is new has to be looked up.
        let isRun = try EventArchive.last(in: transaction) == before + Int64(fresh.count)
        transaction.onCommit { [live] in live.announce(fresh, after: isRun ? before : nil) }
    }
}

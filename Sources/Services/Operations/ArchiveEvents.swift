import Contracts
import Messaging
import Storage
import Wire

/// Keeps every event, with a message to every endpoint outside that wants it, and wakes whoever watches or sends once the new ones are durable.
struct ArchiveEvents: EventHandler {
    let live: LiveEvents
    /// Given when there are messages to send.
    let messages: TaskSignal

    var subscriptions: Set<String>? { Choreography.subscriptions(of: .operations) }
    /// The archive's unique index refuses what is there already.
    var deduplicatesItself: Bool { true }

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        let (before, hasWebhooks) = try EventArchive.begin(in: transaction)
        let fresh = try EventArchive.add(events, after: before, in: transaction)
        guard !fresh.isEmpty else { return }
        // An engine may leave numbers out; then what is new has to be looked up.
        let isRun = try EventArchive.last(in: transaction) == before + Int64(fresh.count)
        transaction.onCommit { [live] in live.announce(fresh, after: isRun ? before : nil) }
        guard hasWebhooks, try EnqueueDeliveries.write(fresh, at: context.now, in: transaction) else { return }
        transaction.onCommit { [messages] in messages.give() }
    }
}

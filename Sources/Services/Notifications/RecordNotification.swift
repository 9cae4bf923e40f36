import Contracts
import Messaging
import Storage
import Wire

/// Decides what customers are told of, and writes it with the job that sends it. A second event of the same kind for an order tells nothing.
struct RecordNotification: EventHandler {
    let channels: [String]
    let queue: JobQueue

    let subscriptions = Choreography.subscriptions(of: .notifications)

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        let now = context.now
        var notifications: [PendingNotification] = []
        notifications.reserveCapacity(events.count * channels.count)
        for event in events {
            for channel in channels {
                if let notification = PendingNotification(event, channel: channel, id: context.newID(at: now)) { notifications.append(notification) }
            }
        }
        let added = try NotificationTable.add(notifications, at: now, in: transaction)
        try queue.enqueue(zip(notifications, added).compactMap { $1 ? $0.job : nil }, at: now, in: transaction)
    }
}

import Messaging
import Storage
import Wire

/// Writes a message per event and endpoint that wants it, in the transaction that archives the event: so none is forgotten, whatever happens to the process.
enum EnqueueDeliveries {
    /// - Parameter events: those that are new in the archive.
    /// - Returns: whether there is something to send.
    static func write(_ events: [Envelope], at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        let webhooks = try WebhookTable.listening(in: transaction)
        let wanted = events.filter { event in webhooks.contains { $0.wants(event.type) } }
        guard !wanted.isEmpty else { return false }
        let places = try EventArchive.places(of: wanted, in: transaction)
        try WebhookDeliveryTable.add(
            webhooks.flatMap { webhook in
                zip(wanted, places).filter { webhook.wants($0.0.type) }.map { event, place in
                    delivery(of: event.id, key: event.key, type: event.type, at: place, to: webhook.id, now: now)
                }
            }, in: transaction)
        return true
    }

    static func delivery(of event: Identifier, key: Identifier, type: String, at place: Int64, to webhook: Identifier, now: Timestamp) -> WebhookDelivery {
        WebhookDelivery(
            id: WebhookDelivery.id(of: event, for: webhook), webhook: webhook, sequence: place, eventID: event, key: key, type: type, dueAt: now, createdAt: now
        )
    }
}

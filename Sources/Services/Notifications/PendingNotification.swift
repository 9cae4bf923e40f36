import Contracts
import Messaging
import Wire

/// A notification that is to be sent: what the job carries. The text is made when it is sent.
struct PendingNotification: Sendable, Equatable {
    /// The notification's id and its job's: the idempotency key for the channel.
    let id: Identifier
    let orderID: OrderID
    let kind: NotificationKind
    let channel: String
    let customerID: String?
    /// The amount and its currency, for people.
    let total: String?
    let reason: String?
    let correlationID: Identifier
    /// The event that it tells of.
    let causationID: Identifier

    /// What an event is to be told with on a channel; nil for events that customers are not told of.
    init?(_ event: Envelope, channel: String, id: @autoclosure () -> Identifier) {
        switch event.event {
        case let confirmed as OrderConfirmed: (kind, customerID, total, reason) = (.confirmation, confirmed.customerID, confirmed.total.description, nil)
        case let cancelled as OrderCancelled: (kind, customerID, total, reason) = (.cancellation, cancelled.customerID, nil, cancelled.reason)
        case let failed as OrderFailed: (kind, customerID, total, reason) = (.failure, failed.customerID, nil, failed.reason)
        case let shipped as OrderShipped: (kind, customerID, total, reason) = (.shipping, shipped.customerID, nil, nil)
        case let delivered as OrderDelivered: (kind, customerID, total, reason) = (.delivery, delivered.customerID, nil, nil)
        case let refunded as PaymentRefunded: (kind, customerID, total, reason) = (.refund, nil, refunded.amount.description, nil)
        default: return nil
        }
        (self.id, orderID, self.channel, correlationID, causationID) = (id(), event.key, channel, event.correlationID, event.id)
    }

    /// Reads a job back.
    /// - Throws: ``JSONSyntaxError``, ``JSONMismatch``.
    init(_ job: Job) throws {
        if let known = job.content as? PendingNotification {
            self = known
            return
        }
        guard case .object(let json) = try JSONParser.parse(Array(job.payload.utf8)) else { throw JSONMismatch(key: "", expected: "an object") }
        guard let kind = NotificationKind(rawValue: try json.string("kind")) else { throw JSONMismatch(key: "kind", expected: "a kind of notification") }
        (id, orderID, self.kind) = (job.id, job.key, kind)
        channel = try json.string("channel")
        customerID = try json.optionalString("customerId")
        total = try json.optionalString("total")
        reason = try json.optionalString("reason")
        correlationID = try json.identifier("correlationId")
        causationID = try json.identifier("causationId")
    }

    /// The job that sends it.
    var job: Job {
        let payload = JSONWriter.object(capacity: 256) { json in
            json.member("kind", kind.rawValue)
            json.member("channel", channel)
            json.optional("customerId", customerID)
            json.optional("total", total)
            json.optional("reason", reason)
            json.member("correlationId", correlationID)
            json.member("causationId", causationID)
        }
        return Job(id: id, kind: SendNotification.jobKind, key: orderID, payload: String(decoding: payload, as: UTF8.self), content: self)
    }

    /// The message as the customer gets it.
    var message: Message { Message(id: id, orderID: orderID, kind: kind, customerID: customerID, total: total, reason: reason) }
}

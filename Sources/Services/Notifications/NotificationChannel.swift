import Contracts
import Logging
import Wire

/// A way to reach customers: a log, e-mail, SMS.
public protocol NotificationChannel: Sendable {
    /// Its name in the API and in events, short and stable: `log`, `email`.
    var name: String { get }
    /// Sends a message and returns when the other side has taken it; with a timeout of its own, after which it throws. Must be safe to repeat: the
    /// message's id is the same at every attempt.
    /// - Throws: ``ChannelFailure`` with words that may be stored and told; of any other error only the type's name is kept.
    func send(_ message: Message) async throws
}

/// A notification on its way to a customer. Its words are put together when they are asked for: a channel that sends none pays for none.
public struct Message: Sendable {
    /// The notification's id, the idempotency key for the other side.
    public let id: Identifier
    public let orderID: OrderID
    public let kind: NotificationKind
    /// Whom to tell; nil for an order without a customer.
    public let customerID: String?
    private let words: Words

    private enum Words: Sendable {
        case given(subject: String, text: String)
        case rendered(total: String?, reason: String?)
    }

    /// A message with words of its own.
    public init(id: Identifier, orderID: OrderID, kind: NotificationKind, customerID: String?, subject: String, text: String) {
        (self.id, self.orderID, self.kind, self.customerID, words) = (id, orderID, kind, customerID, .given(subject: subject, text: text))
    }

    /// A message in the wording of its kind.
    init(id: Identifier, orderID: OrderID, kind: NotificationKind, customerID: String?, total: String?, reason: String?) {
        (self.id, self.orderID, self.kind, self.customerID, words) = (id, orderID, kind, customerID, .rendered(total: total, reason: reason))
    }

    public var subject: String {
        switch words {
        case .given(let subject, _): subject
        case .rendered(let total, let reason): NotificationWording.of(kind).subject.rendered(values(total, reason))
        }
    }

    public var text: String {
        switch words {
        case .given(_, let text): text
        case .rendered(let total, let reason): NotificationWording.of(kind).text.rendered(values(total, reason))
        }
    }

    private func values(_ total: String?, _ reason: String?) -> NotificationTemplate.Values {
        NotificationTemplate.Values(orderID: orderID.description, total: total, reason: reason)
    }
}

/// Why a channel did not take a message, in words without personal data: they are stored and told in events.
public struct ChannelFailure: Error, Equatable, CustomStringConvertible {
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
    public var description: String { reason }
}

/// Sends to the log. Of a person it names the customer id only, and it leaves the text out, which may repeat words a customer wrote (promise S16).
public struct LogChannel: NotificationChannel {
    public let name = "log"
    private let logger: Logger

    public init(logger: Logger) { self.logger = logger }

    public func send(_ message: Message) async throws {
        logger.info(
            "notification",
            metadata: [
                "notification": "\(message.id)", "order": "\(message.orderID)", "kind": "\(message.kind.rawValue)", "customer": "\(message.customerID ?? "-")",
            ])
    }
}

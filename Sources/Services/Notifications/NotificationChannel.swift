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

/// A rendered notification on its way to a customer.
public struct Message: Sendable {
    /// The notification's id, the idempotency key for the other side.
    public let id: Identifier
    public let orderID: OrderID
    public let kind: NotificationKind
    /// Whom to tell; nil for an order without a customer.
    public let customerID: String?
    public let subject: String
    public let text: String

    public init(id: Identifier, orderID: OrderID, kind: NotificationKind, customerID: String?, subject: String, text: String) {
        (self.id, self.orderID, self.kind, self.customerID, self.subject, self.text) = (id, orderID, kind, customerID, subject, text)
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

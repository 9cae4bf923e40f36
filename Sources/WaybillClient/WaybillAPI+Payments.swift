import Contracts
import Wire

/// A payment of an order.
public struct PaymentView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// The payment's id.
    public let id: Identifier
    /// What is paid.
    public let orderID: OrderID
    /// Such as `CAPTURED`, `FAILED`, `REFUNDED`.
    public let status: String
    /// How it is paid; nil for nothing to pay.
    public let paymentMethod: String?
    /// The payment provider's name for it.
    public let providerReference: String?
    /// Why it failed; nil while it did not.
    public let reason: String?
    /// When it began.
    public let createdAt: Timestamp

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        orderID = try json.identifier("orderId")
        status = try json.string("status")
        paymentMethod = try json.optionalString("paymentMethod")
        providerReference = try json.optionalString("providerReference")
        reason = try json.optionalString("reason")
        createdAt = try json.timestamp("createdAt")
    }
}

/// A message that was sent to a customer, or is to be.
public struct NotificationView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// The message's id.
    public let id: Identifier
    /// What it is about.
    public let orderID: OrderID
    /// What it says, such as `order-confirmed`.
    public let kind: String
    /// How it is sent, such as `email`.
    public let channel: String
    /// How far it is.
    public let status: String
    /// How often it was tried.
    public let attempts: Int64
    /// When it was made.
    public let createdAt: Timestamp

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        orderID = try json.identifier("orderId")
        kind = try json.string("kind")
        channel = try json.string("channel")
        status = try json.string("status")
        attempts = try json.integer("attempts")
        createdAt = try json.timestamp("createdAt")
    }
}

extension WaybillAPI {
    /// `GET /payments?orderId=`.
    public func payments(of id: OrderID, retry: RetryPolicy = .once) async throws -> [PaymentView] {
        let json = try await get("/payments", [("orderId", id.description)], retry: retry)
        return try decode("/payments") { try json.objects("items").map(PaymentView.init) }
    }

    /// The status of an order's payment, such as `CAPTURED`; nil when there is none.
    public func paymentStatus(_ id: OrderID) async throws -> String? { try await payments(of: id).first?.status }

    /// `GET /notifications?orderId=`.
    public func notifications(of id: OrderID, retry: RetryPolicy = .once) async throws -> [NotificationView] {
        let json = try await get("/notifications", [("orderId", id.description)], retry: retry)
        return try decode("/notifications") { try json.objects("items").map(NotificationView.init) }
    }
}

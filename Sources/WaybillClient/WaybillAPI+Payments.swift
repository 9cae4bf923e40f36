import Contracts
import Wire

/// A payment of an order.
public struct PaymentView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    public let id: Identifier
    public let orderID: OrderID
    /// Such as `CAPTURED`, `FAILED`, `REFUNDED`.
    public let status: String
    public let paymentMethod: String?
    /// The payment provider's name for it.
    public let providerReference: String?
    public let reason: String?
    public let createdAt: Timestamp

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
    public let id: Identifier
    public let orderID: OrderID
    public let kind: String
    public let channel: String
    public let status: String
    public let attempts: Int64
    public let createdAt: Timestamp

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

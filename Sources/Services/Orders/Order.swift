import Contracts
import Wire

/// An order as Orders keeps it, without its lines.
struct Order: Sendable {
    let id: OrderID
    let customerID: String?
    let total: Money
    let shippingCountry: String?
    let paymentMethod: String
    /// A JSON object of texts, as the client gave it.
    let metadata: String?
    let placedAt: Timestamp
    let createdAt: Timestamp
    /// When Orders gives up waiting and cancels.
    let deadline: Timestamp
    let correlationID: Identifier
    let lineCount: Int64
    var state: OrderState
    var updatedAt: Timestamp
    /// Why it was cancelled or failed.
    var reason: String?

    /// Payment methods that an operator settles by hand.
    static let offlineMethod = "offline"
}

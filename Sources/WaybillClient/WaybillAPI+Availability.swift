import Contracts
import Wire

/// What there is of one line that was asked for.
public struct AvailabilityView: Sendable {
    /// The product's id; nil for one that there is not.
    public let productID: ProductID?
    /// Its stock-keeping unit, where that was asked for or is known.
    public let sku: String?
    /// Units that were asked for.
    public let requested: Int64
    /// Units that there are.
    public let available: Int64
    /// Whether the catalogue has the product at all.
    public let exists: Bool
    /// The catalogue's price of one unit and its currency; nil for what it does not have.
    public let price: String?
    /// ISO 4217; nil for what the catalogue does not have.
    public let currency: String?

    init(_ json: JSONObject) throws {
        productID = try json.optionalIdentifier("productId")
        sku = try json.optionalString("sku")
        requested = try json.integer("requestedQuantity")
        available = try json.integer("availableQuantity")
        exists = try json.bool("exists")
        price = try json.optionalString("price")
        currency = try json.optionalString("currency")
    }
}

extension WaybillAPI {
    /// `POST /inventory/availability`: is there enough? Advice; the reservation of an order decides.
    /// - Parameter items: products by SKU or id; their prices do not matter.
    /// - Returns: whether there is enough of all of them together, and each line.
    public func availability(_ items: [NewOrder.Item]) async throws -> (isAvailable: Bool, items: [AvailabilityView]) {
        let body = JSONWriter.object(capacity: 64 + 64 * items.count) { json in
            json.key("items")
            json.array(items) { json, item in
                json.object { json in
                    json.optional("productId", item.productID)
                    json.optional("sku", item.sku)
                    json.member("quantity", item.quantity)
                }
            }
        }
        let json = try await send("POST", "/inventory/availability", body: body)
        return try decode("/inventory/availability") { (try json.bool("available"), try json.objects("items").map(AvailabilityView.init)) }
    }
}

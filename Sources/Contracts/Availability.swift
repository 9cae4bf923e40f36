import Wire

/// What Orders asks Inventory before it accepts an order: a line's product, by id or by SKU.
public struct AvailabilityQuestion: Sendable {
    public let productID: ProductID?
    public let sku: String?
    public init(productID: ProductID?, sku: String?) { (self.productID, self.sku) = (productID, sku) }
}

/// What Inventory knows of a product at this moment. Advice, not a promise: the reservation decides.
public struct ProductAvailability: Sendable, Equatable {
    public let productID: ProductID
    public let sku: String
    public let price: Money
    public let available: Int64
    public init(productID: ProductID, sku: String, price: Money, available: Int64) {
        (self.productID, self.sku, self.price, self.available) = (productID, sku, price, available)
    }
}

/// Asks Inventory for products, in order; nil for one that does not exist. Answers within a fraction of a second, or throws when Inventory cannot be reached; at once
/// while it is known not to answer.
public typealias AvailabilityCheck = @Sendable ([AvailabilityQuestion]) async throws -> [ProductAvailability?]

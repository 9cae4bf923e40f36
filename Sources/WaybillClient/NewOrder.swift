import Wire

/// An order to be placed.
public struct NewOrder: Sendable, Equatable {
    /// One line: a product by its SKU or its id.
    public struct Item: Sendable, Equatable {
        public var sku: String?
        public var productID: Identifier?
        public var quantity: Int64
        /// A decimal text; nil takes the catalogue's price.
        public var price: String?

        public init(sku: String? = nil, productID: Identifier? = nil, quantity: Int64, price: String? = nil) {
            (self.sku, self.productID, self.quantity, self.price) = (sku, productID, quantity, price)
        }
    }

    /// An entry of the order's metadata.
    public struct Entry: Sendable, Equatable {
        public var key: String
        public var value: String
        public init(_ key: String, _ value: String) { (self.key, self.value) = (key, value) }
    }

    public var items: [Item]
    public var currency: String
    public var customerID: String?
    public var shippingCountry: String?
    public var paymentMethod: String?
    public var metadata: [Entry]
    /// RFC 3339; only for importers.
    public var placedAt: String?

    public init(
        items: [Item], currency: String, customerID: String? = nil, shippingCountry: String? = nil, paymentMethod: String? = nil, metadata: [Entry] = [],
        placedAt: String? = nil
    ) {
        (self.items, self.currency, self.customerID, self.shippingCountry) = (items, currency, customerID, shippingCountry)
        (self.paymentMethod, self.metadata, self.placedAt) = (paymentMethod, metadata, placedAt)
    }

    /// The body of `POST /orders`. The same order gives the same bytes: an Idempotency-Key is bound to them.
    public var body: [UInt8] {
        JSONWriter.object(capacity: 256 + 80 * items.count) { json in
            json.optional("customerId", customerID)
            json.member("currency", currency)
            json.optional("shippingCountry", shippingCountry)
            json.optional("paymentMethod", paymentMethod)
            json.optional("placedAt", placedAt)
            json.key("items")
            json.array(items) { json, item in
                json.object { json in
                    json.optional("productId", item.productID)
                    json.optional("sku", item.sku)
                    json.member("quantity", item.quantity)
                    json.optional("price", item.price)
                }
            }
            guard !metadata.isEmpty else { return }
            json.key("metadata")
            json.object { json in
                for entry in metadata {
                    json.key(escaping: entry.key)
                    json.string(entry.value)
                }
            }
        }
    }
}

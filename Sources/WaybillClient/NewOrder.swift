import Wire

/// An order to be placed.
public struct NewOrder: Sendable, Equatable {
    /// One line: a product by its SKU or its id.
    public struct Item: Sendable, Equatable {
        /// The product's stock-keeping unit; nil where it is named by its id.
        public var sku: String?
        /// The product's id; nil where it is named by its SKU.
        public var productID: Identifier?
        /// How many units.
        public var quantity: Int64
        /// A decimal text; nil takes the catalogue's price.
        public var price: String?

        /// One line.
        public init(sku: String? = nil, productID: Identifier? = nil, quantity: Int64, price: String? = nil) {
            (self.sku, self.productID, self.quantity, self.price) = (sku, productID, quantity, price)
        }
    }

    /// An entry of the order's metadata.
    public struct Entry: Sendable, Equatable {
        /// Its name.
        public var key: String
        /// What it says.
        public var value: String
        /// One entry.
        public init(_ key: String, _ value: String) { (self.key, self.value) = (key, value) }
    }

    /// Its lines.
    public var items: [Item]
    /// ISO 4217, such as `GBP`.
    public var currency: String
    /// Whose it is; nil for whoever the token says, or nobody.
    public var customerID: String?
    /// Where it goes, ISO 3166-1 alpha-2.
    public var shippingCountry: String?
    /// How it is paid; nil for the platform's usual way.
    public var paymentMethod: String?
    /// What the platform keeps with it and does not understand.
    public var metadata: [Entry]
    /// RFC 3339; only for importers.
    public var placedAt: String?

    /// Nothing is checked here: the platform does.
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

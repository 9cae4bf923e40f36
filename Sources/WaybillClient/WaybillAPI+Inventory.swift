import Contracts
import Wire

/// A product and its stock.
public struct ProductView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// The product's id.
    public let id: ProductID
    /// Its stock-keeping unit.
    public let sku: String
    /// What people call it.
    public let name: String
    /// What one unit costs, as a decimal text.
    public let price: String
    /// ISO 4217, such as `GBP`.
    public let currency: String
    /// Units that can be reserved.
    public let available: Int64
    /// Units that orders have, and have not yet paid.
    public let reserved: Int64
    /// Units that were paid.
    public let sold: Int64
    /// All units that were ever received and not written off.
    public var total: Int64 { available + reserved + sold }

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        sku = try json.string("sku")
        name = try json.string("name")
        price = try json.string("price")
        currency = try json.string("currency")
        available = try json.integer("availableQuantity")
        reserved = try json.integer("reservedQuantity")
        sold = try json.integer("soldQuantity")
    }
}

/// A product to be created or updated.
public struct NewProduct: Sendable, Equatable {
    /// Its stock-keeping unit.
    public var sku: String
    /// What people call it.
    public var name: String
    /// What one unit costs, as a decimal text.
    public var price: String
    /// ISO 4217, such as `GBP`.
    public var currency: String
    /// Units that there are of a product that is new.
    public var available: Int64

    /// Nothing is checked here: the platform does.
    public init(sku: String, name: String, price: String, currency: String, available: Int64) {
        (self.sku, self.name, self.price, self.currency, self.available) = (sku, name, price, currency, available)
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("sku", sku)
            json.member("name", name)
            json.member("price", price)
            json.member("currency", currency)
            json.member("availableQuantity", available)
        }
    }

    /// The body of `POST /inventory/products`.
    public var body: [UInt8] {
        var json = JSONWriter(capacity: 256)
        write(to: &json)
        return json.bytes
    }
}

extension WaybillAPI {
    /// What one bulk upsert may hold; the server takes 1 MiB.
    public static let largestBulk = 1000
    /// The bytes of its body.
    public static let largestBulkBytes = 900 << 10

    /// `POST /inventory/products`.
    public func create(_ product: NewProduct, key: String? = nil) async throws -> ProductView {
        let json = try await send("POST", "/inventory/products", body: product.body, key: key)
        return try decode("/inventory/products") { try ProductView(json) }
    }

    /// `PUT /inventory/products` in as many requests as are needed: creates by SKU, or updates name and price; stock is set for new ones only.
    /// - Parameter progress: told how many products each request held.
    public func upsert(
        _ products: [NewProduct], retry: RetryPolicy = .once, progress: (Int) -> Void = { _ in }
    ) async throws -> (created: Int64, updated: Int64) {
        var (created, updated): (Int64, Int64) = (0, 0)
        for (body, count) in WaybillAPI.bulkBodies(products) {
            let json = try await send("PUT", "/inventory/products", body: body, retry: retry)
            try decode("/inventory/products") {
                created += try json.integer("created")
                updated += try json.integer("updated")
            }
            progress(count)
        }
        return (created, updated)
    }

    /// The bodies of the requests, each within the server's bounds.
    static func bulkBodies(_ products: [NewProduct]) -> [(body: [UInt8], count: Int)] {
        var bodies: [(body: [UInt8], count: Int)] = []
        var items: [UInt8] = []
        var count = 0
        func close() {
            if count > 0 { bodies.append((Array("{\"products\":[".utf8) + items + Array("]}".utf8), count)) }
            (items, count) = ([], 0)
        }
        for product in products {
            let body = product.body
            if count == largestBulk || items.count + body.count > largestBulkBytes { close() }
            if count > 0 { items.append(UInt8(ascii: ",")) }
            items += body
            count += 1
        }
        close()
        return bodies
    }

    /// `GET /inventory/products?sku=`.
    public func product(sku: String) async throws -> ProductView? {
        let json = try await get("/inventory/products", [("sku", sku)])
        return try decode("/inventory/products") { try json.objects("items").first.map(ProductView.init) }
    }

    /// `GET /inventory/products/{id}`.
    public func product(_ id: ProductID) async throws -> ProductView {
        let json = try await get("/inventory/products/\(id)")
        return try decode("/inventory/products/\(id)") { try ProductView(json) }
    }

    /// Every product, page after page, at most `limit`.
    public func eachProduct(limit: Int = .max, retry: RetryPolicy = .once, _ body: (ProductView) throws -> Void) async throws {
        var (cursor, rest): (String?, Int) = (nil, limit)
        repeat {
            let size = min(rest, WaybillAPI.largestPage)
            let json = try await get("/inventory/products", [("limit", String(size)), ("cursor", cursor)], retry: retry)
            let page = try decode("/inventory/products") { try json.objects("items").map(ProductView.init) }
            for product in page { try body(product) }
            rest -= page.count
            cursor = try json.optionalString("nextCursor")
        } while cursor != nil && rest > 0
    }

    /// `PUT /inventory/products/{id}`: name and price.
    /// - Parameter available: a count of the stock, which is recorded as an adjustment; nil leaves it as it is.
    public func update(
        _ id: ProductID, name: String, price: String, currency: String, available: Int64? = nil, key: String? = nil, retry: RetryPolicy = .once
    ) async throws -> ProductView {
        let body = JSONWriter.object { json in
            json.member("name", name)
            json.member("price", price)
            json.member("currency", currency)
            if let available { json.member("availableQuantity", available) }
        }
        let json = try await send("PUT", "/inventory/products/\(id)", body: body, key: key, retry: retry)
        return try decode("/inventory/products/\(id)") { try ProductView(json) }
    }

    /// `POST /inventory/products/{id}/adjustments`.
    public func adjust(_ id: ProductID, by delta: Int64, reason: String, key: String?, retry: RetryPolicy = .once) async throws -> ProductView {
        let body = JSONWriter.object { json in
            json.member("delta", delta)
            json.member("reason", reason)
        }
        let json = try await send("POST", "/inventory/products/\(id)/adjustments", body: body, key: key, retry: retry)
        return try decode("/inventory/products/\(id)/adjustments") { try ProductView(json) }
    }
}

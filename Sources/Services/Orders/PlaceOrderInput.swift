import Contracts
import Web
import Wire

/// The body of `POST /orders`, checked: every mistake is told with its JSON pointer.
struct PlaceOrderInput: Sendable {
    struct Item: Sendable {
        let productID: ProductID?
        let sku: String?
        let quantity: Int64
        /// Nil means the catalogue's price.
        let price: Money?
    }

    static let maximumLines = 2000
    static let maximumQuantity: Int64 = 1_000_000
    /// A clock may be this much ahead of ours.
    private static let clockSkewMilliseconds: Int64 = 300_000

    /// Whose order it is; nil for a guest's.
    let customerID: String?
    let currency: Currency
    let items: [Item]
    let shippingCountry: String?
    let paymentMethod: String
    let metadata: String?
    let placedAt: Timestamp?

    /// - Parameters:
    ///   - principal: who sends it; only programs of the house place orders of the past.
    ///   - customer: the only customer whose order it can be; nil where it can be anybody's.
    /// - Throws: ``Problem``: 422 with all violations, 403 for another customer's order.
    init(_ object: JSONObject, from principal: Principal, for customer: String?, now: Timestamp) throws(Problem) {
        let body = BodyReader(object)
        body.allow("customerId", "currency", "items", "shippingCountry", "paymentMethod", "metadata", "placedAt")
        let named = body.string("customerId", maximum: 64)
        if let customer, let named, named != customer { throw Problem.forbidden("Customers place orders for themselves: leave customerId out.") }
        customerID = customer ?? named
        let code = body.string("currency", required: true, maximum: 3)
        let currency = code.flatMap { Currency($0) }
        if code != nil, currency == nil { body.refuse("currency", "must be an ISO 4217 code in capitals, such as GBP") }
        shippingCountry = body.string("shippingCountry", maximum: 64)
        paymentMethod = PlaceOrderInput.paymentMethod(body)
        let metadata = body.stringMap("metadata", maximumEntries: 50, maximumLength: 500)
        self.metadata = metadata.isEmpty ? nil : PlaceOrderInput.text(metadata)
        placedAt = body.timestamp("placedAt")
        if let placedAt, placedAt > now.advanced(byMilliseconds: PlaceOrderInput.clockSkewMilliseconds) {
            body.refuse("placedAt", "must not lie in the future")
        }
        if placedAt != nil, !principal.setsPrices { body.refuse("placedAt", "may be set by importers only") }
        if let placedAt, placedAt.milliseconds < 0 { body.refuse("placedAt", "must not lie before 1970") }
        let readers = body.objects("items", required: true, count: 1...PlaceOrderInput.maximumLines) ?? []
        items = readers.compactMap { PlaceOrderInput.item($0, currency) }
        try body.finish()
        guard let currency else { throw Problem.invalid([]) }
        self.currency = currency
    }

    private static func item(_ reader: BodyReader, _ currency: Currency?) -> Item? {
        reader.allow("productId", "sku", "quantity", "price")
        let productID = reader.identifier("productId")
        let sku = reader.string("sku", maximum: 64)
        if reader.value("productId", required: false) == nil, reader.value("sku", required: false) == nil { reader.refuse("", "needs a productId or a sku") }
        let quantity = reader.integer("quantity", required: true, in: 1...maximumQuantity)
        let text = reader.decimal("price")
        var price: Money?
        if let text, let currency {
            price = Money(text, currency)
            if price.map({ $0.minorUnits < 0 }) ?? true {
                reader.refuse("price", "must be an amount from 0 to 10^12 minor units, exact in the \(currency.digits) decimals of \(currency.code)")
            }
        }
        guard let quantity else { return nil }
        return Item(productID: productID, sku: sku, quantity: quantity, price: price)
    }

    /// A reference such as `test_approve`; what looks like a card number is refused, so that none is ever stored (promise S16).
    private static func paymentMethod(_ body: BodyReader) -> String {
        guard let method = body.string("paymentMethod", maximum: 64) else { return "test_approve" }
        let isReference = method.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 58, 95].contains($0)
        }
        if !isReference { body.refuse("paymentMethod", "must be a reference of letters, digits and the characters - . : _") }
        if method.utf8.filter({ (48...57).contains($0) }).count >= 12, !method.utf8.contains(where: { (65...90).contains($0) || (97...122).contains($0) }) {
            body.refuse("paymentMethod", "must be a reference to a means of payment, never a card number")
        }
        return method
    }

    private static func text(_ metadata: [(String, String)]) -> String {
        let bytes = JSONWriter.object { json in
            for (key, value) in metadata {
                json.key(escaping: key)
                json.string(value)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

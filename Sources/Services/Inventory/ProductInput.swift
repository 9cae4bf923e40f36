import Contracts
import Web
import Wire

/// A product as a client sends it, checked.
struct ProductInput: Sendable {
    let sku: String
    let name: String
    let price: Money
    let available: Int64?

    /// The body of a creation.
    static func whole(_ object: JSONObject) throws(Problem) -> ProductInput {
        let body = BodyReader(object)
        let input = read(body)
        try body.finish()
        guard let input else { throw Problem.invalid([]) }
        return input
    }

    /// The body of a bulk upsert: `{"products": [...]}`; a SKU stands in it once.
    static func many(_ object: JSONObject, maximum: Int) throws(Problem) -> [ProductInput] {
        let body = BodyReader(object)
        body.allow("products")
        var seen: Set<String> = []
        let inputs = (body.objects("products", required: true, count: 1...maximum) ?? []).compactMap { reader -> ProductInput? in
            guard let input = read(reader) else { return nil }
            if !seen.insert(input.sku).inserted { reader.refuse("sku", "stands in this list twice") }
            return input
        }
        try body.finish()
        return inputs
    }

    /// The body of an update: the SKU may be left out.
    static func update(_ object: JSONObject) throws(Problem) -> (sku: String?, name: String, price: Money, available: Int64?) {
        let body = BodyReader(object)
        // What a GET shows may be sent back.
        body.allow("id", "sku", "name", "price", "currency", "availableQuantity", "reservedQuantity", "soldQuantity")
        let sku = body.string("sku", maximum: 64)
        let name = body.string("name", required: true, maximum: 200)
        let price = readPrice(body)
        let available = body.integer("availableQuantity", in: 0...Product.maximumUnits)
        try body.finish()
        guard let name, let price else { throw Problem.invalid([]) }
        return (sku, name, price, available)
    }

    private static func read(_ body: BodyReader) -> ProductInput? {
        body.allow("sku", "name", "price", "currency", "availableQuantity")
        let sku = body.string("sku", required: true, maximum: 64)
        let name = body.string("name", required: true, maximum: 200)
        let price = readPrice(body)
        let available = body.integer("availableQuantity", in: 0...Product.maximumUnits)
        guard let sku, let name, let price else { return nil }
        return ProductInput(sku: sku, name: name, price: price, available: available)
    }

    private static func readPrice(_ body: BodyReader) -> Money? {
        let code = body.string("currency", required: true, maximum: 3)
        let text = body.decimal("price", required: true)
        guard let code else { return nil }
        guard let currency = Currency(code) else {
            body.refuse("currency", "must be an ISO 4217 code in capitals, such as GBP")
            return nil
        }
        guard let text else { return nil }
        guard let price = Money(text, currency), price.minorUnits >= 0 else {
            body.refuse("price", "must be an amount from 0 to 10^12 minor units, exact in the \(currency.digits) decimals of \(code)")
            return nil
        }
        return price
    }
}

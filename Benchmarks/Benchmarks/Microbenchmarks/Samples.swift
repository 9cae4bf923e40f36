import Contracts
import Wire

/// The data that is measured with: an order of three lines, as clients send it and as events carry it.
enum Samples {
    static let orderBody = Array(
        """
        {"currency": "GBP", "customerId": "17850", "shippingCountry": "United Kingdom", "paymentMethod": "test_approve", "items": [
        {"sku": "85123A", "quantity": 6, "price": "2.55"}, {"sku": "71053", "quantity": 6, "price": "3.39"},
        {"sku": "84406B", "quantity": 8, "price": "2.75"}]}
        """.utf8)

    static let moment = Timestamp(milliseconds: 1_763_730_309_250)

    /// Eight, so that a loop over them cannot be computed once.
    static let amounts = ["2.55", "19.99", "0.85", "1219.26", "7", "100.00", "42.5", "999999.99"]

    /// The event of the same order.
    static func orderCreated() throws -> OrderCreated {
        let currency = try gbp()
        func line(_ sku: String, _ quantity: Int64, _ pence: Int64) -> OrderLine {
            let product = Identifier(high: 0x019a_a3c4_9c00_700b, low: UInt64(pence))
            return OrderLine(productID: product, sku: sku, quantity: quantity, price: Money(minorUnits: pence, currency: currency))
        }
        return OrderCreated(
            customerID: "17850", lines: [line("85123A", 6, 255), line("71053", 6, 339), line("84406B", 8, 275)],
            total: Money(minorUnits: 5764, currency: currency), shippingCountry: "United Kingdom", paymentMethod: "test_approve", placedAt: moment)
    }

    static func gbp() throws -> Currency {
        guard let currency = Currency("GBP") else { throw JSONMismatch(key: "currency", expected: "an ISO 4217 code") }
        return currency
    }

    /// An envelope of that event about the order with this number.
    static func envelope(of event: OrderCreated, number: Int) -> Envelope {
        let id = Identifier(high: UInt64(moment.milliseconds) << 16 | 0x7000, low: UInt64(number))
        let key = Identifier(high: UInt64(moment.milliseconds) << 16 | 0x7001, low: UInt64(number))
        return Envelope(id: id, source: "orders", key: key, version: 1, correlationID: id, time: moment, event: event)
    }
}

import WaybillClient
import Wire

/// What is replayed: the orders of a file, and the stock that they need.
struct ReplayPlan: Sendable {
    static let currency = "GBP"

    let orders: [RetailOrder]
    let products: [RetailProduct]
    let setAside: [SetAsideReason: Int]
    /// What the file says was sold.
    let expected: SalesSummary

    /// - Parameters:
    ///   - limit: only so many orders, the first of the file.
    ///   - factor: stock as a multiple of what the orders need.
    init(_ file: RetailFile, limit: Int? = nil, factor: Double = 1) {
        let orders = limit.map { Array(file.orders.prefix($0)) } ?? file.orders
        self.orders = orders
        setAside = file.setAside
        expected = SalesSummary(orders: orders)
        var units: [String: Int64] = [:]
        for order in orders { for line in order.lines { units[line.stockCode, default: 0] += line.quantity } }
        products = file.products.compactMap { product in
            guard let needed = units[product.stockCode] else { return nil }
            var product = product
            product.unitsNeeded = factor == 1 ? needed : Int64((Double(needed) * factor).rounded(.up))
            return product
        }
    }

    /// The order's name at the platform: of the invoice alone, so that a second run, or one after a crash, finds what the first one placed.
    static func idempotencyKey(_ order: RetailOrder) -> String { "uci-online-retail-\(order.invoice)" }

    static func order(_ order: RetailOrder) -> NewOrder {
        NewOrder(
            items: order.lines.map { .init(sku: $0.stockCode, quantity: $0.quantity, price: MinorUnits.decimal($0.priceMinor)) }, currency: currency,
            customerID: order.customerID, shippingCountry: order.country.isEmpty ? nil : order.country, metadata: [.init("invoice", order.invoice)],
            placedAt: order.placedAt)
    }

    static func product(_ product: RetailProduct) -> NewProduct {
        NewProduct(
            sku: product.stockCode, name: String(product.description.prefix(200)), price: MinorUnits.decimal(product.priceMinor), currency: currency,
            available: product.unitsNeeded)
    }

    /// The months of the orders: from the first day of the first one until before the first day after the last one.
    var period: (from: String, to: String)? {
        guard let first = expected.byMonth.keys.min(), let last = expected.byMonth.keys.max() else { return nil }
        let parts = last.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 2 else { return nil }
        let (year, month) = parts[1] == 12 ? (parts[0] + 1, 1) : (parts[0], parts[1] + 1)
        return ("\(first)-01", "\(year)-\(month < 10 ? "0" : "")\(month)-01")
    }

    /// The same as moments in UTC.
    func range() throws -> Range<Timestamp>? {
        guard let period else { return nil }
        guard let from = Timestamp(period.from + "T00:00:00Z"), let to = Timestamp(period.to + "T00:00:00Z") else {
            throw JSONMismatch(key: "InvoiceDate", expected: "a date of the years 1 to 9999")
        }
        return from..<to
    }
}

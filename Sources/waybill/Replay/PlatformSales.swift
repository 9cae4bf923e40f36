import Contracts
import WaybillClient
import Wire

extension SalesSummary {
    /// What Analytics reports, in one currency.
    ///
    /// - Throws: `JSONMismatch` when the dashboard is not what the API says.
    init(dashboard: JSONObject, currency code: String) throws {
        self.init()
        guard let currency = Currency(code) else { throw JSONMismatch(key: "currency", expected: "an ISO 4217 code") }
        func figures(_ row: JSONObject) throws -> Figures {
            Figures(
                orders: try row.integer("orders"), lines: try row.integer("lines"), units: try row.integer("units"),
                revenueMinor: try row.money("revenue", currency).minorUnits)
        }
        func rows(_ key: String) throws -> [JSONObject] { try dashboard.objects(key).filter { $0["currency"]?.string == code } }
        totals = try dashboard["byCurrency"]?[code]?.object.map(figures) ?? Figures()
        for row in try rows("byMonth") { byMonth[try row.string("month")] = try figures(row) }
        for row in try rows("byCountry") { byCountry[try row.string("country")] = try figures(row) }
        topProducts = SalesSummary.top(
            try rows("topProducts").map { row in
                let figures = try figures(row)
                return ProductFigures(sku: try row.string("sku"), lines: figures.lines, units: figures.units, revenueMinor: figures.revenueMinor)
            })
    }
}

/// What the Orders service says was sold: the same business seen by another service, to check Analytics with.
struct OrdersLedger: Sendable, Equatable {
    var orders: Int64 = 0
    var lines: Int64 = 0
    var revenueMinor: Int64 = 0

    mutating func add(_ order: OrderSummary, _ currency: Currency) throws {
        orders += 1
        lines += order.lineCount
        guard let total = Money(order.totalAmount, currency) else { throw JSONMismatch(key: "totalAmount", expected: "an amount of \(currency.code)") }
        revenueMinor += total.minorUnits
    }

    /// Where Analytics tells something else.
    func differences(from analytics: SalesSummary.Figures) -> [SalesSummary.Difference] {
        let figures = [
            ("orders", "\(orders)", "\(analytics.orders)"), ("lines", "\(lines)", "\(analytics.lines)"),
            ("revenue", MinorUnits.decimal(revenueMinor), MinorUnits.decimal(analytics.revenueMinor)),
        ]
        return figures.filter { $0.1 != $0.2 }.map { .init(field: "orders_service.\($0.0)", expected: $0.1, found: $0.2) }
    }
}

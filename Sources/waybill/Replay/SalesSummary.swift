/// What was sold, counted: in total, by month, by country, and the best products. The replay makes one from the file and one from what the
/// platform reports, and compares them.
struct SalesSummary: Equatable, Sendable {
    /// Counts of some orders. `revenueMinor` is in pence.
    struct Figures: Equatable, Sendable {
        var orders: Int64 = 0
        var lines: Int64 = 0
        var units: Int64 = 0
        var revenueMinor: Int64 = 0

        /// Adds one order. The sums are safe because ``RetailFile`` refuses a file whose grand total leaves 64 bits.
        fileprivate mutating func add(_ order: RetailOrder) {
            orders += 1
            lines += Int64(order.lines.count)
            units += order.units
            revenueMinor += order.totalMinor
        }
    }

    /// Counts of one product over all orders. `revenueMinor` is in pence.
    struct ProductFigures: Equatable, Sendable {
        var sku: String
        var lines: Int64 = 0
        var units: Int64 = 0
        var revenueMinor: Int64 = 0
    }

    /// One figure that differs, for the report.
    struct Difference: Equatable, Sendable {
        /// Where it stands in the JSON, such as `by_month.2011-01.revenue`.
        var field: String
        var expected: String
        var found: String
    }

    /// How many products ``topProducts`` holds.
    static let topCount = 20

    var totals = Figures()
    /// By `YYYY-MM` of the order's time.
    var byMonth: [String: Figures] = [:]
    var byCountry: [String: Figures] = [:]
    /// The products with the most revenue, best first; equal ones by stock code.
    var topProducts: [ProductFigures] = []

    /// Nothing sold; to be filled with what a platform reports.
    init() {}

    /// Counts orders. Month and country are the order's own, so an invoice never counts twice.
    init(orders: [RetailOrder]) {
        var products: [String: ProductFigures] = [:]
        for order in orders {
            totals.add(order)
            byMonth[order.month, default: Figures()].add(order)
            byCountry[order.country, default: Figures()].add(order)
            for line in order.lines {
                var product = products[line.stockCode] ?? ProductFigures(sku: line.stockCode)
                product.lines += 1
                product.units += line.quantity
                product.revenueMinor += line.totalMinor
                products[line.stockCode] = product
            }
        }
        topProducts = Self.top(Array(products.values))
    }

    /// The best ``topCount`` of all products, in their order.
    static func top(_ products: [ProductFigures]) -> [ProductFigures] {
        Array(products.sorted { ($1.revenueMinor, $0.sku) < ($0.revenueMinor, $1.sku) }.prefix(topCount))
    }

    /// Every figure in which `found` differs from this summary, in the order of the JSON; empty if none does.
    func differences(from found: SalesSummary) -> [Difference] {
        let (mine, theirs) = (Dictionary(figures) { first, _ in first }, Dictionary(found.figures) { first, _ in first })
        return Set(mine.keys).union(theirs.keys).sorted().compactMap { field in
            let (expected, other) = (mine[field] ?? "absent", theirs[field] ?? "absent")
            return expected == other ? nil : Difference(field: field, expected: expected, found: other)
        }
    }

    /// Every figure under its name.
    private var figures: [(String, String)] {
        func named(_ name: String, _ figures: Figures) -> [(String, String)] {
            [
                ("\(name).orders", "\(figures.orders)"), ("\(name).lines", "\(figures.lines)"), ("\(name).units", "\(figures.units)"),
                ("\(name).revenue", MinorUnits.decimal(figures.revenueMinor)),
            ]
        }
        var result = named("totals", totals)
        for (month, figures) in byMonth { result += named("by_month.\(month)", figures) }
        for (country, figures) in byCountry { result += named("by_country.\(country)", figures) }
        for (index, product) in topProducts.enumerated() {
            let name = "top20_products_by_revenue.\(index + 1 < 10 ? "0" : "")\(index + 1)"
            result += [
                ("\(name).sku", product.sku), ("\(name).lines", "\(product.lines)"), ("\(name).units", "\(product.units)"),
                ("\(name).revenue", MinorUnits.decimal(product.revenueMinor)),
            ]
        }
        return result
    }
}

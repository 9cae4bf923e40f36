import Contracts
import Storage
import Wire

/// The numbers of the business at a glance.
struct Dashboard: Sendable {
    /// The finest buckets of time that are shown; months always are.
    enum Granularity: String, Sendable, CaseIterable {
        case month, day, hour
    }

    typealias SalesRow = (key: SalesKey, value: SalesFigures)

    let aggregates: Aggregates
    /// The products with the highest revenue, per currency.
    let topProducts: [SalesRow]
    let progress: Progress

    /// All orders, from the stored sums.
    init(top: Int, in transaction: any ReadTransaction) throws {
        aggregates = try AggregateTables.load(products: false, in: transaction)
        progress = try ProgressTable.load(in: transaction)
        topProducts = try aggregates.currencies.flatMap { try AggregateTables.topProducts(top, currency: $0, in: transaction) }.filter { !$0.value.isZero }
    }

    /// The orders placed in a range of time, summed up from their facts.
    init(_ range: Range<Timestamp>, top: Int, in transaction: any ReadTransaction) throws {
        var sums = Aggregates()
        try FactTable.scan(range, in: transaction) { try sums.move(from: OrderFact(id: $0.id), to: $0) }
        aggregates = sums
        progress = try ProgressTable.load(in: transaction)
        let products = sums.sales.filter { $0.key.dimension == .product }
        topProducts = sums.currencies.flatMap { currency in
            products.filter { $0.key.currency == currency }
                .sorted { ($1.value.revenue, $0.key.bucket) < ($0.value.revenue, $1.key.bucket) }
                .prefix(top)
        }
    }

    func write(to json: inout JSONWriter, granularity: Granularity) {
        json.key("ordersByStatus")
        json.object { json in
            for status in OrderStatus.allCases {
                json.key(escaping: status.rawValue)
                json.integer(aggregates.statuses[status] ?? 0)
            }
        }
        writeTotals(to: &json)
        writeBuckets("byMonth", "month", aggregates.hours { $0.prefix(7) }, to: &json)
        if granularity != .month { writeBuckets("byDay", "day", aggregates.hours { $0.prefix(10) }, to: &json) }
        if granularity == .hour { writeBuckets("byHour", "hour", aggregates.hours { $0[...] }, to: &json) }
        writeBuckets("byCountry", "country", aggregates.sales.filter { $0.key.dimension == .country }.sorted { $0.key < $1.key }, to: &json)
        writeBuckets("topProducts", "sku", topProducts, to: &json)
        json.key("createdToPaidMs")
        aggregates.latency.write(to: &json)
        json.key("failuresByReason")
        json.object { json in
            // Reasons may be customers' own words: the list ends somewhere.
            for (reason, count) in aggregates.reasons.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }).prefix(100) {
                json.key(escaping: reason)
                json.integer(count)
            }
        }
        progress.write(to: &json)
    }

    private func writeTotals(to json: inout JSONWriter) {
        let totals = aggregates.totals
        json.key("totals")
        json.object { json in
            if totals.count <= 1 {
                (totals.first?.value ?? SalesFigures()).write(to: &json, currency: totals.first?.key)
            } else {
                // Amounts of several currencies have no sum.
                let orders = totals.reduce(into: SalesFigures()) { $0 += $1.value }
                json.member("orders", orders.orders)
                json.member("lines", orders.lines)
                json.member("units", orders.units)
            }
        }
        json.key("byCurrency")
        json.object { json in
            for (currency, figures) in totals {
                json.key(escaping: currency)
                json.object { figures.write(to: &$0, currency: currency) }
            }
        }
    }

    private func writeBuckets(_ key: StaticString, _ name: StaticString, _ rows: [SalesRow], to json: inout JSONWriter) {
        json.key(key)
        json.array(rows) { json, row in
            json.object { json in
                json.member(name, row.key.bucket)
                json.member("orders", row.value.orders)
                json.member("lines", row.value.lines)
                json.member("units", row.value.units)
                json.member("revenue", Dashboard.amount(row.value.revenue, row.key.currency))
                json.member("currency", row.key.currency)
            }
        }
    }

    fileprivate static func amount(_ minorUnits: Int64, _ currency: String?) -> String {
        Money.format(minorUnits, digits: currency.flatMap { Currency($0) }?.digits ?? 2)
    }
}

extension SalesFigures {
    /// Writes all figures of a currency; nil for a currency that is not known yet.
    fileprivate func write(to json: inout JSONWriter, currency: String?) {
        json.member("orders", orders)
        json.member("lines", lines)
        json.member("units", units)
        json.member("revenue", Dashboard.amount(revenue, currency))
        json.member("captured", Dashboard.amount(captured, currency))
        json.member("refunded", Dashboard.amount(refunded, currency))
        json.member("averageOrderValue", Dashboard.amount(averageOrderValue, currency))
        json.optional("currency", currency)
    }

    /// Revenue per order in minor units, rounded half away from zero.
    var averageOrderValue: Int64 {
        guard orders > 0 else { return 0 }
        return (abs(revenue) + orders / 2) / orders * revenue.signum()
    }
}

extension Aggregates {
    /// All currencies there are sales in, sorted.
    var currencies: [String] { totals.map(\.key) }

    /// The sums per currency, sorted by it.
    var totals: [(key: String, value: SalesFigures)] {
        var totals: [String: SalesFigures] = [:]
        for (key, figures) in sales where key.dimension == .hour { totals[key.currency, default: SalesFigures()] += figures }
        return totals.sorted { $0.key < $1.key }
    }

    /// The hours summed up to buckets that a part of their text names, sorted.
    func hours(_ part: (String) -> Substring) -> [Dashboard.SalesRow] {
        var sums: [SalesKey: SalesFigures] = [:]
        for (key, figures) in sales where key.dimension == .hour {
            sums[SalesKey(dimension: .hour, bucket: String(part(key.bucket)), currency: key.currency), default: SalesFigures()] += figures
        }
        return sums.filter { !$0.value.isZero }.sorted { $0.key < $1.key }
    }
}

extension LatencyHistogram {
    func write(to json: inout JSONWriter) {
        json.object { json in
            if let p50 = percentile(perMille: 500), let p95 = percentile(perMille: 950), let p99 = percentile(perMille: 990) {
                json.member("p50", p50)
                json.member("p95", p95)
                json.member("p99", p99)
            }
            json.member("count", count)
        }
    }
}

extension Progress {
    func write(to json: inout JSONWriter) {
        if updatedThrough.milliseconds > 0 { json.member("updatedThrough", updatedThrough) }
        json.member("rebuilding", isRebuilding)
    }
}

import Contracts
import Wire

/// What sales are summed by.
enum SalesDimension: Int64, Sendable, CaseIterable {
    /// The hour of `placedAt` in UTC; days and months are sums of hours.
    case hour = 1
    case country = 2
    case product = 3
}

/// One row of the sales.
struct SalesKey: Hashable, Sendable, Comparable {
    let dimension: SalesDimension
    /// `2010-12-01T08:00Z`, a country, or a product.
    let bucket: String
    let currency: String

    /// Buckets alone tell rows apart well enough.
    func hash(into hasher: inout Hasher) { hasher.combine(bucket) }

    static func < (a: SalesKey, b: SalesKey) -> Bool {
        (a.dimension.rawValue, a.bucket, a.currency) < (b.dimension.rawValue, b.bucket, b.currency)
    }
}

/// The figures of one row. Amounts are minor units.
struct SalesFigures: Sendable, Equatable {
    var orders: Int64 = 0
    var lines: Int64 = 0
    var units: Int64 = 0
    var captured: Int64 = 0
    var refunded: Int64 = 0

    /// What was taken and not given back.
    var revenue: Int64 { captured - refunded }
    var isZero: Bool { self == SalesFigures() }

    static func += (a: inout SalesFigures, b: SalesFigures) {
        a.orders += b.orders
        a.lines += b.lines
        a.units += b.units
        a.captured += b.captured
        a.refunded += b.refunded
    }
}

/// Sums over orders and events, or changes of such sums.
struct Aggregates: Sendable, Equatable {
    private(set) var sales: [SalesKey: SalesFigures] = [:]
    private(set) var statuses: [OrderStatus: Int64] = [:]
    private(set) var reasons: [String: Int64] = [:]
    private(set) var latency = LatencyHistogram()
    private(set) var events: [String: Int64] = [:]

    mutating func count(eventOf type: String) { events[type, default: 0] += 1 }

    /// Takes away what an order counted for before and adds what it counts for now.
    /// - Throws: ``DamagedFact``.
    mutating func move(from before: OrderFact, to after: OrderFact) throws {
        if before.status != after.status {
            if let status = before.status { add(-1, to: status) }
            if let status = after.status { add(1, to: status) }
        }
        if before.reason != after.reason {
            if let reason = before.reason { add(-1, toReason: reason) }
            if let reason = after.reason { add(1, toReason: reason) }
        }
        if before.latencyMilliseconds != after.latencyMilliseconds {
            if let latency = before.latencyMilliseconds { self.latency.add(-1, toBucket: LatencyHistogram.bucket(of: latency)) }
            if let latency = after.latencyMilliseconds { self.latency.add(1, toBucket: LatencyHistogram.bucket(of: latency)) }
        }
        try moveSales(from: before, to: after)
    }

    /// Sales count only where the lines are known; until then the fact keeps what is to be counted.
    private mutating func moveSales(from before: OrderFact, to after: OrderFact) throws {
        guard let placedAt = after.placedAt, let currency = after.currency else { return }
        let wasKnown = before.products != nil
        let orders: Int64 = (after.isSold ? 1 : 0) - (wasKnown && before.isSold ? 1 : 0)
        let (capturedBefore, refundedBefore) = wasKnown ? (before.captured, before.refunded) : (0, 0)
        guard orders != 0 || after.captured != capturedBefore || after.refunded != refundedBefore else { return }
        guard let products = try after.shares() else { return }

        var whole = SalesFigures(orders: orders, captured: after.captured - capturedBefore, refunded: after.refunded - refundedBefore)
        let captured = Aggregates.change(from: capturedBefore, to: after.captured, of: products)
        let refunded = Aggregates.change(from: refundedBefore, to: after.refunded, of: products)
        for (index, share) in products.shares.enumerated() {
            let figures = SalesFigures(
                orders: orders, lines: orders * share.lines, units: orders * share.units, captured: captured?[index] ?? 0, refunded: refunded?[index] ?? 0)
            whole.lines += figures.lines
            whole.units += figures.units
            add(figures, to: SalesKey(dimension: .product, bucket: share.product, currency: currency))
        }
        add(whole, to: SalesKey(dimension: .hour, bucket: placedAt.hour, currency: currency))
        add(whole, to: SalesKey(dimension: .country, bucket: after.country ?? "unknown", currency: currency))
    }

    /// What each product's part of an amount changes by; nil for no change.
    private static func change(from before: Int64, to after: Int64, of products: ProductShares) -> [Int64]? {
        guard before != after else { return nil }
        let parts = products.division(of: after)
        return before == 0 ? parts : zip(parts, products.division(of: before)).map { $0 - $1 }
    }

    // Sums that are zero are absent, so that equal sums are equal values.

    mutating func add(_ figures: SalesFigures, to key: SalesKey) {
        guard !figures.isZero else { return }
        guard let index = sales.index(forKey: key) else {
            sales[key] = figures
            return
        }
        sales.values[index] += figures
        if sales.values[index].isZero { sales.remove(at: index) }
    }
    mutating func add(_ count: Int64, to status: OrderStatus) {
        let sum = (statuses[status] ?? 0) + count
        statuses[status] = sum == 0 ? nil : sum
    }
    mutating func add(_ count: Int64, toReason reason: String) {
        let sum = (reasons[reason] ?? 0) + count
        reasons[reason] = sum == 0 ? nil : sum
    }
    mutating func add(_ count: Int64, toLatencyBucket bucket: Int64) { latency.add(count, toBucket: bucket) }
    mutating func add(_ count: Int64, toEventsOf type: String) { events[type, default: 0] += count }
}

import Contracts
import WaybillClient
import Wire

/// Asks Analytics and Orders what was sold, once they agree or have stopped changing.
struct Reconcile: Sendable {
    /// What the platform says.
    struct Result: Sendable {
        var sales: SalesSummary
        var ledger: OrdersLedger
        /// Where the placed orders stand.
        var statuses: [OrderStatus: Int]
        /// Reasons of those that are not sold.
        var reasons: [String: Int]
        /// Accepted orders that Orders knows no more; there must never be any.
        var lost: [OrderID]
        /// Orders that are not of this file.
        var others: Int64
    }

    /// Analytics is given up on when its figures stand still for so long.
    static let defaultPatience: Duration = .seconds(15)
    static let interval: Duration = .milliseconds(300)
    let api: WaybillAPI
    let retry: RetryPolicy
    let plan: ReplayPlan
    var patience = defaultPatience

    func callAsFunction(_ ids: Set<OrderID>) async throws -> Result {
        var (sales, others) = try await analytics(ids)
        var result = try await orders(ids, sales, others)
        var lastChange = ContinuousClock.now
        while !result.ledger.differences(from: sales.totals).isEmpty, ContinuousClock.now - lastChange < patience {
            try await Task.sleep(for: Reconcile.interval)
            let now = try await analytics(ids)
            if now.sales != sales { lastChange = .now }
            if now.others != others { result = try await orders(ids, now.sales, now.others) }
            (sales, others) = now
        }
        result.sales = sales
        return result
    }

    /// The dashboard of all orders; where there are others than ours, of those placed in the file's months.
    private func analytics(_ ids: Set<OrderID>) async throws -> (sales: SalesSummary, others: Int64) {
        let all = try await api.dashboard(top: SalesSummary.topCount, retry: retry)
        let count = (all["ordersByStatus"]?.object?.members ?? []).reduce(0) { $0 + ($1.value.integer ?? 0) }
        let others = max(0, count - Int64(ids.count))
        guard others > 0, let period = plan.period else { return (try SalesSummary(dashboard: all, currency: ReplayPlan.currency), others) }
        let part = try await api.dashboard(top: SalesSummary.topCount, from: period.from, to: period.to, retry: retry)
        return (try SalesSummary(dashboard: part, currency: ReplayPlan.currency), others)
    }

    private func orders(_ ids: Set<OrderID>, _ sales: SalesSummary, _ others: Int64) async throws -> Result {
        guard let currency = Currency(ReplayPlan.currency) else { throw JSONMismatch(key: "currency", expected: "an ISO 4217 code") }
        var result = Result(sales: sales, ledger: OrdersLedger(), statuses: [:], reasons: [:], lost: [], others: others)
        let period = others > 0 ? try plan.range() : nil
        var missing = ids
        for status in OrderStatus.allCases where status.isSettled {
            let isSold = status != .cancelled && status != .failed
            // Sold orders of any time count; of the others only ours are of interest.
            let filter = isSold ? OrderFilter(status: status) : AwaitSettlement.filter(ids, status)
            try await api.eachOrder(filter, retry: retry) { order in
                if isSold, order.currency == currency.code, period?.contains(order.placedAt) ?? true { try result.ledger.add(order, currency) }
                guard missing.remove(order.id) != nil else { return }
                result.statuses[status, default: 0] += 1
                if !isSold { result.reasons["\(status): \(order.reason ?? "no reason given")", default: 0] += 1 }
            }
        }
        result.lost = missing.sorted()
        return result
    }
}

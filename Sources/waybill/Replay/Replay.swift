import Synchronization
import WaybillClient

/// The replay itself: stock, place, wait, reconcile.
struct Replay: Sendable {
    let plan: ReplayPlan
    let connections: Int
    /// How long a server that is away is waited for.
    let retryFor: Duration
    let mode: ProgressBar.Mode
    /// How long Analytics may stand still before its figures count as final.
    var patience = Reconcile.defaultPatience

    func callAsFunction(_ api: WaybillAPI) async throws -> ReplayReport {
        let retries = Tickets()
        let retry = RetryPolicy(limit: retryFor) { _ in _ = retries.next() }

        let stocking = ProgressBar("stocking", unit: "products", total: plan.products.count, mode: mode)
        let stock = try await StockProducts(api: api, retry: retry, connections: connections)(plan.products, progress: stocking)
        stocking.finish()

        let begin = ContinuousClock.now
        let placing = ProgressBar("placing", unit: "orders", total: plan.orders.count, mode: mode)
        let placed = try await PlaceOrders(api: api, retry: retry, connections: connections)(plan.orders, progress: placing)
        placing.finish()

        let ids = placed.accepted
        let settling = ProgressBar("settling", unit: "orders", total: ids.count, mode: mode)
        try await AwaitSettlement(api: api, retry: retry, patience: max(retryFor, .seconds(120)))(ids, progress: settling)
        settling.finish()
        let seconds = (ContinuousClock.now - begin) / .seconds(1)

        let platform = try await Reconcile(api: api, retry: retry, plan: plan, patience: patience)(ids)
        return ReplayReport(plan: plan, stock: stock, placed: placed, platform: platform, seconds: seconds, retries: retries.next())
    }
}

import Contracts
import WaybillClient

/// Places the orders of a file, many at once, each under its own key.
struct PlaceOrders: Sendable {
    /// What the platform said to the orders.
    struct Result: Sendable {
        /// The ids, in the order of the file; nil for a refused one.
        var ids: [OrderID?] = []
        /// Refusals by their words, with the first invoice of each.
        var refusals: [String: (count: Int, invoice: String)] = [:]

        var accepted: Set<OrderID> { Set(ids.compactMap { $0 }) }
        /// Two invoices must never get one order.
        var isDistinct: Bool { accepted.count == ids.count - refusedCount }
        var refusedCount: Int { refusals.values.reduce(0) { $0 + $1.count } }
    }

    let api: WaybillAPI
    let retry: RetryPolicy
    let connections: Int

    func callAsFunction(_ orders: [RetailOrder], progress: ProgressBar) async throws -> Result {
        let answers = try await inParallel(orders, width: connections) { [api, retry] order -> (OrderID?, String?) in
            defer { progress.advance() }
            let body = ReplayPlan.order(order).body
            do {
                return (try await api.place(body, key: ReplayPlan.idempotencyKey(order), retry: retry).id, nil)
            } catch let error as APIError where !error.isTransient && error.status < 500 {
                return (nil, "\(error.title) (status \(error.status))" + (error.violations.first.map { ": \($0.pointer) \($0.detail)" } ?? ""))
            }
        }
        var result = Result(ids: answers.map(\.0))
        for (order, answer) in zip(orders, answers) {
            guard let words = answer.1 else { continue }
            result.refusals[words, default: (0, order.invoice)].count += 1
        }
        return result
    }
}

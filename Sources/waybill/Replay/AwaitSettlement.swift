import Contracts
import WaybillClient
import Wire

/// Waits until none of the placed orders is under way any more, then tells how each ended.
struct AwaitSettlement: Sendable {
    /// Orders that took too long; they may still end.
    struct Stuck: Error, CustomStringConvertible {
        let count: Int
        let patience: Duration
        let example: OrderID?

        var description: String {
            "\(count) orders have not come to an end, and none did for \(patience)" + (example.map { ", for instance \($0)" } ?? "")
                + ". Look at the server's log; run the same command again to go on."
        }
    }

    static let interval: Duration = .milliseconds(300)
    let api: WaybillAPI
    let retry: RetryPolicy
    let patience: Duration

    func callAsFunction(_ ids: Set<OrderID>, progress: ProgressBar) async throws {
        var (rest, lastChange) = (ids.count, ContinuousClock.now)
        while true {
            let open = try await openOrders(of: ids)
            if open.count < rest { (rest, lastChange) = (open.count, .now) }
            progress.advance(by: ids.count - open.count - progress.done)
            if open.isEmpty { return }
            if ContinuousClock.now - lastChange > patience { throw Stuck(count: open.count, patience: patience, example: open.min()) }
            try await Task.sleep(for: AwaitSettlement.interval)
        }
    }

    /// Asked in the order in which an order passes through them, so that none slips by between two questions.
    private func openOrders(of ids: Set<OrderID>) async throws -> Set<OrderID> {
        var open: Set<OrderID> = []
        for status in [OrderStatus.created, .reserved, .cancelling] {
            try await api.eachOrder(AwaitSettlement.filter(ids, status), retry: retry) { if ids.contains($0.id) { open.insert($0.id) } }
        }
        return open
    }

    /// Bounded by the times of acceptance, which the ids carry: other orders need not be looked at.
    static func filter(_ ids: Set<OrderID>, _ status: OrderStatus) -> OrderFilter {
        guard let first = ids.min(), let last = ids.max() else { return OrderFilter(status: status) }
        return OrderFilter(
            status: status, from: Timestamp(milliseconds: first.milliseconds).description, to: Timestamp(milliseconds: last.milliseconds + 1).description)
    }
}

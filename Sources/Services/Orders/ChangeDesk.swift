import Contracts
import Messaging
import Storage
import Wire

/// Orders that are being changed in one transaction: load once, decide one input after the other in memory, write once.
struct ChangeDesk {
    private var orders: [OrderID: Order] = [:]
    private var changed: [OrderID] = []
    private var isChanged: Set<OrderID> = []
    private var history: [(OrderID, Int64, OrderStatus, Timestamp)] = []
    private var events: [Envelope] = []
    private let context: ServiceContext
    private let now: Timestamp

    /// Lays out the orders that a batch is about.
    init(_ ids: [OrderID], in transaction: any Transaction, context: ServiceContext) throws {
        self.context = context
        now = context.now
        var seen = Set<OrderID>(minimumCapacity: ids.count)
        let unique = ids.filter { seen.insert($0).inserted }
        orders.reserveCapacity(unique.count)
        for order in try OrderStore.load(unique, in: transaction) { orders[order.id] = order }
    }

    /// The order as it stands now; nil for one that does not exist.
    subscript(id: OrderID) -> Order? { orders[id] }

    /// Applies an input to an order; each change of status becomes one history row and one event.
    mutating func apply(_ input: OrderState.Input, to id: OrderID, reason: String? = nil, because cause: Envelope? = nil) -> OrderState.Decision {
        guard var order = orders[id] else { return .ignore }
        var (status, version) = (order.state.status, order.state.version)
        let decision = order.state.apply(input)
        switch decision {
        case .ignore, .refuse: return decision
        case .note: break
        case .change(let statuses):
            if statuses.contains(where: { $0 == .cancelling || $0 == .failed || $0 == .cancelled }), order.reason == nil { order.reason = reason }
            for next in statuses {
                let change = StatusChange(from: status, to: next)
                version += 1
                status = next
                history.append((id, version, next, now))
                let event = order.event(of: change, isPaidOffline: input == .payOffline)
                events.append(context.envelope(event, key: id, version: version, because: cause, correlation: order.correlationID))
            }
        }
        order.updatedAt = now
        if isChanged.insert(id).inserted { changed.append(id) }
        orders[id] = order
        return decision
    }

    /// Writes everything, and has the cache forget what was.
    func commit(in transaction: any Transaction, outbox: Outbox, cache: OrderCache?) throws {
        let changedOrders = changed.compactMap { orders[$0] }
        guard !changedOrders.isEmpty else { return }
        try OrderStore.update(changedOrders, in: transaction)
        try OrderStore.insertHistory(history, in: transaction)
        let done = changedOrders.filter { $0.state.status != .created && $0.state.status != .reserved }
        try Timers.cancel(done.map { DueTimer(due: $0.deadline, kind: ExpireOrders.timerKind, key: $0.id) }, in: transaction)
        try outbox.append(events, in: transaction)
        cache?.expire(changedOrders, in: transaction)
    }
}

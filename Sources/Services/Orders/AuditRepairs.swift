import Contracts
import Messaging
import Storage
import Web
import Wire

/// What Orders puts right of its own, through its own state machine.
struct RepairOrders: Repairer {
    let environment: ServiceEnvironment
    let cache: OrderCache?

    func repair(_ action: RepairAction, actor: String) async throws -> RepairOutcome? {
        switch action {
        case .announceStatus(let id, let status): try await change(id, action, actor) { try announce(status, of: $0, in: $1) }
        case .setDeadline(let id): try await change(id, action, actor) { try setDeadline(of: $0, in: $1) }
        case .cancel(let id, let reason): try await change(id, action, actor) { try cancel($0, reason: reason, in: $1) }
        case .releaseStock, .recount, .refund, .requeuePayment, .announcePayment, .recomputeFact, .rebuild, .redeliver: nil
        }
    }

    /// Does something to an order and records it, in one transaction.
    private func change(
        _ id: OrderID, _ action: RepairAction, _ actor: String, _ body: @escaping @Sendable (Order, any Transaction) throws -> Result<String, Refusal>
    ) async throws -> RepairOutcome {
        let context = environment.context
        return try await environment.database.write { transaction in
            guard let order = try OrderStore.load([id], in: transaction).first else { return .refused("there is no such order") }
            let before = "\(order.state.status) in version \(order.state.version)"
            switch try body(order, transaction) {
            case .failure(let refusal): return .refused(refusal.reason)
            case .success(let after):
                try AdminLog(context: context).record(actor: actor, action: action.name, subject: "order \(id)", before: before, after: after, in: transaction)
                return .done(before: before, after: after)
            }
        }
    }

    private struct Refusal: Error { let reason: String }

    private func announce(_ status: OrderStatus, of order: Order, in transaction: any Transaction) throws -> Result<String, Refusal> {
        let history = try OrderStore.history(of: order.id, in: transaction)
        guard let place = history.firstIndex(where: { $0.status == status }) else { return .failure(Refusal(reason: "the order never became \(status)")) }
        let event: Envelope
        if status == .created {
            let created = OrderCreated(
                customerID: order.customerID, lines: try OrderStore.lines(of: order, in: transaction), total: order.total,
                shippingCountry: order.shippingCountry, paymentMethod: order.paymentMethod, placedAt: order.placedAt)
            event = environment.context.envelope(created, key: order.id, version: 1, correlation: order.correlationID)
        } else {
            let change = StatusChange(from: place > 0 ? history[place - 1].status : nil, to: status)
            event = environment.context.envelope(
                order.event(of: change, isPaidOffline: order.state.isOffline), key: order.id, version: history[place].version,
                correlation: order.correlationID)
        }
        try environment.outbox.append([event], in: transaction)
        return .success("\(event.type) was said as \(event.id)")
    }

    private func setDeadline(of order: Order, in transaction: any Transaction) throws -> Result<String, Refusal> {
        guard order.state.status == .created || order.state.status == .reserved else { return .failure(Refusal(reason: "the order is \(order.state.status)")) }
        try Timers.set([DueTimer(due: order.deadline, kind: ExpireOrders.timerKind, key: order.id)], in: transaction)
        return .success("a timer is set for \(order.deadline)")
    }

    private func cancel(_ order: Order, reason: String, in transaction: any Transaction) throws -> Result<String, Refusal> {
        var desk = try ChangeDesk([order.id], in: transaction, context: environment.context)
        guard case .change = desk.apply(.cancel, to: order.id, reason: reason), let changed = desk[order.id] else {
            return .failure(Refusal(reason: "an order that is \(order.state.status) cannot be cancelled"))
        }
        try desk.commit(in: transaction, outbox: environment.outbox, cache: cache)
        return .success("\(changed.state.status) in version \(changed.state.version)")
    }
}

extension OrdersService {
    /// What Orders does on an auditor's or an operator's word.
    public var repairer: any Repairer { RepairOrders(environment: environment, cache: cache) }
}

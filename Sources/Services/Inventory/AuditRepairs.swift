import Contracts
import Messaging
import Storage
import Web
import Wire

/// What Inventory puts right of its own.
struct RepairStock: Repairer {
    let environment: ServiceEnvironment
    let board: AvailabilityBoard

    private static let held = SQL(
        """
        SELECT coalesce(sum(CASE WHEN r.state = 1 THEN l.quantity END), 0), coalesce(sum(CASE WHEN r.state = 5 THEN l.quantity END), 0)
        FROM reservation_lines AS l JOIN reservations AS r ON r.order_id = l.order_id WHERE l.product_id = $1
        """)
    private static let adjusted = SQL("SELECT coalesce(sum(delta), 0) FROM stock_adjustments WHERE product_id = $1")

    func repair(_ action: RepairAction, actor: String) async throws -> RepairOutcome? {
        switch action {
        case .releaseStock(let order, let isTold): try await environment.database.write { try release(order, isTold: isTold, action, actor, in: $0) }
        case .recount(let product): try await environment.database.write { try recount(product, action, actor, in: $0) }
        case .announceStatus, .setDeadline, .cancel, .refund, .requeuePayment, .announcePayment, .recomputeFact, .rebuild, .redeliver: nil
        }
    }

    private func release(_ order: OrderID, isTold: Bool, _ action: RepairAction, _ actor: String, in transaction: any Transaction) throws -> RepairOutcome {
        guard var state = try StockStore.states(of: [order], in: transaction)[order], state == .held, state.apply(.cancellation) == .release else {
            return .refused("nothing is held for the order")
        }
        let context = environment.context
        let lines = try StockStore.lines(of: [order], in: transaction)
        try StockStore.save([(order, state)], at: context.now, in: transaction)
        // Counted, not subtracted: the counters may never have known of what is held.
        var skus: [ProductID: String] = [:]
        for id in Set(lines.map(\.productID)).sorted() { skus[id] = try recounted(id, in: transaction)?.after.sku }
        if !isTold {
            let reservations = lines.map {
                StockReservation(productID: $0.productID, sku: skus[$0.productID] ?? "", quantity: $0.quantity, reservationID: $0.reservationID)
            }
            let released = InventoryReleased(reservations: reservations, reason: "audit")
            try environment.outbox.append([context.envelope(released, key: order)], in: transaction)
        }
        let units = lines.reduce(0) { $0 + $1.quantity }
        return try record(action, actor, "order \(order)", "held, \(units) units", "released", in: transaction)
    }

    private func recount(_ id: ProductID, _ action: RepairAction, _ actor: String, in transaction: any Transaction) throws -> RepairOutcome {
        guard let (before, after) = try recounted(id, in: transaction) else { return .refused("there is no such product") }
        return try record(action, actor, "product \(id)", before.counters, after.counters, in: transaction)
    }

    /// Sets a product's counters to what its adjustments and lines come to. Where more is held than ever came, the difference is recorded as found.
    private func recounted(_ id: ProductID, in transaction: any Transaction) throws -> (before: Product, after: Product)? {
        guard let before = try StockStore.lock(ids: [id], in: transaction).first else { return nil }
        let (held, gone) = try transaction.first(RepairStock.held, [.id(id)]) { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
        let brought = try transaction.first(RepairStock.adjusted, [.id(id)]) { $0.integer(0) } ?? 0
        var after = before
        (after.reserved, after.sold) = (held, gone)
        after.available = max(0, brought - held - gone)
        try StockStore.updateStock([after], in: transaction)
        board.update([after], in: transaction)
        let missing = held + gone - brought
        if missing > 0 {
            let context = environment.context
            try StockStore.recordAdjustments([(id, missing)], reason: "audit", at: context.now, in: transaction)
            let told = StockAdjusted(sku: after.sku, delta: missing, available: after.available, reason: "audit")
            try environment.outbox.append([context.envelope(told, key: id)], in: transaction)
        }
        return (before, after)
    }

    private func record(
        _ action: RepairAction, _ actor: String, _ subject: String, _ before: String, _ after: String, in transaction: any Transaction
    ) throws -> RepairOutcome {
        try AdminLog(context: environment.context).record(
            actor: actor, action: action.name, subject: subject, before: before, after: after, in: transaction)
        return .done(before: before, after: after)
    }
}

extension Product {
    fileprivate var counters: String { "\(sku): \(available) available, \(reserved) reserved, \(sold) sold" }
}

extension InventoryService {
    /// What Inventory does on an auditor's or an operator's word.
    public var repairer: any Repairer { RepairStock(environment: environment, board: board) }
}

import Contracts
import Messaging
import Storage
import Wire

/// Orders as a witness: rows as they stand, judged by nobody here.
struct OrdersOnRecord: OrderWitness {
    let database: any Database

    private static let orders = SQL(
        """
        SELECT id, status, version, flags, currency, total, line_count, created_at, updated_at, deadline_at, reason,
        CASE WHEN status <= 2 THEN (SELECT count(*) FROM timers WHERE due_at = deadline_at AND kind = 'deadline' AND key = orders.id) ELSE 1 END
        FROM orders WHERE id >= $1 AND id <= $2
        """)
    private static let history = SQL(
        "SELECT order_id, version, status, at FROM order_history WHERE order_id >= $1 AND order_id <= $2 ORDER BY order_id, version")
    /// A line of more than the largest amount counts as one minor unit more than that: enough to be noticed, and no sum can overflow.
    private static let lines = SQL(
        """
        SELECT order_id, count(*), sum(CASE WHEN quantity <= 1000000000000 THEN quantity ELSE 1000000000001 END),
        sum(CASE WHEN price <= 1000000000000 / quantity THEN quantity * price ELSE 1000000000001 END)
        FROM order_items WHERE order_id >= $1 AND order_id <= $2 GROUP BY order_id
        """)
    private static let boundary = SQL("SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2")
    private static let count = SQL("SELECT count(*) FROM orders")
    // What is open has a timer, or is being cancelled: both are few, and found without reading the orders that are done.
    private static let waiting = SQL("SELECT key FROM timers WHERE kind = 'deadline' ORDER BY key LIMIT $1")
    private static let cancelling = SQL("SELECT id FROM orders WHERE status = 6 AND status > 3 ORDER BY id LIMIT $1")
    private static let waitingSummary = SQL(
        "SELECT count(*), count(CASE WHEN due_at < $1 THEN 1 END) FROM timers WHERE kind = 'deadline'")
    private static let cancellingSummary = SQL(
        "SELECT count(*), count(CASE WHEN updated_at < $1 THEN 1 END) FROM orders WHERE status = 6 AND status > 3")

    func orders(in ranges: [OrderRange]) async throws -> [OrderTestimony] {
        let keys = ranges.map { [SQLValue.id($0.first), .id($0.last)] }
        return try await database.read { transaction in
            var orders = try transaction.query(OrdersOnRecord.orders, each: keys, OrdersOnRecord.order)
            var places: [OrderID: Int] = [:]
            for (place, order) in orders.enumerated() { places[order.id] = place }
            try transaction.fetch(OrdersOnRecord.history, each: keys) { row in
                guard let place = places[row.id(0)] else { return }
                orders[place].history.append(.init(version: row.integer(1), status: OrderStatus(code: row.integer(2)), at: row.time(3)))
            }
            try transaction.fetch(OrdersOnRecord.lines, each: keys) { row in
                guard let place = places[row.id(0)] else { return }
                orders[place].lines = LineTotals(lines: row.integer(1), units: row.integer(2), amount: row.integer(3))
            }
            return orders
        }
    }

    func boundary(after id: OrderID, count: Int) async throws -> OrderID? {
        try await database.read { try $0.first(OrdersOnRecord.boundary, [.id(id), .integer(Int64(count - 1))]) { $0.id(0) } }
    }

    func count() async throws -> Int64 { try await database.read { try $0.first(OrdersOnRecord.count) { $0.integer(0) } ?? 0 } }

    func open(limit: Int) async throws -> [OrderID] {
        let limit = [SQLValue.integer(Int64(limit))]
        let ids = try await database.read { transaction in
            try transaction.query(OrdersOnRecord.waiting, limit) { $0.id(0) } + transaction.query(OrdersOnRecord.cancelling, limit) { $0.id(0) }
        }
        return ids.sorted()
    }

    func openSummary(at now: Timestamp) async throws -> OpenOrders {
        let grace = now.advanced(byMilliseconds: -OpenOrders.graceMilliseconds)
        let limit = now.advanced(byMilliseconds: -OpenOrders.cancellingLimitMilliseconds)
        return try await database.read { transaction in
            let waiting = try transaction.first(OrdersOnRecord.waitingSummary, [.time(grace)]) { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
            let cancelling = try transaction.first(OrdersOnRecord.cancellingSummary, [.time(limit)]) { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
            let oldest =
                try transaction.query(OrdersOnRecord.waiting, [.integer(1)]) { $0.id(0) }
                + transaction.query(OrdersOnRecord.cancelling, [.integer(1)]) { $0.id(0) }
            return OpenOrders(count: waiting.0 + cancelling.0, overdue: waiting.1 + cancelling.1, oldest: oldest.min())
        }
    }

    private static func order(_ row: any Row) -> OrderTestimony {
        let flags = row.integer(3)
        return OrderTestimony(
            id: row.id(0), status: OrderStatus(code: row.integer(1)), version: row.integer(2), isStockFree: flags & 1 != 0, isPaymentUndone: flags & 2 != 0,
            isOffline: flags & 4 != 0, currency: row.text(4), total: row.integer(5), lineCount: row.integer(6), createdAt: row.time(7), updatedAt: row.time(8),
            deadline: row.time(9), hasDeadline: row.bool(11), reason: row.optionalText(10))
    }
}

extension OrdersService {
    /// What Orders says to an auditor.
    public var witness: any OrderWitness { OrdersOnRecord(database: database) }
}

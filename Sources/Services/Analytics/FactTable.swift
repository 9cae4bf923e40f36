import Contracts
import Storage
import Wire

/// The facts, one row per order.
enum FactTable {
    static let statements = [
        """
        CREATE TABLE orders (order_id {id} PRIMARY KEY, status {int}, version {int} NOT NULL, currency {text}, placed_at {int}, country {text},
        created_at {int}, confirmed_at {int}, taken_back {int} NOT NULL, captured {int} NOT NULL, refunded {int} NOT NULL, reason {text}, products {bytes})
        {clustered}
        """
    ]

    private static let columns =
        "order_id, status, version, currency, placed_at, country, created_at, confirmed_at, taken_back, captured, refunded, reason, products"
    private static let select = SQL("SELECT \(columns) FROM orders WHERE order_id = $1 {forUpdate}")
    private static let page = SQL("SELECT \(columns) FROM orders WHERE order_id >= $1 ORDER BY order_id LIMIT $2")
    private static let placedPage = SQL("SELECT \(columns) FROM orders WHERE order_id >= $1 AND placed_at >= $3 AND placed_at < $4 ORDER BY order_id LIMIT $2")
    /// So many facts are in memory at once where an engine hands over the whole answer to a query.
    private static let pageSize = 2000
    private static let between = SQL("SELECT \(columns) FROM orders WHERE order_id >= $1 AND order_id <= $2")
    private static let upsert = SQL(
        """
        INSERT INTO orders (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, version = excluded.version, currency = excluded.currency,
        placed_at = excluded.placed_at, country = excluded.country, created_at = excluded.created_at, confirmed_at = excluded.confirmed_at,
        taken_back = excluded.taken_back, captured = excluded.captured, refunded = excluded.refunded, reason = excluded.reason, products = excluded.products
        """)
    private static let insert = SQL(
        "INSERT INTO orders (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (order_id) DO NOTHING")
    private static let clear = SQL("DELETE FROM orders")

    /// The facts of these orders that there are, locked in the order of their keys.
    static func load(_ ids: [OrderID], in transaction: any Transaction) throws -> [OrderFact] {
        try transaction.query(select, each: ids.sorted().map { [.id($0)] }, fact)
    }

    /// Hands over every fact, or those of orders placed in a range of time, in the order of their keys; page by page, so that memory does not grow with the table.
    static func scan(_ range: Range<Timestamp>?, in transaction: any ReadTransaction, pageSize: Int = pageSize, _ body: (OrderFact) throws -> Void) throws {
        let bounds: [SQLValue] = range.map { [.time($0.lowerBound), .time($0.upperBound)] } ?? []
        var next: OrderID? = OrderID(high: 0, low: 0)
        while let start = next {
            var (last, count) = (start, 0)
            try transaction.fetch(range == nil ? page : placedPage, each: [[.id(start), .integer(Int64(pageSize))] + bounds]) { row in
                let found = try fact(row)
                try body(found)
                (last, count) = (found.id, count + 1)
            }
            next = count < pageSize ? nil : after(last)
        }
    }

    /// The key behind another one; nil behind the last that there can be.
    private static func after(_ id: OrderID) -> OrderID? {
        if id.low < .max { return OrderID(high: id.high, low: id.low + 1) }
        return id.high < .max ? OrderID(high: id.high + 1, low: 0) : nil
    }

    /// The facts of orders in ranges of ids.
    static func facts(in ranges: [OrderRange], in transaction: any ReadTransaction) throws -> [OrderFact] {
        try transaction.query(between, each: ranges.map { [.id($0.first), .id($0.last)] }, fact)
    }

    /// Writes facts that were loaded.
    static func save(_ facts: [OrderFact], in transaction: any Transaction) throws { try transaction.execute(upsert, each: facts.map(values)) }

    /// Writes facts that were not there. What an order's events tell comes by several topics, to several processes perhaps at the same time: the second to write must
    /// go on from what the first has learnt.
    /// - Throws: ``TransactionConflict``.
    static func add(_ facts: [OrderFact], in transaction: any Transaction) throws {
        guard !facts.isEmpty else { return }
        let rows = facts.sorted { $0.id < $1.id }.map(values)
        if try transaction.executeCounting(insert, each: rows).contains(0) { throw TransactionConflict() }
    }

    private static func values(_ fact: OrderFact) -> [SQLValue] {
        [
            .id(fact.id), .optional(fact.status?.code), .integer(fact.version), .optional(fact.currency), .optional(fact.placedAt?.milliseconds),
            .optional(fact.country), .optional(fact.createdAt?.milliseconds), .optional(fact.confirmedAt?.milliseconds), .bool(fact.isTakenBack),
            .integer(fact.captured), .integer(fact.refunded), .optional(fact.reason), fact.products.map(SQLValue.bytes) ?? .null,
        ]
    }

    static func clear(in transaction: any Transaction) throws { try transaction.execute(clear) }

    private static func fact(_ row: any Row) throws -> OrderFact {
        var fact = OrderFact(id: row.id(0))
        fact.status = row.optionalInteger(1).flatMap { OrderStatus(code: $0) }
        fact.version = row.integer(2)
        fact.currency = row.optionalText(3)
        fact.placedAt = row.optionalTime(4)
        fact.country = row.optionalText(5)
        fact.createdAt = row.optionalTime(6)
        fact.confirmedAt = row.optionalTime(7)
        fact.isTakenBack = row.bool(8)
        fact.captured = row.integer(9)
        fact.refunded = row.integer(10)
        fact.reason = row.optionalText(11)
        if !row.isNull(12) { fact.products = row.bytes(12) }
        return fact
    }
}

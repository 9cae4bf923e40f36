import Contracts
import Messaging
import Storage
import Wire

/// The tables of Orders and the statements on them.
enum OrderStore {
    static let migrations = [
        Migration(
            version: 1, name: "orders, their lines and their history",
            statements: MessagingSchema.statements + [
                """
                CREATE TABLE orders (id {id} PRIMARY KEY, status {int} NOT NULL CHECK (status BETWEEN 1 AND 8), version {int} NOT NULL CHECK (version > 0),
                flags {int} NOT NULL, customer_id {text}, currency {text} NOT NULL, total {int} NOT NULL CHECK (total >= 0), line_count {int} NOT NULL,
                shipping_country {text}, payment_method {text} NOT NULL, metadata {text}, placed_at {int} NOT NULL, created_at {int} NOT NULL,
                updated_at {int} NOT NULL, deadline_at {int} NOT NULL, correlation_id {id} NOT NULL, reason {text}) {clustered}
                """,
                """
                CREATE TABLE order_items (order_id {id} NOT NULL, line {int} NOT NULL, product_id {id}, sku {text}, quantity {int} NOT NULL CHECK (quantity > 0),
                price {int} NOT NULL CHECK (price >= 0), PRIMARY KEY (order_id, line)) {clustered}
                """,
                """
                CREATE TABLE order_history (order_id {id} NOT NULL, version {int} NOT NULL, status {int} NOT NULL, at {int} NOT NULL,
                PRIMARY KEY (order_id, version)) {clustered}
                """,
                "CREATE INDEX orders_by_customer ON orders (customer_id, id) WHERE customer_id IS NOT NULL",
                // The common end, PAID, and the short-lived statuses before it are not indexed: the first is most of the table, the others have a timer.
                "CREATE INDEX orders_by_status ON orders (status, id) WHERE status > 3",
            ]),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
        UnpaidOrders.migration,
    ]

    private static let columns = """
        id, status, version, flags, customer_id, currency, total, line_count, shipping_country, payment_method, metadata, placed_at, created_at, updated_at,
        deadline_at, correlation_id, reason
        """
    private static let insertOrder = SQL(
        "INSERT INTO orders (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)")
    private static let insertItem = SQL("INSERT INTO order_items (order_id, line, product_id, sku, quantity, price) VALUES ($1, $2, $3, $4, $5, $6)")
    private static let insertHistory = SQL("INSERT INTO order_history (order_id, version, status, at) VALUES ($1, $2, $3, $4)")
    private static let update = SQL("UPDATE orders SET status = $2, version = $3, flags = $4, updated_at = $5, reason = $6 WHERE id = $1")
    private static let selectOrder = SQL("SELECT \(columns) FROM orders WHERE id = $1 {forUpdate}")
    private static let readOrder = SQL("SELECT \(columns) FROM orders WHERE id = $1")
    private static let readState = SQL("SELECT status, version, flags FROM orders WHERE id = $1")
    private static let selectItems = SQL("SELECT product_id, sku, quantity, price FROM order_items WHERE order_id = $1 ORDER BY line")
    private static let selectHistory = SQL("SELECT version, status, at FROM order_history WHERE order_id = $1 ORDER BY version")

    static func insert(_ order: Order, lines: [OrderLine], in transaction: any Transaction) throws {
        try transaction.execute(
            insertOrder,
            each: [
                [
                    .id(order.id), .integer(order.state.status.code), .integer(order.state.version), .integer(order.state.flags), .optional(order.customerID),
                    .text(order.total.currency.code), .integer(order.total.minorUnits), .integer(order.lineCount), .optional(order.shippingCountry),
                    .text(order.paymentMethod), .optional(order.metadata), .time(order.placedAt), .time(order.createdAt), .time(order.updatedAt),
                    .time(order.deadline), .id(order.correlationID), .optional(order.reason),
                ]
            ])
        try transaction.execute(
            insertItem,
            each: lines.enumerated().map { index, line in
                [
                    .id(order.id), .integer(Int64(index)), .optional(line.productID), .optional(line.sku), .integer(line.quantity),
                    .integer(line.price.minorUnits),
                ]
            })
        try insertHistory([(order.id, order.state.version, order.state.status, order.createdAt)], in: transaction)
    }

    static func insertHistory(_ rows: [(OrderID, Int64, OrderStatus, Timestamp)], in transaction: any Transaction) throws {
        try transaction.execute(insertHistory, each: rows.map { [.id($0.0), .integer($0.1), .integer($0.2.code), .time($0.3)] })
    }

    static func update(_ orders: [Order], in transaction: any Transaction) throws {
        try transaction.execute(
            update,
            each: orders.map {
                [.id($0.id), .integer($0.state.status.code), .integer($0.state.version), .integer($0.state.flags), .time($0.updatedAt), .optional($0.reason)]
            })
    }

    /// Loads orders for a change; those that do not exist are left out.
    static func load(_ ids: [OrderID], in transaction: any Transaction) throws -> [Order] {
        // In the order of their keys, so that two processes that want the same orders do not wait for each other.
        try transaction.query(selectOrder, each: ids.sorted().map { [.id($0)] }, order)
    }

    static func find(_ id: OrderID, in transaction: any ReadTransaction) throws -> Order? { try transaction.first(readOrder, [.id(id)], order) }

    /// Where an order stands; nil for one that does not exist.
    static func state(of id: OrderID, in transaction: any ReadTransaction) throws -> OrderState? {
        try transaction.first(readState, [.id(id)]) { OrderState(status: try status($0.integer(0)), version: $0.integer(1), flags: $0.integer(2)) }
    }

    static func lines(of order: Order, in transaction: any ReadTransaction) throws -> [OrderLine] {
        try transaction.query(selectItems, [.id(order.id)]) {
            OrderLine(
                productID: $0.optionalID(0), sku: $0.optionalText(1), quantity: $0.integer(2),
                price: Money(minorUnits: $0.integer(3), currency: order.total.currency))
        }
    }

    static func history(of id: OrderID, in transaction: any ReadTransaction) throws -> [(version: Int64, status: OrderStatus, at: Timestamp)] {
        try transaction.query(selectHistory, [.id(id)]) { ($0.integer(0), try status($0.integer(1)), $0.time(2)) }
    }

    private static let list = SQL("SELECT \(columns) FROM orders WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3")
    private static let listOfCustomer = SQL("SELECT \(columns) FROM orders WHERE id < $1 AND id >= $2 AND customer_id = $4 ORDER BY id DESC LIMIT $3")
    private static let listOfStatus = SQL("SELECT \(columns) FROM orders WHERE id < $1 AND id >= $2 AND status = $4 AND status > 3 ORDER BY id DESC LIMIT $3")
    private static let listPaid = SQL("SELECT \(columns) FROM orders WHERE id < $1 AND id >= $2 AND status = $4 ORDER BY id DESC LIMIT $3")
    private static let listOpen = SQL(
        """
        SELECT \(columns) FROM orders WHERE id < $1 AND id >= $2 AND status = $4 AND id IN (SELECT key FROM timers WHERE kind = 'deadline')
        ORDER BY id DESC LIMIT $3
        """)
    private static let listOfCustomerAndStatus = SQL(
        "SELECT \(columns) FROM orders WHERE id < $1 AND id >= $2 AND customer_id = $4 AND status = $5 ORDER BY id DESC LIMIT $3")

    /// Orders with ids in `lower ..< upper`, newest first.
    static func list(
        from lower: Identifier, to upper: Identifier, customer: String?, status: OrderStatus?, limit: Int, in transaction: any ReadTransaction
    ) throws -> [Order] {
        let bounds: [SQLValue] = [.id(upper), .id(lower), .integer(Int64(limit))]
        switch (customer, status) {
        case (nil, nil): return try transaction.query(list, bounds, order)
        case (let customer?, nil): return try transaction.query(listOfCustomer, bounds + [.text(customer)], order)
        case (let customer?, let status?): return try transaction.query(listOfCustomerAndStatus, bounds + [.text(customer), .integer(status.code)], order)
        case (nil, let status?):
            let statement =
                switch status {
                case .created, .reserved: listOpen
                case .paid: listPaid
                case .shipped, .delivered, .cancelling, .cancelled, .failed: listOfStatus
                }
            return try transaction.query(statement, bounds + [.integer(status.code)], order)
        }
    }

    private static func status(_ code: Int64) throws -> OrderStatus {
        guard let status = OrderStatus(code: code) else { throw StorageError.failed("unknown order status \(code)") }
        return status
    }

    private static func order(_ row: any Row) throws -> Order {
        guard let currency = Currency(row.text(5)) else { throw StorageError.failed("unknown currency \(row.text(5))") }
        return Order(
            id: row.id(0), customerID: row.optionalText(4), total: Money(minorUnits: row.integer(6), currency: currency), shippingCountry: row.optionalText(8),
            paymentMethod: row.text(9), metadata: row.optionalText(10), placedAt: row.time(11), createdAt: row.time(12), deadline: row.time(14),
            correlationID: row.id(15), lineCount: row.integer(7),
            state: OrderState(status: try status(row.integer(1)), version: row.integer(2), flags: row.integer(3)), updatedAt: row.time(13),
            reason: row.optionalText(16))
    }
}

/// The notes of an order's state as bits of one column.
extension OrderState {
    fileprivate var flags: Int64 { (isStockFree ? 1 : 0) | (isPaymentUndone ? 2 : 0) | (isOffline ? 4 : 0) }

    fileprivate init(status: OrderStatus, version: Int64, flags: Int64) {
        self.init(status: status, version: version, isStockFree: flags & 1 != 0, isPaymentUndone: flags & 2 != 0, isOffline: flags & 4 != 0)
    }
}

import Contracts
import Messaging
import Storage
import Wire

/// The tables of Inventory and the statements on them.
enum StockStore {
    static let migrations = [
        Migration(
            version: 1, name: "products, reservations and adjustments",
            statements: MessagingSchema.statements + [
                """
                CREATE TABLE products (id {id} PRIMARY KEY, sku {text} NOT NULL UNIQUE, name {text} NOT NULL, currency {text} NOT NULL,
                price {int} NOT NULL CHECK (price >= 0), available {int} NOT NULL CHECK (available >= 0), reserved {int} NOT NULL CHECK (reserved >= 0),
                sold {int} NOT NULL CHECK (sold >= 0)) {clustered}
                """,
                """
                CREATE TABLE reservations (order_id {id} PRIMARY KEY, state {int} NOT NULL CHECK (state BETWEEN 1 AND 5), updated_at {int} NOT NULL) {clustered}
                """,
                """
                CREATE TABLE reservation_lines (order_id {id} NOT NULL, line {int} NOT NULL, product_id {id} NOT NULL, quantity {int} NOT NULL CHECK (quantity > 0),
                reservation_id {id} NOT NULL, PRIMARY KEY (order_id, line)) {clustered}
                """,
                """
                CREATE TABLE stock_adjustments (number {serial}, product_id {id} NOT NULL, delta {int} NOT NULL, reason {text} NOT NULL, at {int} NOT NULL) {heap}
                """,
            ]),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
    ]

    private static let columns = "id, sku, name, currency, price, available, reserved, sold"
    private static let byID = SQL("SELECT \(columns) FROM products WHERE id = $1")
    private static let bySKU = SQL("SELECT \(columns) FROM products WHERE sku = $1")
    private static let lockByID = SQL("SELECT \(columns) FROM products WHERE id = $1 {forUpdate}")
    private static let lockBySKU = SQL("SELECT \(columns) FROM products WHERE sku = $1 {forUpdate}")
    private static let list = SQL("SELECT \(columns) FROM products WHERE id > $1 ORDER BY id LIMIT $2")
    private static let insert = SQL("INSERT INTO products (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (sku) DO NOTHING")
    private static let updateStock = SQL("UPDATE products SET available = $2, reserved = $3, sold = $4 WHERE id = $1")
    private static let updateDetails = SQL("UPDATE products SET name = $2, currency = $3, price = $4 WHERE id = $1")
    private static let insertAdjustment = SQL("INSERT INTO stock_adjustments (product_id, delta, reason, at) VALUES ($1, $2, $3, $4)")
    private static let selectState = SQL("SELECT order_id, state FROM reservations WHERE order_id = $1 {forUpdate}")
    private static let upsertState = SQL(
        """
        INSERT INTO reservations (order_id, state, updated_at) VALUES ($1, $2, $3)
        ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
        """)
    private static let insertLine = SQL(
        "INSERT INTO reservation_lines (order_id, line, product_id, quantity, reservation_id) VALUES ($1, $2, $3, $4, $5)")
    private static let selectLines = SQL("SELECT order_id, product_id, quantity, reservation_id FROM reservation_lines WHERE order_id = $1 ORDER BY line")

    static func find(_ id: ProductID, in transaction: any ReadTransaction) throws -> Product? { try transaction.first(byID, [.id(id)], product) }
    static func find(sku: String, in transaction: any ReadTransaction) throws -> Product? { try transaction.first(bySKU, [.text(sku)], product) }
    /// Those of these products that exist, in no order; one question for all ids and one for all SKUs, because a server is asked at the price of a round trip each.
    static func find(ids: Set<ProductID>, skus: Set<String>, in transaction: any ReadTransaction) throws -> [Product] {
        try transaction.query(byID, each: ids.map { [.id($0)] }, product) + transaction.query(bySKU, each: skus.map { [.text($0)] }, product)
    }
    static func list(after id: ProductID?, limit: Int, in transaction: any ReadTransaction) throws -> [Product] {
        try transaction.query(list, [.id(id ?? Identifier(high: 0, low: 0)), .integer(Int64(limit))], product)
    }

    /// Locks products for a change, in sorted order so that two writers never wait for each other.
    static func lock(ids: Set<ProductID>, in transaction: any Transaction) throws -> [Product] {
        try transaction.query(lockByID, each: ids.sorted().map { [.id($0)] }, product)
    }
    static func lock(skus: Set<String>, in transaction: any Transaction) throws -> [Product] {
        try transaction.query(lockBySKU, each: skus.sorted().map { [.text($0)] }, product)
    }

    /// Writes products whose SKUs were not there, in the order of these, so that two who import the same file wait for each other in turn. A row that is not there cannot be
    /// locked: another process may have written it since, and who was second must see what the first has done.
    /// - Throws: ``TransactionConflict``.
    static func add(_ products: [Product], in transaction: any Transaction) throws {
        guard !products.isEmpty else { return }
        let counts = try transaction.executeCounting(
            insert,
            each: products.sorted { $0.sku < $1.sku }.map {
                [
                    .id($0.id), .text($0.sku), .text($0.name), .text($0.price.currency.code), .integer($0.price.minorUnits), .integer($0.available),
                    .integer($0.reserved), .integer($0.sold),
                ]
            })
        if counts.contains(0) { throw TransactionConflict() }
    }
    static func updateDetails(_ products: [Product], in transaction: any Transaction) throws {
        try transaction.execute(
            updateDetails, each: products.map { [.id($0.id), .text($0.name), .text($0.price.currency.code), .integer($0.price.minorUnits)] })
    }
    static func updateStock(_ products: [Product], in transaction: any Transaction) throws {
        try transaction.execute(updateStock, each: products.map { [.id($0.id), .integer($0.available), .integer($0.reserved), .integer($0.sold)] })
    }
    static func recordAdjustments(_ rows: [(ProductID, Int64)], reason: String, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(insertAdjustment, each: rows.map { [.id($0.0), .integer($0.1), .text(reason), .time(now)] })
    }

    static func states(of orders: [OrderID], in transaction: any Transaction) throws -> [OrderID: ReservationState] {
        let rows = try transaction.query(selectState, each: orders.sorted().map { [.id($0)] }) { row in
            guard let state = ReservationState(code: row.integer(1)) else { throw StorageError.failed("unknown reservation state \(row.integer(1))") }
            return (row.id(0), state)
        }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }
    static func save(_ states: [(OrderID, ReservationState)], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(upsertState, each: states.map { [.id($0.0), .integer($0.1.code), .time(now)] })
    }

    /// A line that is held, or was.
    struct HeldLine {
        let orderID: OrderID
        let productID: ProductID
        let quantity: Int64
        let reservationID: Identifier
    }
    static func lines(of orders: [OrderID], in transaction: any ReadTransaction) throws -> [HeldLine] {
        try transaction.query(selectLines, each: orders.map { [.id($0)] }) {
            HeldLine(orderID: $0.id(0), productID: $0.id(1), quantity: $0.integer(2), reservationID: $0.id(3))
        }
    }
    static func insert(_ lines: [(OrderID, [StockReservation])], in transaction: any Transaction) throws {
        try transaction.execute(
            insertLine,
            each: lines.flatMap { order, reservations in
                reservations.enumerated().map { index, line in
                    [.id(order), .integer(Int64(index)), .id(line.productID), .integer(line.quantity), .id(line.reservationID)]
                }
            })
    }

    private static func product(_ row: any Row) throws -> Product {
        guard let currency = Currency(row.text(3)) else { throw StorageError.failed("unknown currency \(row.text(3))") }
        return Product(
            id: row.id(0), sku: row.text(1), name: row.text(2), price: Money(minorUnits: row.integer(4), currency: currency), available: row.integer(5),
            reserved: row.integer(6), sold: row.integer(7))
    }
}

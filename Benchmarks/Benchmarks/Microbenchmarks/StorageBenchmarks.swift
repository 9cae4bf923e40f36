import Benchmark
import Storage
import Wire

func registerStorage() {
    registerTransactions(of: 100, iterations: 200)
    registerTransactions(of: 1, iterations: 1000)
}

/// Transactions one after the other, each of so many orders and durable before the next begins. The number of transactions is fixed, so that the tables
/// are of the same size in every run.
private func registerTransactions(of orders: Int, iterations: Int) {
    let file = TemporaryDatabase()
    Benchmark(
        "storage: a transaction of \(orders == 1 ? "1 order" : "\(orders) orders"), 4 statements each",
        configuration: .init(scalingFactor: .one, maxDuration: .seconds(60), maxIterations: iterations)
    ) { benchmark in
        let database = try file.database
        let first = benchmark.currentIteration * orders
        let rows = (first..<first + orders).map { OrderRow(number: $0) }
        try await benchmark.measureAsync {
            try await database.write { transaction in
                for row in rows { try row.insert(in: transaction) }
            }
        }
    } setup: {
        try await file.open([OrderRow.migration])
    } teardown: {
        try await file.close()
    }
}

/// Rows like those of an accepted order: the order, a line, its history and its event.
private struct OrderRow: Sendable {
    static let migration = Migration(
        version: 1, name: "orders",
        statements: [
            """
            CREATE TABLE orders (id {id} PRIMARY KEY, status {int} NOT NULL CHECK (status BETWEEN 1 AND 8), customer_id {text}, currency {text} NOT NULL,
            total {int} NOT NULL CHECK (total >= 0), created_at {int} NOT NULL) {clustered}
            """,
            """
            CREATE TABLE order_items (order_id {id} NOT NULL, line {int} NOT NULL, sku {text}, quantity {int} NOT NULL, price {int} NOT NULL,
            PRIMARY KEY (order_id, line)) {clustered}
            """,
            "CREATE TABLE order_history (order_id {id} NOT NULL, version {int} NOT NULL, at {int} NOT NULL, PRIMARY KEY (order_id, version)) {clustered}",
            "CREATE TABLE outbox (sequence {serial}, type {text} NOT NULL, key {id} NOT NULL, body {bytes} NOT NULL) {heap}",
        ])
    private static let order = SQL("INSERT INTO orders (id, status, customer_id, currency, total, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
    private static let item = SQL("INSERT INTO order_items (order_id, line, sku, quantity, price) VALUES ($1, $2, $3, $4, $5)")
    private static let history = SQL("INSERT INTO order_history (order_id, version, at) VALUES ($1, $2, $3)")
    private static let event = SQL("INSERT INTO outbox (type, key, body) VALUES ($1, $2, $3)")
    private static let body = [UInt8](repeating: 120, count: 700)

    let id: Identifier

    /// Ids grow as those of orders do.
    init(number: Int) { id = Identifier(high: UInt64(Samples.moment.milliseconds + Int64(number)) << 16 | 0x7000, low: UInt64(number)) }

    func insert(in transaction: any Transaction) throws {
        try transaction.execute(OrderRow.order, [.id(id), .integer(1), .text("17850"), .text("GBP"), .integer(5764), .time(Samples.moment)])
        try transaction.execute(OrderRow.item, [.id(id), .integer(0), .text("85123A"), .integer(6), .integer(255)])
        try transaction.execute(OrderRow.history, [.id(id), .integer(1), .time(Samples.moment)])
        try transaction.execute(OrderRow.event, [.text("OrderCreated"), .id(id), .bytes(OrderRow.body)])
    }
}

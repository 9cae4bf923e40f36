import Contracts
import Storage
import Wire

/// The aggregates, one row per sum; a batch of events touches each row once.
enum AggregateTables {
    static let statements = [
        """
        CREATE TABLE sales (dimension {int} NOT NULL, bucket {text} NOT NULL, currency {text} NOT NULL, orders {int} NOT NULL, lines {int} NOT NULL,
        units {int} NOT NULL, captured {int} NOT NULL, refunded {int} NOT NULL, PRIMARY KEY (dimension, bucket, currency)) {clustered}
        """,
        "CREATE TABLE status_counts (status {int} PRIMARY KEY, count {int} NOT NULL) {clustered}",
        "CREATE TABLE failure_reasons (reason {text} PRIMARY KEY, count {int} NOT NULL) {clustered}",
        "CREATE TABLE latency (bucket {int} PRIMARY KEY, count {int} NOT NULL) {clustered}",
        "CREATE TABLE event_counts (type {text} PRIMARY KEY, count {int} NOT NULL) {clustered}",
    ]

    private static let addSales = SQL(
        """
        INSERT INTO sales (dimension, bucket, currency, orders, lines, units, captured, refunded) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (dimension, bucket, currency) DO UPDATE SET orders = sales.orders + excluded.orders, lines = sales.lines + excluded.lines,
        units = sales.units + excluded.units, captured = sales.captured + excluded.captured, refunded = sales.refunded + excluded.refunded
        """)
    private static let addStatus = count("status_counts", "status")
    private static let addReason = count("failure_reasons", "reason")
    private static let addLatency = count("latency", "bucket")
    private static let addEvents = count("event_counts", "type")
    private static let sales = SQL("SELECT dimension, bucket, currency, orders, lines, units, captured, refunded FROM sales WHERE dimension = $1")
    private static let top = SQL(
        """
        SELECT dimension, bucket, currency, orders, lines, units, captured, refunded FROM sales WHERE dimension = $1 AND currency = $2
        ORDER BY captured - refunded DESC, bucket LIMIT $3
        """)
    private static let statuses = SQL("SELECT status, count FROM status_counts")
    private static let reasons = SQL("SELECT reason, count FROM failure_reasons")
    private static let latency = SQL("SELECT bucket, count FROM latency")
    private static let events = SQL("SELECT type, count FROM event_counts")
    private static let rows = SQL("SELECT dimension, count(*) FROM sales GROUP BY dimension")
    private static let clearing = ["sales", "status_counts", "failure_reasons", "latency", "event_counts"].map { SQL("DELETE FROM \($0)") }

    private static func count(_ table: String, _ key: String) -> SQL {
        SQL("INSERT INTO \(table) (\(key), count) VALUES ($1, $2) ON CONFLICT (\(key)) DO UPDATE SET count = \(table).count + excluded.count")
    }

    /// Adds changes to the stored sums, in the order of their keys, so that several writers lock rows in the same order.
    static func add(_ changes: Aggregates, in transaction: any Transaction) throws {
        try transaction.execute(
            addSales,
            each: changes.sales.sorted { $0.key < $1.key }.map { key, figures in
                [
                    .integer(key.dimension.rawValue), .text(key.bucket), .text(key.currency), .integer(figures.orders), .integer(figures.lines),
                    .integer(figures.units), .integer(figures.captured), .integer(figures.refunded),
                ]
            })
        try transaction.execute(addStatus, each: changes.statuses.map { ($0.key.code, $0.value) }.sorted { $0.0 < $1.0 }.map { [.integer($0), .integer($1)] })
        try transaction.execute(addReason, each: changes.reasons.sorted { $0.key < $1.key }.map { [.text($0), .integer($1)] })
        try transaction.execute(addLatency, each: changes.latency.counts.sorted { $0.key < $1.key }.map { [.integer($0), .integer($1)] })
        try transaction.execute(addEvents, each: changes.events.sorted { $0.key < $1.key }.map { [.text($0), .integer($1)] })
    }

    /// The stored sums, products left out unless they are asked for: there may be many.
    static func load(products: Bool, in transaction: any ReadTransaction) throws -> Aggregates {
        var aggregates = Aggregates()
        let dimensions: [SalesDimension] = products ? SalesDimension.allCases : [.hour, .country]
        try transaction.fetch(sales, each: dimensions.map { [.integer($0.rawValue)] }) { row in
            if let (key, figures) = entry(row) { aggregates.add(figures, to: key) }
        }
        try transaction.fetch(statuses, each: [[]]) { row in
            if let status = OrderStatus(code: row.integer(0)) { aggregates.add(row.integer(1), to: status) }
        }
        try transaction.fetch(reasons, each: [[]]) { aggregates.add($0.integer(1), toReason: $0.text(0)) }
        try transaction.fetch(latency, each: [[]]) { aggregates.add($0.integer(1), toLatencyBucket: $0.integer(0)) }
        try transaction.fetch(events, each: [[]]) { aggregates.add($0.integer(1), toEventsOf: $0.text(0)) }
        return aggregates
    }

    /// The products with the highest revenue in a currency; ties by product.
    static func topProducts(_ count: Int, currency: String, in transaction: any ReadTransaction) throws -> [(key: SalesKey, value: SalesFigures)] {
        let values: [SQLValue] = [.integer(SalesDimension.product.rawValue), .text(currency), .integer(Int64(count))]
        return try transaction.query(top, values, entry).compactMap { $0 }
    }

    /// How many rows of sales there are, by dimension.
    static func rowCounts(in transaction: any ReadTransaction) throws -> [SalesDimension: Int64] {
        var counts: [SalesDimension: Int64] = [:]
        try transaction.fetch(rows, each: [[]]) { row in
            if let dimension = SalesDimension(rawValue: row.integer(0)) { counts[dimension] = row.integer(1) }
        }
        return counts
    }

    static func clear(in transaction: any Transaction) throws { for statement in clearing { try transaction.execute(statement) } }

    private static func entry(_ row: any Row) -> (key: SalesKey, value: SalesFigures)? {
        guard let dimension = SalesDimension(rawValue: row.integer(0)) else { return nil }
        return (
            SalesKey(dimension: dimension, bucket: row.text(1), currency: row.text(2)),
            SalesFigures(orders: row.integer(3), lines: row.integer(4), units: row.integer(5), captured: row.integer(6), refunded: row.integer(7))
        )
    }
}

import Contracts
import Messaging
import Storage
import Wire

/// The payment of one order. Its id is the provider's key for the intent: one for ever, written before the provider is called (RELIABILITY, trap 7).
struct Payment: Sendable {
    let id: Identifier
    let orderID: OrderID
    /// Nil while only a cancellation is known of the order.
    var amount: Money?
    var method: String
    var state: PaymentState
    /// The provider's id of the intent, once known.
    var intentID: Identifier?
    var reason: String?
    let createdAt: Timestamp
    var updatedAt: Timestamp

    /// The method of orders whose payment an operator records.
    static let offlineMethod = "offline"
}

/// The tables of Payments and the statements on them.
enum PaymentStore {
    static let migrations = [
        Migration(
            version: 1, name: "payments",
            statements: MessagingSchema.statements + [
                """
                CREATE TABLE payments (order_id {id} PRIMARY KEY, id {id} NOT NULL, state {int} NOT NULL CHECK (state BETWEEN 1 AND 9), currency {text},
                amount {int} CHECK (amount >= 0), method {text} NOT NULL, intent_id {id}, reason {text}, created_at {int} NOT NULL,
                updated_at {int} NOT NULL) {clustered}
                """
            ]),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
    ]

    private static let columns = "order_id, id, state, currency, amount, method, intent_id, reason, created_at, updated_at"
    private static let update = SQL(
        """
        UPDATE payments SET state = $2, currency = $3, amount = $4, method = $5, intent_id = $6, reason = $7, updated_at = $8 WHERE order_id = $1
        """)
    private static let insert = SQL("INSERT INTO payments (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (order_id) DO NOTHING")
    private static let lock = SQL("SELECT \(columns) FROM payments WHERE order_id = $1 {forUpdate}")
    private static let select = SQL("SELECT \(columns) FROM payments WHERE order_id = $1")

    /// Writes payments that were loaded.
    static func save(_ payments: [Payment], in transaction: any Transaction) throws {
        try transaction.execute(
            update,
            each: payments.map {
                [
                    .id($0.orderID), .integer($0.state.code), .optional($0.amount?.currency.code), .optional($0.amount?.minorUnits), .text($0.method),
                    .optional($0.intentID), .optional($0.reason), .time($0.updatedAt),
                ]
            })
    }

    /// Writes payments that were not there. A cancellation and a reservation of one order come by different topics, to different processes perhaps at the same time: the
    /// second to write must see what the first has decided.
    /// - Throws: ``TransactionConflict``.
    static func add(_ payments: [Payment], in transaction: any Transaction) throws {
        guard !payments.isEmpty else { return }
        if try transaction.executeCounting(insert, each: payments.map(values)).contains(0) { throw TransactionConflict() }
    }

    private static func values(_ payment: Payment) -> [SQLValue] {
        [
            .id(payment.orderID), .id(payment.id), .integer(payment.state.code), .optional(payment.amount?.currency.code),
            .optional(payment.amount?.minorUnits), .text(payment.method), .optional(payment.intentID), .optional(payment.reason), .time(payment.createdAt),
            .time(payment.updatedAt),
        ]
    }

    /// Locks payments, in the order of their keys, and loads them.
    static func load(_ orders: [OrderID], in transaction: any Transaction) throws -> [OrderID: Payment] {
        let rows = try transaction.query(lock, each: orders.sorted().map { [.id($0)] }, payment)
        return Dictionary(rows.map { ($0.orderID, $0) }, uniquingKeysWith: { first, _ in first })
    }

    static func find(_ order: OrderID, in transaction: any ReadTransaction) throws -> Payment? { try transaction.first(select, [.id(order)], payment) }

    private static func payment(_ row: any Row) throws -> Payment {
        guard let state = PaymentState(code: row.integer(2)) else { throw StorageError.failed("unknown payment state \(row.integer(2))") }
        let currency = row.optionalText(3).flatMap { Currency($0) }
        let amount = currency.flatMap { currency in row.optionalInteger(4).map { Money(minorUnits: $0, currency: currency) } }
        return Payment(
            id: row.id(1), orderID: row.id(0), amount: amount, method: row.text(5), state: state, intentID: row.optionalID(6), reason: row.optionalText(7),
            createdAt: row.time(8), updatedAt: row.time(9))
    }
}

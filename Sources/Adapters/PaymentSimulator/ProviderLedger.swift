import Contracts
import Storage
import Wire

/// The provider's books: an intent per key, and an entry for everything that happened to it.
enum ProviderLedger {
    struct Entry: Sendable {
        var intent: PaymentIntent
        let orderID: OrderID
        let method: String
    }

    static let migrations = [
        Migration(
            version: 1, name: "intents and ledger",
            statements: [
                """
                CREATE TABLE intents (id {id} PRIMARY KEY, key {id} NOT NULL UNIQUE, order_id {id} NOT NULL, currency {text} NOT NULL,
                amount {int} NOT NULL CHECK (amount > 0), method {text} NOT NULL, status {text} NOT NULL, refunded {int} NOT NULL CHECK (refunded BETWEEN 0 AND amount),
                reason {text}, created_at {int} NOT NULL) {clustered}
                """,
                """
                CREATE TABLE ledger (number {serial}, intent_id {id} NOT NULL, order_id {id} NOT NULL, entry {text} NOT NULL, amount {int} NOT NULL,
                currency {text} NOT NULL, at {int} NOT NULL) {heap}
                """,
                "CREATE UNIQUE INDEX one_capture_per_intent ON ledger (intent_id) WHERE entry = 'capture'",
                "CREATE TABLE refunds (key {id} PRIMARY KEY, intent_id {id} NOT NULL, amount {int} NOT NULL) {clustered}",
            ]),
        // What an auditor asks a provider: everything that was booked for an order.
        Migration(version: 2, name: "the ledger by order", statements: ["CREATE INDEX ledger_by_order ON ledger (order_id)"]),
    ]

    private static let columns = "id, currency, amount, method, status, refunded, reason, order_id"
    private static let selectByKey = SQL("SELECT \(columns) FROM intents WHERE key = $1 {forUpdate}")
    private static let selectByID = SQL("SELECT \(columns) FROM intents WHERE id = $1 {forUpdate}")
    private static let insert = SQL(
        "INSERT INTO intents (id, key, order_id, currency, amount, method, status, refunded, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)"
    )
    private static let update = SQL("UPDATE intents SET status = $2, refunded = $3, reason = $4 WHERE id = $1")
    private static let insertEntry = SQL("INSERT INTO ledger (intent_id, order_id, entry, amount, currency, at) VALUES ($1, $2, $3, $4, $5, $6)")
    private static let selectRefund = SQL("SELECT 1 FROM refunds WHERE key = $1")
    private static let insertRefund = SQL("INSERT INTO refunds (key, intent_id, amount) VALUES ($1, $2, $3)")

    static func find(key: Identifier, in transaction: any Transaction) throws -> Entry? { try transaction.first(selectByKey, [.id(key)], entry) }

    static func get(_ id: Identifier, in transaction: any Transaction) throws -> Entry {
        guard let entry = try transaction.first(selectByID, [.id(id)], entry) else { throw ProviderRefusal(description: "there is no intent \(id)") }
        return entry
    }

    static func insert(_ entry: Entry, key: Identifier, at now: Timestamp, in transaction: any Transaction) throws {
        let intent = entry.intent
        try transaction.execute(
            insert,
            each: [
                [
                    .id(intent.id), .id(key), .id(entry.orderID), .text(intent.amount.currency.code), .integer(intent.amount.minorUnits), .text(entry.method),
                    .text(intent.status.rawValue), .optional(intent.reason), .time(now),
                ]
            ])
    }

    static func settle(_ entry: Entry, entry name: String, at now: Timestamp, in transaction: any Transaction) throws {
        try update(entry, in: transaction)
        try record(entry, name, entry.intent.amount, at: now, in: transaction)
    }

    static func refund(_ entry: Entry, key: Identifier, amount: Money, at now: Timestamp, in transaction: any Transaction) throws {
        try update(entry, in: transaction)
        try transaction.execute(insertRefund, [.id(key), .id(entry.intent.id), .integer(amount.minorUnits)])
        try record(entry, "refund", amount, at: now, in: transaction)
    }

    static func isKnown(refund key: Identifier, in transaction: any Transaction) throws -> Bool {
        try transaction.first(selectRefund, [.id(key)]) { _ in true } ?? false
    }

    static func update(_ entry: Entry, in transaction: any Transaction) throws {
        let intent = entry.intent
        try transaction.execute(update, [.id(intent.id), .text(intent.status.rawValue), .integer(intent.refunded.minorUnits), .optional(intent.reason)])
    }

    static func record(_ entry: Entry, _ name: String, _ amount: Money, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            insertEntry,
            each: [
                [.id(entry.intent.id), .id(entry.orderID), .text(name), .integer(amount.minorUnits), .text(amount.currency.code), .time(now)]
            ])
    }

    private static func entry(_ row: any Row) throws -> Entry {
        guard let currency = Currency(row.text(1)), let status = PaymentIntent.Status(rawValue: row.text(4)) else {
            throw StorageError.failed("an intent that makes no sense: \(row.id(0))")
        }
        let intent = PaymentIntent(
            id: row.id(0), status: status, amount: Money(minorUnits: row.integer(2), currency: currency),
            refunded: Money(minorUnits: row.integer(5), currency: currency), reason: row.optionalText(6))
        return Entry(intent: intent, orderID: row.id(7), method: row.text(3))
    }
}

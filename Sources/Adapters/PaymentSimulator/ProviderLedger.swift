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
    /// Something that happened to an intent: a capture, a decline, a void, a refund.
    struct Record {
        let entry: Entry
        let name: String
        let amount: Money
        init(_ entry: Entry, _ name: String, _ amount: Money) { (self.entry, self.name, self.amount) = (entry, name, amount) }
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
    private static let selectByKey = SQL("SELECT \(columns), key FROM intents WHERE key = $1 {forUpdate}")
    private static let selectByID = SQL("SELECT \(columns) FROM intents WHERE id = $1 {forUpdate}")
    private static let insert = SQL(
        "INSERT INTO intents (id, key, order_id, currency, amount, method, status, refunded, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)"
    )
    private static let update = SQL("UPDATE intents SET status = $2, refunded = $3, reason = $4 WHERE id = $1")
    private static let insertEntry = SQL("INSERT INTO ledger (intent_id, order_id, entry, amount, currency, at) VALUES ($1, $2, $3, $4, $5, $6)")
    private static let selectRefund = SQL("SELECT 1 FROM refunds WHERE key = $1")
    private static let insertRefund = SQL("INSERT INTO refunds (key, intent_id, amount) VALUES ($1, $2, $3)")

    /// The intents that these keys have made.
    static func find(keys: [Identifier], in transaction: any Transaction) throws -> [Identifier: Entry] {
        let found = try transaction.query(selectByKey, each: Set(keys).sorted().map { [.id($0)] }) { ($0.id(8), try entry($0)) }
        return Dictionary(uniqueKeysWithValues: found)
    }

    static func get(_ id: Identifier, in transaction: any Transaction) throws -> Entry {
        guard let entry = try transaction.first(selectByID, [.id(id)], entry) else { throw ProviderRefusal(description: "there is no intent \(id)") }
        return entry
    }

    static func insert(_ entries: [(Entry, key: Identifier)], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            insert,
            each: entries.map { entry, key in
                let intent = entry.intent
                return [
                    .id(intent.id), .id(key), .id(entry.orderID), .text(intent.amount.currency.code), .integer(intent.amount.minorUnits), .text(entry.method),
                    .text(intent.status.rawValue), .optional(intent.reason), .time(now),
                ]
            })
    }

    static func settle(_ entry: Entry, entry name: String, at now: Timestamp, in transaction: any Transaction) throws {
        try update([entry], in: transaction)
        try record([Record(entry, name, entry.intent.amount)], at: now, in: transaction)
    }

    static func refund(_ entry: Entry, key: Identifier, amount: Money, at now: Timestamp, in transaction: any Transaction) throws {
        try update([entry], in: transaction)
        try transaction.execute(insertRefund, [.id(key), .id(entry.intent.id), .integer(amount.minorUnits)])
        try record([Record(entry, "refund", amount)], at: now, in: transaction)
    }

    static func isKnown(refund key: Identifier, in transaction: any Transaction) throws -> Bool {
        try transaction.first(selectRefund, [.id(key)]) { _ in true } ?? false
    }

    static func update(_ entries: [Entry], in transaction: any Transaction) throws {
        try transaction.execute(
            update,
            each: entries.map { entry in
                let intent = entry.intent
                return [.id(intent.id), .text(intent.status.rawValue), .integer(intent.refunded.minorUnits), .optional(intent.reason)]
            })
    }

    static func record(_ records: [Record], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            insertEntry,
            each: records.map { record in
                let (entry, amount) = (record.entry, record.amount)
                return [.id(entry.intent.id), .id(entry.orderID), .text(record.name), .integer(amount.minorUnits), .text(amount.currency.code), .time(now)]
            })
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

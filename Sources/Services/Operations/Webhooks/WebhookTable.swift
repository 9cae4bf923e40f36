import Storage
import Wire

/// The subscriptions as rows.
enum WebhookTable {
    static let statements = [
        """
        CREATE TABLE webhooks (id {id} PRIMARY KEY, owner {text}, url {text} NOT NULL, description {text}, types {text},
        state {int} NOT NULL CHECK (state BETWEEN 0 AND 3), reason {text}, secret {bytes} NOT NULL, old_secret {bytes}, old_until {int},
        created_at {int} NOT NULL, updated_at {int} NOT NULL, failing_since {int}, succeeded_at {int}, held_until {int}) {clustered}
        """
    ]

    private static let columns = """
        id, owner, url, description, types, state, reason, secret, old_secret, old_until, created_at, updated_at, failing_since, succeeded_at, held_until
        """
    private static let insert = SQL(
        "INSERT INTO webhooks (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    private static let update = SQL(
        """
        UPDATE webhooks SET url = $2, description = $3, types = $4, state = $5, reason = $6, secret = $7, old_secret = $8, old_until = $9, updated_at = $10,
        failing_since = $11, succeeded_at = $12, held_until = $13 WHERE id = $1
        """)
    private static let delete = SQL("DELETE FROM webhooks WHERE id = $1")
    private static let one = SQL("SELECT \(columns) FROM webhooks WHERE id = $1")
    private static let locked = SQL("SELECT \(columns) FROM webhooks WHERE id = $1 {forUpdate}")
    /// Those that events are kept for. Whoever writes deliveries holds them until it has committed, so that nobody meanwhile decides by what it cannot see.
    private static let listening = SQL("SELECT \(columns) FROM webhooks WHERE state <= 1 ORDER BY id {forShare}")
    private static let all = SQL("SELECT \(columns) FROM webhooks ORDER BY id")
    private static let count = SQL("SELECT count(*) FROM webhooks WHERE state <= 2 AND (owner = $1 OR (owner IS NULL AND $1 IS NULL))")

    static func add(_ webhook: Webhook, in transaction: any Transaction) throws {
        try transaction.execute(
            insert,
            [
                .id(webhook.id), .optional(webhook.owner), .text(webhook.url), .optional(webhook.description), types(webhook),
                .integer(webhook.state.rawValue), .optional(webhook.reason), .bytes(webhook.secret.bytes), old(webhook),
                .optional(webhook.oldUntil?.milliseconds), .time(webhook.createdAt), .time(webhook.updatedAt),
                .optional(webhook.failingSince?.milliseconds), .optional(webhook.succeededAt?.milliseconds), .optional(webhook.heldUntil?.milliseconds),
            ])
    }

    static func save(_ webhook: Webhook, in transaction: any Transaction) throws {
        try transaction.execute(
            update,
            [
                .id(webhook.id), .text(webhook.url), .optional(webhook.description), types(webhook), .integer(webhook.state.rawValue),
                .optional(webhook.reason), .bytes(webhook.secret.bytes), old(webhook), .optional(webhook.oldUntil?.milliseconds),
                .time(webhook.updatedAt), .optional(webhook.failingSince?.milliseconds), .optional(webhook.succeededAt?.milliseconds),
                .optional(webhook.heldUntil?.milliseconds),
            ])
    }

    static func remove(_ id: Identifier, in transaction: any Transaction) throws { try transaction.execute(delete, [.id(id)]) }
    static func find(_ id: Identifier, in transaction: any ReadTransaction) throws -> Webhook? { try transaction.first(one, [.id(id)], webhook) }
    static func lock(_ id: Identifier, in transaction: any Transaction) throws -> Webhook? { try transaction.first(locked, [.id(id)], webhook) }
    static func listening(in transaction: any Transaction) throws -> [Webhook] { try transaction.query(listening, [], webhook) }
    /// All of them, also those that are being removed.
    static func all(in transaction: any ReadTransaction) throws -> [Webhook] { try transaction.query(all, [], webhook) }
    /// How many somebody has.
    static func count(of owner: String?, in transaction: any ReadTransaction) throws -> Int64 {
        try transaction.first(count, [.optional(owner)]) { $0.integer(0) } ?? 0
    }

    private static func types(_ webhook: Webhook) -> SQLValue { .optional(webhook.types?.sorted().joined(separator: ",")) }
    private static func old(_ webhook: Webhook) -> SQLValue { webhook.oldSecret.map { .bytes($0.bytes) } ?? .null }

    private static func webhook(_ row: any Row) -> Webhook {
        var webhook = Webhook(
            id: row.id(0), owner: row.optionalText(1), url: row.text(2), description: row.optionalText(3),
            types: row.optionalText(4).map { Set($0.split(separator: ",").map(String.init)) }, secret: WebhookSecret(bytes: row.bytes(7)),
            createdAt: row.time(10), updatedAt: row.time(11))
        (webhook.state, webhook.reason) = (Webhook.State(rawValue: row.integer(5)) ?? .disabled, row.optionalText(6))
        webhook.oldSecret = row.isNull(8) ? nil : WebhookSecret(bytes: row.bytes(8))
        (webhook.oldUntil, webhook.failingSince) = (row.optionalTime(9), row.optionalTime(12))
        (webhook.succeededAt, webhook.heldUntil) = (row.optionalTime(13), row.optionalTime(14))
        return webhook
    }
}

import Storage
import Wire

/// Messages and their attempts as rows.
///
/// Of the pending messages of an order to an endpoint, the first in the archive's order has `head` = 1: only it may be sent. So the next messages are found by an
/// index, however many wait behind one that fails.
enum WebhookDeliveryTable {
    static let statements = [
        """
        CREATE TABLE webhook_deliveries (id {id} PRIMARY KEY, webhook {id} NOT NULL, sequence {int} NOT NULL, event_id {id}, key {id} NOT NULL,
        type {text} NOT NULL, body {bytes}, state {int} NOT NULL CHECK (state BETWEEN 0 AND 2), head {int} NOT NULL CHECK (head BETWEEN 0 AND 1),
        attempts {int} NOT NULL, tries {int} NOT NULL, due_at {int} NOT NULL, created_at {int} NOT NULL, finished_at {int}, status {int}, error {text}) {clustered}
        """,
        "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, due_at) WHERE state = 0 AND head = 1",
        "CREATE INDEX webhook_deliveries_order ON webhook_deliveries (webhook, key, sequence) WHERE state = 0",
        "CREATE INDEX webhook_deliveries_list ON webhook_deliveries (webhook, id)",
        "CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE state > 0",
        """
        CREATE TABLE webhook_attempts (delivery {id} NOT NULL, attempt {int} NOT NULL, at {int} NOT NULL, milliseconds {int} NOT NULL, status {int},
        error {text}, answer {text}, PRIMARY KEY (delivery, attempt)) {clustered}
        """,
    ]

    private static let columns = """
        id, webhook, sequence, event_id, key, type, body, state, attempts, tries, due_at, created_at, finished_at, status, error
        """
    private static let insert = SQL(
        """
        INSERT INTO webhook_deliveries (\(columns), head) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, $8, $9, NULL, NULL, NULL, 0)
        ON CONFLICT (id) DO NOTHING
        """)
    /// What is pending already only becomes due.
    private static let again = SQL(
        """
        UPDATE webhook_deliveries SET state = 0, tries = 0, due_at = $2, finished_at = NULL, head = 0 WHERE id = $1
        """)
    private static let demote = SQL("UPDATE webhook_deliveries SET head = 0 WHERE webhook = $1 AND key = $2 AND state = 0 AND head = 1")
    private static let promote = SQL(
        """
        UPDATE webhook_deliveries SET head = 1 WHERE webhook = $1 AND key = $2 AND state = 0 AND head = 0 AND sequence =
        (SELECT min(sequence) FROM webhook_deliveries WHERE webhook = $1 AND key = $2 AND state = 0)
        """)
    private static let settle = SQL(
        """
        UPDATE webhook_deliveries SET state = $3, attempts = attempts + 1, tries = tries + 1, due_at = $4, finished_at = $5, status = $6, error = $7
        WHERE id = $1 AND state = 0 AND attempts = $2
        """)
    private static let log = SQL(
        "INSERT INTO webhook_attempts (delivery, attempt, at, milliseconds, status, error, answer) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
    private static let one = SQL("SELECT \(columns) FROM webhook_deliveries WHERE id = $1")
    private static let due = SQL(
        """
        SELECT \(columns) FROM webhook_deliveries WHERE webhook = $1 AND state = 0 AND head = 1 AND due_at <= $2 AND (type = $3 OR $4 = 1)
        ORDER BY due_at LIMIT $5
        """)
    private static let list = SQL(
        """
        SELECT \(columns) FROM webhook_deliveries WHERE webhook = $1 AND id < $2 AND (state = $3 OR $3 IS NULL) AND (type = $4 OR $4 IS NULL)
        AND (key = $5 OR $5 IS NULL) ORDER BY id DESC LIMIT $6
        """)
    private static let attempts = SQL(
        "SELECT attempt, at, milliseconds, status, error, answer FROM webhook_attempts WHERE delivery = $1 ORDER BY attempt DESC LIMIT 100")

    /// Adds messages that are not there yet, and lets the first of each order go.
    static func add(_ deliveries: [WebhookDelivery], in transaction: any Transaction) throws {
        try transaction.execute(
            insert,
            each: deliveries.map {
                [
                    .id($0.id), .id($0.webhook), .integer($0.sequence), .optional($0.eventID), .id($0.key), .text($0.type), $0.body.map { .bytes($0) } ?? .null,
                    .time($0.dueAt), .time($0.createdAt),
                ]
            })
        try transaction.execute(promote, each: places(deliveries))
    }

    /// Makes messages pending anew that were there before; those that are not there are added.
    static func repeatAll(_ deliveries: [WebhookDelivery], in transaction: any Transaction) throws {
        try transaction.execute(again, each: deliveries.map { [.id($0.id), .time($0.dueAt)] })
        try transaction.execute(demote, each: places(deliveries))
        try add(deliveries, in: transaction)
    }

    /// Lets the next message of an order go.
    static func promote(after delivery: WebhookDelivery, in transaction: any Transaction) throws {
        try transaction.execute(promote, [.id(delivery.webhook), .id(delivery.key)])
    }

    private static func places(_ deliveries: [WebhookDelivery]) -> [[SQLValue]] {
        var seen: Set<[SQLValue]> = []
        return deliveries.map { [.id($0.webhook), .id($0.key)] }.filter { seen.insert($0).inserted }
    }

    /// Writes down what came of an attempt.
    /// - Parameter delivery: as it is now; its `attempts` are those before.
    /// - Returns: false when somebody else has written since; then nothing is written.
    static func settle(_ delivery: WebhookDelivery, _ attempt: WebhookAttempt, in transaction: any Transaction) throws -> Bool {
        let count = try transaction.executeCounting(
            settle,
            [
                .id(delivery.id), .integer(delivery.attempts), .integer(delivery.state.rawValue), .time(delivery.dueAt),
                .optional(delivery.finishedAt?.milliseconds), .optional(attempt.status), .optional(attempt.error),
            ])
        guard count == 1 else { return false }
        try transaction.execute(
            log,
            [
                .id(delivery.id), .integer(attempt.number), .time(attempt.at), .integer(attempt.milliseconds), .optional(attempt.status),
                .optional(attempt.error), .optional(attempt.answer),
            ])
        return true
    }

    static func find(_ id: Identifier, in transaction: any ReadTransaction) throws -> WebhookDelivery? {
        try transaction.first(one, [.id(id)], delivery)
    }

    /// What is asked of an endpoint's messages.
    struct Question: Sendable {
        let webhook: Identifier
        /// For an endpoint that is not active.
        let onlyTests: Bool
        let limit: Int
    }

    /// The messages to endpoints that may be sent now, those of each in the order in which they became due.
    static func due(_ questions: [Question], at now: Timestamp, in transaction: any ReadTransaction) throws -> [WebhookDelivery] {
        try transaction.query(
            due,
            each: questions.map {
                [.id($0.webhook), .time(now), .text(Webhook.test), .integer($0.onlyTests ? 0 : 1), .integer(Int64($0.limit))]
            }, delivery)
    }

    /// The newest messages before one of them.
    static func list(
        _ webhook: Identifier, before id: Identifier?, state: WebhookDelivery.State?, type: String?, key: Identifier?, limit: Int,
        in transaction: any ReadTransaction
    ) throws -> [WebhookDelivery] {
        let start = id ?? Identifier(high: .max, low: .max)
        return try transaction.query(
            list, [.id(webhook), .id(start), .optional(state?.rawValue), .optional(type), .optional(key), .integer(Int64(limit))], delivery)
    }

    /// The attempts of a message, newest first.
    static func attempts(of id: Identifier, in transaction: any ReadTransaction) throws -> [WebhookAttempt] {
        try transaction.query(attempts, [.id(id)]) { row in
            WebhookAttempt(
                number: row.integer(0), at: row.time(1), milliseconds: row.integer(2), status: row.optionalInteger(3), error: row.optionalText(4),
                answer: row.optionalText(5))
        }
    }

    private static func delivery(_ row: any Row) -> WebhookDelivery {
        var delivery = WebhookDelivery(
            id: row.id(0), webhook: row.id(1), sequence: row.integer(2), eventID: row.optionalID(3), key: row.id(4), type: row.text(5),
            body: row.isNull(6) ? nil : row.bytes(6), dueAt: row.time(10), createdAt: row.time(11))
        (delivery.state, delivery.attempts, delivery.tries) = (WebhookDelivery.State(rawValue: row.integer(7)) ?? .failed, row.integer(8), row.integer(9))
        (delivery.finishedAt, delivery.status, delivery.error) = (row.optionalTime(12), row.optionalInteger(13), row.optionalText(14))
        return delivery
    }
}

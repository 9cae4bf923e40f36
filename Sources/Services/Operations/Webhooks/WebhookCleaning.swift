import Storage
import Wire

/// What keeps the tables of messages from growing without end.
enum WebhookCleaning {
    /// How long a message is kept after it was delivered or given up: 30 days.
    static let ageMilliseconds: Int64 = 30 * 86_400_000
    /// How long a message waits for an endpoint that is paused: 7 days.
    static let pauseMilliseconds: Int64 = 7 * 86_400_000
    /// Most messages that may wait for one endpoint; with more it is disabled.
    static let maximumPending: Int64 = 500_000

    private static let old = "SELECT id FROM webhook_deliveries WHERE state > 0 AND finished_at < $1 ORDER BY finished_at LIMIT $2"
    private static let pruneAttempts = SQL("DELETE FROM webhook_attempts WHERE delivery IN (\(old))")
    private static let prune = SQL("DELETE FROM webhook_deliveries WHERE id IN (\(old))")
    private static let owned = "SELECT id FROM webhook_deliveries WHERE webhook = $1 ORDER BY id LIMIT $2"
    private static let removeAttempts = SQL("DELETE FROM webhook_attempts WHERE delivery IN (\(owned))")
    private static let remove = SQL("DELETE FROM webhook_deliveries WHERE id IN (\(owned))")
    private static let expire = SQL(
        "UPDATE webhook_deliveries SET state = 2, finished_at = $3, error = $4 WHERE webhook = $1 AND state = 0 AND created_at < $2")
    private static let heads = SQL(
        """
        UPDATE webhook_deliveries SET head = 1 WHERE webhook = $1 AND state = 0 AND head = 0 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS earlier
        WHERE earlier.webhook = $1 AND earlier.key = webhook_deliveries.key AND earlier.state = 0 AND earlier.sequence < webhook_deliveries.sequence)
        """)
    private static let pending = SQL("SELECT webhook, count(*), min(created_at) FROM webhook_deliveries WHERE state = 0 GROUP BY webhook")

    /// What waits for an endpoint.
    struct Pending: Sendable {
        let webhook: Identifier
        let count: Int64
        let oldest: Timestamp
    }

    static func pending(in transaction: any ReadTransaction) throws -> [Pending] {
        try transaction.query(pending) { Pending(webhook: $0.id(0), count: $0.integer(1), oldest: $0.time(2)) }
    }

    /// Removes finished messages of before a moment, with their attempts; how many.
    static func prune(finishedBefore moment: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        let values: [SQLValue] = [.time(moment), .integer(Int64(limit))]
        try transaction.execute(pruneAttempts, values)
        return try transaction.executeCounting(prune, values)
    }

    /// Removes messages of an endpoint that is gone; how many.
    static func remove(of webhook: Identifier, limit: Int, in transaction: any Transaction) throws -> Int {
        let values: [SQLValue] = [.id(webhook), .integer(Int64(limit))]
        try transaction.execute(removeAttempts, values)
        return try transaction.executeCounting(remove, values)
    }

    /// Gives up what waits for an endpoint since before a moment; how many.
    static func giveUp(_ webhook: Identifier, createdBefore moment: Timestamp, because error: String, at now: Timestamp, in transaction: any Transaction)
        throws -> Int
    {
        let count = try transaction.executeCounting(expire, [.id(webhook), .time(moment), .time(now), .text(error)])
        if count > 0 { try transaction.execute(heads, [.id(webhook)]) }
        return count
    }
}

import Messaging
import Storage
import Wire

/// Redrives of many dead letters as rows, so that every process of Operations can tell of them, and end them, whoever does them.
enum DeadLetterRunTable {
    static let statements = [
        """
        CREATE TABLE redrives (id {id} PRIMARY KEY, active {int} UNIQUE, state {text} NOT NULL, actor {text} NOT NULL, consumer {text}, type {text}, error {text},
        order_id {id}, died_from {int}, died_to {int}, rate {int} NOT NULL, stop_after {int} NOT NULL, started_at {int} NOT NULL, finished_at {int},
        total {int} NOT NULL, redriven {int} NOT NULL, failed {int} NOT NULL, skipped {int} NOT NULL, last_error {text}, seen_at {int} NOT NULL) {clustered}
        """
    ]

    /// How many runs are remembered.
    private static let remembered: Int64 = 20
    /// A run of which nothing was written for so long has ended with its process, in milliseconds by the database's clock.
    private static let silence: Int64 = 60_000

    private static let columns = """
        id, state, actor, consumer, type, error, order_id, died_from, died_to, rate, stop_after, started_at, finished_at, total, redriven, failed, skipped,
        last_error
        """
    /// `active` is 1 for the run that is under way, and null for all others: so there is one.
    private static let insert = SQL(
        """
        INSERT INTO redrives (\(columns), active, seen_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1, {now}) ON CONFLICT (active) DO NOTHING
        """)
    private static let update = SQL(
        """
        UPDATE redrives SET state = $2, active = $3, finished_at = $4, redriven = $5, failed = $6, skipped = $7, last_error = $8, seen_at = {now}
        WHERE id = $1 AND active = 1
        """)
    private static let interrupt = SQL(
        "UPDATE redrives SET state = 'interrupted', active = NULL, finished_at = {now} WHERE active = 1 AND seen_at <= {now} - $1")
    private static let prune = SQL("DELETE FROM redrives WHERE active IS NULL AND id NOT IN (SELECT id FROM redrives ORDER BY id DESC LIMIT $1)")
    private static let fields = "\(columns), CASE WHEN active = 1 AND seen_at <= {now} - \(silence) THEN 1 ELSE 0 END"
    private static let one = SQL("SELECT \(fields) FROM redrives WHERE id = $1")
    private static let locked = SQL("SELECT \(fields) FROM redrives WHERE id = $1 {forUpdate}")
    private static let running = SQL("SELECT \(fields) FROM redrives WHERE active = 1")
    private static let all = SQL("SELECT \(fields) FROM redrives ORDER BY id DESC")

    /// Writes a run that begins, unless one is under way.
    /// - Returns: whether it may begin.
    static func begin(_ run: DeadLetterRun, in transaction: any Transaction) throws -> Bool {
        try interrupt(silentFor: silence, in: transaction)
        try transaction.execute(prune, [.integer(remembered - 1)])
        let filter = run.query.filter
        return try transaction.executeCounting(
            insert,
            [
                .id(run.id), .text(run.state.rawValue), .text(run.actor), .optional(run.query.consumer), .optional(filter.type), .optional(filter.error),
                .optional(filter.key), .optional(filter.from?.milliseconds), .optional(filter.to?.milliseconds), .integer(Int64(run.ratePerSecond)),
                .integer(Int64(run.stopAfter)), .time(run.startedAt), .optional(run.finishedAt?.milliseconds), .integer(run.total),
                .integer(Int64(run.redriven)), .integer(Int64(run.failed)), .integer(Int64(run.skipped)), .optional(run.lastError),
            ]) == 1
    }

    /// Writes how far a run is, or how it ended.
    /// - Returns: false when it has been ended by somebody else; then nothing is written.
    static func save(_ run: DeadLetterRun, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(
            update,
            [
                .id(run.id), .text(run.state.rawValue), .optional(run.state == .running ? Int64(1) : nil), .optional(run.finishedAt?.milliseconds),
                .integer(Int64(run.redriven)), .integer(Int64(run.failed)), .integer(Int64(run.skipped)), .optional(run.lastError),
            ]) == 1
    }

    /// Ends what has not been heard of for so long; 0 for whatever is under way, where nobody else can be at it.
    static func interrupt(silentFor milliseconds: Int64, in transaction: any Transaction) throws {
        try transaction.execute(interrupt, [.integer(milliseconds)])
    }

    static func find(_ id: Identifier, in transaction: any ReadTransaction) throws -> DeadLetterRun? { try transaction.first(one, [.id(id)], run) }
    static func lock(_ id: Identifier, in transaction: any Transaction) throws -> DeadLetterRun? { try transaction.first(locked, [.id(id)], run) }
    /// The one that is under way.
    static func running(in transaction: any ReadTransaction) throws -> DeadLetterRun? { try transaction.first(running, [], run) }
    /// All that are remembered, newest first.
    static func list(in transaction: any ReadTransaction) throws -> [DeadLetterRun] { try transaction.query(all, [], run) }

    private static func run(_ row: any Row) -> DeadLetterRun {
        var query = DeadLetterQuery()
        query.consumer = row.optionalText(3)
        (query.filter.type, query.filter.error, query.filter.key) = (row.optionalText(4), row.optionalText(5), row.optionalID(6))
        (query.filter.from, query.filter.to) = (row.optionalTime(7), row.optionalTime(8))
        var run = DeadLetterRun(
            id: row.id(0), actor: row.text(2), query: query, ratePerSecond: Int(row.integer(9)), stopAfter: Int(row.integer(10)), startedAt: row.time(11),
            total: row.integer(13))
        run.state = row.bool(18) ? .interrupted : DeadLetterRun.State(rawValue: row.text(1)) ?? .interrupted
        run.finishedAt = row.optionalTime(12)
        (run.redriven, run.failed, run.skipped) = (Int(row.integer(14)), Int(row.integer(15)), Int(row.integer(16)))
        run.lastError = row.optionalText(17)
        return run
    }
}

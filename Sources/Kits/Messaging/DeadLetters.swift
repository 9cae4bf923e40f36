import Storage
import Wire

/// The table of dead letters in one consumer's database.
enum DeadLetters {
    private static let columns = """
        event_id, key, type, topic, body, original, attempts, error, error_group, parked_at, died_at, state, version, closed_at, closed_by, closed_because
        """
    /// The parameters $1 to $6 are the filter's; all may be null. The comparison comes first, because PostgreSQL takes a parameter's type from where it stands first; errors
    /// are searched for in any case, which only SQLite's LIKE does by itself.
    private static let condition = """
        (state = $1 OR $1 IS NULL) AND (type = $2 OR $2 IS NULL) AND (lower(error) LIKE lower(CAST($3 AS text)) ESCAPE '!' OR $3 IS NULL)
        AND (key = $4 OR $4 IS NULL) AND (died_at >= $5 OR $5 IS NULL) AND (died_at < $6 OR $6 IS NULL)
        """
    private static let select = SQL("SELECT \(columns) FROM dead_letters WHERE event_id = $1")
    private static let list = SQL("SELECT \(columns) FROM dead_letters WHERE event_id <= $7 AND \(condition) ORDER BY event_id DESC LIMIT $8")
    private static let oldest = SQL(
        "SELECT \(columns) FROM dead_letters WHERE (died_at, event_id) > ($7, $8) AND \(condition) ORDER BY died_at, event_id LIMIT $9")
    private static let groups = SQL(
        """
        SELECT type, error_group, count(*), min(died_at), max(died_at) FROM dead_letters WHERE \(condition)
        GROUP BY type, error_group ORDER BY count(*) DESC, type, error_group
        """)
    private static let newest = SQL(
        "SELECT event_id FROM dead_letters WHERE \(condition) AND type = $7 AND error_group = $8 ORDER BY event_id DESC LIMIT 1")
    private static let open = SQL("SELECT count(*) FROM dead_letters WHERE state = 0")
    private static let earlier = SQL(
        """
        SELECT event_id FROM dead_letters WHERE key = $1 AND state = 0 AND (died_at, event_id) < ($2, $3) ORDER BY died_at, event_id LIMIT 1
        """)
    private static let close = SQL(
        """
        UPDATE dead_letters SET state = $2, version = version + 1, closed_at = $3, closed_by = $4, closed_because = $5, body = $6, original = $7,
        attempts = $8 WHERE event_id = $1
        """)
    private static let fail = SQL(
        "UPDATE dead_letters SET attempts = $2, error = $3, error_group = $4, version = version + 1 WHERE event_id = $1 AND state = 0")
    private static let old = SQL("SELECT event_id FROM dead_letters WHERE state <> 0 AND closed_at < $1 LIMIT $2")
    private static let delete = SQL("DELETE FROM dead_letters WHERE event_id = $1")

    static func find(_ event: Identifier, of consumer: String, in transaction: any ReadTransaction) throws -> DeadLetter? {
        try transaction.first(select, [.id(event)]) { letter($0, consumer) }
    }

    /// - Parameter place: the newest event to be listed.
    static func list(_ filter: DeadLetterFilter, from place: Identifier, limit: Int, of consumer: String, in transaction: any ReadTransaction) throws
        -> [DeadLetter]
    {
        try transaction.query(list, values(filter) + [.id(place), .integer(Int64(limit))]) { letter($0, consumer) }
    }

    static func oldest(_ filter: DeadLetterFilter, after place: DeadLetter?, limit: Int, of consumer: String, in transaction: any ReadTransaction) throws
        -> [DeadLetter]
    {
        let start: [SQLValue] = [.integer(place?.diedAt.milliseconds ?? .min), .id(place?.eventID ?? Identifier(high: 0, low: 0))]
        return try transaction.query(oldest, values(filter) + start + [.integer(Int64(limit))]) { letter($0, consumer) }
    }

    static func groups(_ filter: DeadLetterFilter, of consumer: String, in transaction: any ReadTransaction) throws -> [DeadLetterGroup] {
        let filter = values(filter)
        let groups = try transaction.query(groups, filter) {
            (type: $0.text(0), error: $0.text(1), count: $0.integer(2), oldest: $0.time(3), newest: $0.time(4))
        }
        let examples = try transaction.query(newest, each: groups.map { filter + [.text($0.type), .text($0.error)] }) { $0.id(0) }
        return zip(groups, examples).map { group, example in
            DeadLetterGroup(
                consumer: consumer, type: group.type, errorGroup: group.error, count: group.count, oldest: group.oldest, newest: group.newest, example: example)
        }
    }

    static func openCount(in transaction: any ReadTransaction) throws -> Int { Int(try transaction.first(open) { $0.integer(0) } ?? 0) }

    /// The first open dead letter of the same order that died before this one.
    static func first(before letter: DeadLetter, in transaction: any ReadTransaction) throws -> DeadLetterID? {
        try transaction.first(earlier, [.id(letter.key), .time(letter.diedAt), .id(letter.eventID)]) {
            DeadLetterID(consumer: letter.consumer, eventID: $0.id(0))
        }
    }

    /// Closes a letter.
    /// - Parameter edited: the event that was applied instead of the letter's.
    static func close(
        _ letter: DeadLetter, _ state: DeadLetter.State, at now: Timestamp, by actor: String, because reason: String?, edited: [UInt8]? = nil, attempts: Int64,
        in transaction: any Transaction
    ) throws {
        let original = letter.original ?? (edited == nil ? nil : letter.body)
        try transaction.execute(
            close,
            [
                .id(letter.eventID), .integer(state.rawValue), .time(now), .text(actor), .optional(reason), .bytes(edited ?? letter.body),
                original.map(SQLValue.bytes) ?? .null, .integer(attempts),
            ])
    }

    /// Notes one more attempt that failed.
    static func fail(_ event: Identifier, attempts: Int64, error: String, in transaction: any Transaction) throws {
        try transaction.execute(fail, [.id(event), .integer(attempts), .text(error), .text(ErrorText.group(of: error))])
    }

    /// Deletes at most `limit` letters that were closed before a moment, with their attempts.
    /// - Returns: how many were deleted.
    static func prune(closedBefore time: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        let events = try transaction.query(old, [.time(time), .integer(Int64(limit))]) { $0.id(0) }
        try Attempts.forget(events, in: transaction)
        try transaction.execute(delete, each: events.map { [.id($0)] })
        return events.count
    }

    private static func values(_ filter: DeadLetterFilter) -> [SQLValue] {
        [
            .optional(filter.state?.rawValue), .optional(filter.type), .optional(filter.error.map(containing)), .optional(filter.key),
            .optional(filter.from?.milliseconds), .optional(filter.to?.milliseconds),
        ]
    }

    /// The pattern of texts that contain a text.
    private static func containing(_ text: String) -> String {
        "%" + text.map { "%_!".contains($0) ? "!\($0)" : "\($0)" }.joined() + "%"
    }

    private static func letter(_ row: any Row, _ consumer: String) -> DeadLetter {
        DeadLetter(
            consumer: consumer, eventID: row.id(0), key: row.id(1), type: row.text(2), topic: row.text(3), body: row.bytes(4),
            original: row.isNull(5) ? nil : row.bytes(5), attempts: row.integer(6), error: row.text(7), errorGroup: row.text(8), parkedAt: row.time(9),
            diedAt: row.time(10), state: DeadLetter.State(rawValue: row.integer(11)) ?? .open, version: row.integer(12), closedAt: row.optionalTime(13),
            closedBy: row.optionalText(14), closedBecause: row.optionalText(15))
    }
}

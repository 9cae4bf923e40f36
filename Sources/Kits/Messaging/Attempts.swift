import Storage
import Wire

/// The attempts at events that are in trouble, or may be. A row is written before the attempt and without an error: if the process ends while the event is
/// handled, the row stays as it is and tells so at the next start (RELIABILITY, trap 13). What was applied has no rows.
enum Attempts {
    private static let begin = SQL(
        """
        INSERT INTO attempts (event_id, attempt, at, error) VALUES ($1, $2, $3, NULL)
        ON CONFLICT (event_id, attempt) DO UPDATE SET at = excluded.at, error = NULL
        """)
    private static let fail = SQL(
        """
        INSERT INTO attempts (event_id, attempt, at, error) VALUES ($1, $2, $3, $4)
        ON CONFLICT (event_id, attempt) DO UPDATE SET error = excluded.error
        """)
    private static let undo = SQL("DELETE FROM attempts WHERE event_id = $1 AND attempt = $2")
    private static let forget = SQL("DELETE FROM attempts WHERE event_id = $1")
    private static let select = SQL("SELECT attempt, at, error FROM attempts WHERE event_id = $1 ORDER BY attempt")
    private static let unfinished = SQL(
        """
        SELECT event_id, max(attempt) FROM attempts WHERE NOT EXISTS (SELECT 1 FROM parked WHERE parked.event_id = attempts.event_id)
        AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE dead_letters.event_id = attempts.event_id) GROUP BY event_id
        """)

    /// Counts an attempt that is about to be made.
    static func begin(_ events: [Identifier], attempt: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(begin, each: events.map { [.id($0), .integer(attempt), .time(now)] })
    }

    /// Writes down how an attempt ended.
    static func fail(_ event: Identifier, attempt: Int64, at now: Timestamp, error: String, in transaction: any Transaction) throws {
        try transaction.execute(fail, [.id(event), .integer(attempt), .time(now), .text(error)])
    }

    /// Takes back an attempt that says nothing about the event.
    static func undo(_ event: Identifier, attempt: Int64, in transaction: any Transaction) throws {
        try transaction.execute(undo, [.id(event), .integer(attempt)])
    }

    /// Forgets events that are applied.
    static func forget(_ events: [Identifier], in transaction: any Transaction) throws {
        try transaction.execute(forget, each: events.map { [.id($0)] })
    }

    /// The attempts at an event, the first first.
    static func history(of event: Identifier, in transaction: any ReadTransaction) throws -> [DeadLetterAttempt] {
        try transaction.query(select, [.id(event)]) {
            DeadLetterAttempt(attempt: $0.integer(0), at: $0.time(1), error: $0.optionalText(2) ?? ErrorText.processEnded)
        }
    }

    /// Attempts that began before a consumer started and never ended, by event: what was being handled when the process ended.
    static func unfinished(in transaction: any ReadTransaction) throws -> [Identifier: Int64] {
        Dictionary(try transaction.query(unfinished) { ($0.id(0), $0.integer(1)) }, uniquingKeysWith: max)
    }
}

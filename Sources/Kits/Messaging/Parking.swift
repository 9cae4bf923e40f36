import Storage
import Wire

/// Where a failing event waits for its next attempt, with all later events of the same order behind it; others flow (promise S9).
enum Parking {
    /// A parked event.
    struct Entry {
        let number: Int64
        let eventID: Identifier
        let key: Identifier
        let type: String
        let body: [UInt8]
        let attempts: Int64
        let parkedAt: Timestamp
    }

    /// Why an event is parked that has not failed.
    static let waitsBehind = "waits behind an earlier event of the same order"
    static let waitsForUpdate = "waits until this program is updated: it does not know the event's type or version yet"

    private static let insert = SQL(
        """
        INSERT INTO parked (event_id, key, type, body, attempts, due_at, error, parked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
        """)
    private static let isParked = SQL("SELECT 1 FROM parked WHERE key = $1 LIMIT 1")
    private static let any = SQL("SELECT 1 FROM parked LIMIT 1")
    private static let heads = SQL(
        """
        SELECT number, event_id, key, type, body, attempts, parked_at FROM parked AS p
        WHERE due_at <= $1 AND number = (SELECT min(number) FROM parked AS q WHERE q.key = p.key) ORDER BY number LIMIT $2
        """)
    private static let count = SQL("UPDATE parked SET attempts = $2, due_at = $3, error = $4 WHERE number = $1")
    private static let remove = SQL("DELETE FROM parked WHERE number = $1")
    private static let bury = SQL(
        """
        INSERT INTO dead_letters (event_id, key, type, topic, body, attempts, error, parked_at, died_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT DO NOTHING
        """)
    private static let deadCount = SQL("SELECT count(*) FROM dead_letters")

    static func park(_ event: Envelope, attempts: Int64, due: Timestamp, error: String, now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            insert,
            [
                .id(event.id), .id(event.key), .text(event.type), .bytes(event.body), .integer(attempts), .time(due), .text(error), .time(now),
            ])
    }

    static func isEmpty(in transaction: any ReadTransaction) throws -> Bool { try transaction.first(any) { _ in true } == nil }

    /// The keys among these events that have something parked.
    static func parkedKeys(of events: [Envelope], in transaction: any ReadTransaction) throws -> Set<Identifier> {
        var keys: Set<Identifier> = []
        for event in events where !keys.contains(event.key) {
            if try transaction.first(isParked, [.id(event.key)], { _ in true }) != nil { keys.insert(event.key) }
        }
        return keys
    }

    /// The first parked event of each key, where it is due.
    static func due(at now: Timestamp, limit: Int, in transaction: any ReadTransaction) throws -> [Entry] {
        try transaction.query(heads, [.time(now), .integer(Int64(limit))]) {
            Entry(
                number: $0.integer(0), eventID: $0.id(1), key: $0.id(2), type: $0.text(3), body: $0.bytes(4), attempts: $0.integer(5), parkedAt: $0.time(6))
        }
    }

    static func remove(_ entry: Entry, in transaction: any Transaction) throws { try transaction.execute(remove, [.integer(entry.number)]) }

    static func postpone(_ entry: Entry, attempts: Int64, due: Timestamp, error: String, in transaction: any Transaction) throws {
        try transaction.execute(count, [.integer(entry.number), .integer(attempts), .time(due), .text(error)])
    }

    /// Moves an event to the dead letters.
    static func bury(_ entry: Entry, topic: String, attempts: Int64, error: String, now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            bury,
            [
                .id(entry.eventID), .id(entry.key), .text(entry.type), .text(topic + ".DLQ"), .bytes(entry.body), .integer(attempts), .text(error),
                .time(entry.parkedAt), .time(now),
            ])
        try remove(entry, in: transaction)
    }

    static func deadLetters(in transaction: any ReadTransaction) throws -> Int64 { try transaction.first(deadCount) { $0.integer(0) } ?? 0 }
}

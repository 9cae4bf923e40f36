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
        let due: Timestamp
        let error: String
        let parkedAt: Timestamp
        /// The topic it came by, where the event itself may not tell.
        let topic: String?
    }

    /// An event that is to be parked.
    struct Newcomer {
        let id: Identifier
        let key: Identifier
        let type: String
        let body: [UInt8]
        /// The topic it came by; nil where its type tells.
        let topic: String?

        init(_ event: Envelope) { (id, key, type, body, topic) = (event.id, event.key, event.type, event.body, nil) }
        init(_ event: BrokenEvent, from source: String) {
            (id, key, type, body, topic) = (event.id(from: source), event.key, event.type, event.body, event.topic)
        }
    }
    /// Why an event is parked that has not failed.
    static let waitsBehind = "waits behind an earlier event of the same order"
    static let waitsForUpdate = "waits until this program is updated: it does not know the event's type or version yet"

    private static let insert = SQL(
        """
        INSERT INTO parked (event_id, key, type, body, attempts, due_at, error, parked_at, topic) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT DO NOTHING
        """)
    private static let isParked = SQL("SELECT key FROM parked WHERE key = $1 LIMIT 1")
    private static let any = SQL("SELECT 1 FROM parked LIMIT 1")
    private static let heads = SQL(
        """
        SELECT number, event_id, key, type, body, attempts, due_at, error, parked_at, topic FROM parked AS p
        WHERE due_at <= $1 AND number = (SELECT min(number) FROM parked AS q WHERE q.key = p.key) ORDER BY number LIMIT $2
        """)
    private static let count = SQL("UPDATE parked SET attempts = $2, due_at = $3, error = $4 WHERE number = $1")
    private static let remove = SQL("DELETE FROM parked WHERE number = $1")
    private static let bury = SQL(
        """
        INSERT INTO dead_letters (event_id, key, type, topic, body, attempts, error, error_group, parked_at, died_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
        """)
    private static let lastDeath = SQL("SELECT max(died_at) FROM dead_letters WHERE key = $1")
    private static let total = SQL("SELECT count(*) FROM parked")
    private static let ofKey = SQL("SELECT count(*) FROM parked WHERE key = $1")

    /// Parks an event; false when it is parked already.
    static func park(_ event: Newcomer, attempts: Int64, due: Timestamp, error: String, now: Timestamp, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(
            insert,
            [
                .id(event.id), .id(event.key), .text(event.type), .bytes(event.body), .integer(attempts), .time(due), .text(error), .time(now),
                .optional(event.topic),
            ]) == 1
    }

    static func isEmpty(in transaction: any ReadTransaction) throws -> Bool { try transaction.first(any) { _ in true } == nil }

    /// The same without waiting.
    /// - Returns: what tells, once the answer is there.
    static func askWhetherEmpty(in transaction: any Transaction) throws -> () -> Bool {
        var isEmpty = true
        try transaction.ask(any, each: [[]]) { _ in isEmpty = false }
        return { isEmpty }
    }

    /// The keys among these events that have something parked.
    static func parkedKeys(of events: [Envelope], in transaction: any ReadTransaction) throws -> Set<Identifier> {
        var asked: Set<Identifier> = []
        let wanted = events.map(\.key).filter { asked.insert($0).inserted }
        return Set(try transaction.query(isParked, each: wanted.map { [.id($0)] }) { $0.id(0) })
    }

    /// The first parked event of each key, where it is due.
    static func due(at now: Timestamp, limit: Int, in transaction: any ReadTransaction) throws -> [Entry] {
        try transaction.query(heads, [.time(now), .integer(Int64(limit))]) {
            Entry(
                number: $0.integer(0), eventID: $0.id(1), key: $0.id(2), type: $0.text(3), body: $0.bytes(4), attempts: $0.integer(5), due: $0.time(6),
                error: $0.text(7), parkedAt: $0.time(8), topic: $0.optionalText(9))
        }
    }

    static func remove(_ entry: Entry, in transaction: any Transaction) throws { try transaction.execute(remove, [.integer(entry.number)]) }

    static func postpone(_ entry: Entry, attempts: Int64, due: Timestamp, error: String, in transaction: any Transaction) throws {
        try transaction.execute(count, [.integer(entry.number), .integer(attempts), .time(due), .text(error)])
    }

    /// Moves an event to the dead letters. By their times the letters of an order are in order, even where the clock was set back.
    static func bury(_ entry: Entry, topic: String, attempts: Int64, error: String, now: Timestamp, in transaction: any Transaction) throws {
        let last = try transaction.first(lastDeath, [.id(entry.key)]) { $0.optionalInteger(0) } ?? nil
        let died = max(now, Timestamp(milliseconds: (last ?? 0) + 1))
        try transaction.execute(
            bury,
            [
                .id(entry.eventID), .id(entry.key), .text(entry.type), .text(BrokerTopology.deadLetters(of: topic)), .bytes(entry.body), .integer(attempts),
                .text(error),
                .text(ErrorText.group(of: error)), .time(entry.parkedAt), .time(died),
            ])
        try remove(entry, in: transaction)
    }

    /// How many events are parked.
    static func count(in transaction: any ReadTransaction) throws -> Int { Int(try transaction.first(total) { $0.integer(0) } ?? 0) }
    /// How many events of one order are parked.
    static func count(of key: Identifier, in transaction: any ReadTransaction) throws -> Int {
        Int(try transaction.first(ofKey, [.id(key)]) { $0.integer(0) } ?? 0)
    }
}

import Storage
import Wire

/// What a consumer has applied: how far it has come in each producer's log, and the ids of events whose log does not tell. Both are written with the effect (promise S8).
enum Inbox {
    private static let admit = SQL("INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT (event_id) DO NOTHING")
    private static let advance = SQL(
        "INSERT INTO positions (source, sequence) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > positions.sequence"
    )
    private static let positions = SQL("SELECT source, sequence FROM positions")
    private static let position = SQL("SELECT sequence FROM positions WHERE source = $1")
    private static let prune = SQL("DELETE FROM inbox WHERE event_id IN (SELECT event_id FROM inbox WHERE event_id < $1 ORDER BY event_id LIMIT $2)")

    /// Registers events and returns those that had not been seen, in order.
    static func admit(_ events: [Envelope], in transaction: any Transaction) throws -> [Envelope] {
        let counts = try transaction.executeCounting(admit, each: events.map { [.id($0.id)] })
        if !counts.contains(0) { return events }
        return zip(events, counts).compactMap { $1 == 1 ? $0 : nil }
    }

    /// Remembers how far the consumer has come.
    static func advance(_ positions: [String: Int64], in transaction: any Transaction) throws {
        let rows = positions.sorted { $0.key < $1.key }.map { [SQLValue.text($0.key), .integer($0.value)] }
        try transaction.execute(advance, each: rows)
    }

    /// How far the consumer had come when it last committed, by source.
    static func positions(in transaction: any ReadTransaction) throws -> [String: Int64] {
        let rows = try transaction.query(positions) { ($0.text(0), $0.integer(1)) }
        return Dictionary(rows, uniquingKeysWith: max)
    }

    /// How far the consumer has come in one producer's log.
    static func position(in source: String, in transaction: any ReadTransaction) throws -> Int64 {
        try transaction.first(position, [.text(source)]) { $0.integer(0) } ?? 0
    }

    /// Forgets at most `limit` ids made before a moment; ids carry their time (UUIDv7).
    /// - Returns: how many were deleted.
    static func prune(before time: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        try transaction.executeCounting(prune, [.id(.lowerBound(of: time)), .integer(Int64(limit))])
    }
}

import Storage
import Wire

/// How far the aggregation has come: one row.
struct Progress: Sendable, Equatable {
    /// Counts up with every rebuild: an event counts once per generation.
    let generation: Int64
    /// The time of the newest event that is counted.
    let updatedThrough: Timestamp
    /// Whether the past is being counted anew.
    let isRebuilding: Bool
    /// How much of the log the rebuild has read.
    let replayedThrough: Int64
}

/// The tables that say which events are counted.
enum ProgressTable {
    static let statements = [
        """
        CREATE TABLE progress (id {int} PRIMARY KEY, generation {int} NOT NULL, updated_through {int} NOT NULL, rebuilding {int} NOT NULL,
        replayed_through {int} NOT NULL) {clustered}
        """,
        "INSERT INTO progress (id, generation, updated_through, rebuilding, replayed_through) VALUES (1, 1, 0, 0, 0)",
        "CREATE TABLE applied (event_id {id} PRIMARY KEY, generation {int} NOT NULL) {clustered}",
    ]

    private static let select = SQL("SELECT generation, updated_through, rebuilding, replayed_through FROM progress WHERE id = 1")
    private static let lock = SQL("SELECT generation, updated_through, rebuilding, replayed_through FROM progress WHERE id = 1 {forUpdate}")
    private static let advance = SQL("UPDATE progress SET updated_through = $1 WHERE id = 1 AND updated_through < $1")
    private static let begin = SQL("UPDATE progress SET generation = generation + 1, updated_through = 0, rebuilding = 1, replayed_through = 0 WHERE id = 1")
    private static let replayed = SQL("UPDATE progress SET replayed_through = $1 WHERE id = 1 AND replayed_through < $1")
    private static let end = SQL("UPDATE progress SET rebuilding = 0 WHERE id = 1")
    private static let admit = SQL("INSERT INTO applied (event_id, generation) VALUES ($1, $2) ON CONFLICT (event_id) DO NOTHING")
    private static let readmit = SQL("UPDATE applied SET generation = $2 WHERE event_id = $1 AND generation < $2")
    private static let missing = SQL("SELECT count(*) FROM applied WHERE generation < $1")
    private static let forget = SQL(
        "DELETE FROM applied WHERE event_id IN (SELECT event_id FROM applied WHERE event_id < $1 ORDER BY event_id LIMIT $2)")

    static func load(in transaction: any ReadTransaction) throws -> Progress { try load(select, in: transaction) }

    /// Loads it for a change of the sums. Several processes take turns: one that counts in a generation while another begins the next would add to what is cleared.
    static func lock(in transaction: any Transaction) throws -> Progress { try load(lock, in: transaction) }

    private static func load(_ sql: SQL, in transaction: any ReadTransaction) throws -> Progress {
        let progress = try transaction.first(sql) {
            Progress(generation: $0.integer(0), updatedThrough: $0.time(1), isRebuilding: $0.bool(2), replayedThrough: $0.integer(3))
        }
        guard let progress else { throw StorageError.failed("the row of the progress is missing") }
        return progress
    }

    /// Registers events in this generation, and tells which had not been counted in it.
    static func admit(_ ids: [Identifier], generation: Int64, in transaction: any Transaction) throws -> [Bool] {
        let rows: [[SQLValue]] = ids.map { [.id($0), .integer(generation)] }
        var counts = try transaction.executeCounting(admit, each: rows)
        // Only a rebuild, and what is delivered again, meet an event that is there.
        let known = counts.indices.filter { counts[$0] == 0 }
        for (place, count) in zip(known, try transaction.executeCounting(readmit, each: known.map { rows[$0] })) { counts[place] = count }
        return counts.map { $0 == 1 }
    }

    static func advance(to time: Timestamp, in transaction: any Transaction) throws { try transaction.execute(advance, [.time(time)]) }

    /// Begins a new generation: nothing counts as counted any more, but what had been is still known.
    static func begin(in transaction: any Transaction) throws { try transaction.execute(begin) }
    static func replayed(through sequence: Int64, in transaction: any Transaction) throws { try transaction.execute(replayed, [.integer(sequence)]) }
    static func end(in transaction: any Transaction) throws { try transaction.execute(end) }

    /// How many events had been counted before the rebuild and have not been since.
    static func missing(in transaction: any ReadTransaction) throws -> Int64 {
        let generation = try load(in: transaction).generation
        return try transaction.first(missing, [.integer(generation)]) { $0.integer(0) } ?? 0
    }

    /// Forgets at most `limit` ids made before a moment.
    static func forget(before time: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        try transaction.executeCounting(forget, [.id(.lowerBound(of: time)), .integer(Int64(limit))])
    }
}

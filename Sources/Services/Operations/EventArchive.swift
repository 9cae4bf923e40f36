import Storage
import Wire

/// The archive's table: every event of the platform, once, in the order it came in.
///
/// A resuming reader goes by `sequence`, not by event id: identifiers of different services interleave within a millisecond, so that an event may come in
/// behind one with a greater id, and a cursor over ids would skip it.
struct EventArchive: Sendable {
    /// A piece of the log.
    struct Page {
        var events: [ArchivedEvent] = []
        /// The last sequence number looked at, whether the filter let it through or not.
        var last: Int64
        /// Whether nothing was behind it when it was read.
        var isEnd = true
    }

    static let statements = [
        """
        CREATE TABLE events (sequence {serial}, event_id {id} NOT NULL, key {id} NOT NULL, type {text} NOT NULL, source {text} NOT NULL, time {int} NOT NULL,
        body {bytes} NOT NULL) {heap}
        """,
        "CREATE UNIQUE INDEX events_by_key ON events (key, event_id)",
    ]

    /// Readers go by sequence number, so that several processes must add to the archive in the order of their commits: whoever adds holds this row until it
    /// has committed, and takes its numbers after that. One process alone has one writer, and the row costs it a look.
    static func order(version: Int) -> Migration {
        Migration(
            version: version, name: "the archive's order",
            statements: [
                "CREATE TABLE archive_order (id {int} PRIMARY KEY CHECK (id = 1)) {clustered}", "INSERT INTO archive_order (id) VALUES (1)",
            ])
    }

    private static let takeTurn = SQL("SELECT id FROM archive_order WHERE id = 1 {forUpdate}")
    private static let insert = SQL(
        "INSERT INTO events (event_id, key, type, source, time, body) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key, event_id) DO NOTHING")
    private static let after = SQL("SELECT sequence, event_id, key, type, body FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2")
    private static let ofKey = SQL(
        "SELECT sequence, event_id, key, type, body FROM events WHERE key = $3 AND sequence > $1 ORDER BY sequence LIMIT $2")
    private static let timeline = SQL("SELECT sequence, event_id, key, type, body FROM events WHERE key = $1 ORDER BY event_id")
    private static let find = SQL("SELECT sequence FROM events WHERE key = $1 AND event_id = $2")
    private static let last = SQL("SELECT max(sequence) FROM events")
    private static let beginning = SQL("SELECT max(sequence), (SELECT count(*) FROM webhooks WHERE state <= 1) FROM events")
    private static let bodyOf = SQL("SELECT body FROM events WHERE key = $1 AND event_id = $2")
    private static let timeAt = SQL("SELECT time FROM events WHERE sequence >= $1 ORDER BY sequence LIMIT 1")
    private static let headsAfter = SQL("SELECT sequence, event_id, key, type, time FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2")

    /// Waits until nobody else adds, and tells behind which number the next event will stand, and whether anybody outside wants to be told of it.
    static func begin(in transaction: any Transaction) throws -> (place: Int64, hasWebhooks: Bool) {
        _ = try transaction.first(takeTurn) { $0.integer(0) }
        return try transaction.first(beginning) { ($0.optionalInteger(0) ?? 0, $0.integer(1) > 0) } ?? (0, false)
    }

    /// Adds events that are not there yet, and returns those.
    /// - Parameter place: what ``begin(in:)`` has told.
    static func add(_ events: [Envelope], after place: Int64, in transaction: any Transaction) throws -> [Envelope] {
        let rows: [[SQLValue]] = events.map { [.id($0.id), .id($0.key), .text($0.type), .text($0.source), .time($0.time), .bytes($0.body)] }
        // All are new, but for what a crash or a broker delivers again: only then it is worth asking which.
        if try transaction.executeSumming(insert, each: rows) == events.count { return events }
        var seen: Set<Identifier> = []
        return try events.filter { event in
            guard let sequence = try sequence(of: event.id, key: event.key, in: transaction), sequence > place else { return false }
            return seen.insert(event.id).inserted
        }
    }

    /// Looks at up to `limit` events behind a sequence number and returns those that the filter admits.
    static func page(_ filter: EventFilter, after sequence: Int64, limit: Int, in transaction: any ReadTransaction) throws -> Page {
        var page = Page(last: sequence)
        var looked = 0
        var values: [SQLValue] = [.integer(sequence), .integer(Int64(limit))]
        if let key = filter.key { values.append(.id(key)) }
        try transaction.fetch(filter.key == nil ? after : ofKey, each: [values]) { row in
            looked += 1
            page.last = row.integer(0)
            let type = row.text(3)
            if filter.admits(type: type) { page.events.append(event(row, type: type)) }
        }
        page.isEnd = looked < limit
        return page
    }

    /// All events of an order, by their identifiers, which are by time.
    static func timeline(of key: Identifier, in transaction: any ReadTransaction) throws -> [ArchivedEvent] {
        try transaction.query(timeline, [.id(key)]) { event($0, type: $0.text(3)) }
    }

    /// Where an event of an order stands; nil when it is not there.
    static func sequence(of id: Identifier, key: Identifier, in transaction: any ReadTransaction) throws -> Int64? {
        try transaction.first(find, [.id(key), .id(id)]) { $0.integer(0) }
    }

    /// Where events stand that are there, in the order given.
    static func places(of events: [Envelope], in transaction: any ReadTransaction) throws -> [Int64] {
        try transaction.query(find, each: events.map { [.id($0.key), .id($0.id)] }) { $0.integer(0) }
    }

    /// An event as its producer wrote it.
    static func body(of id: Identifier, key: Identifier, in transaction: any ReadTransaction) throws -> [UInt8]? {
        try transaction.first(bodyOf, [.id(key), .id(id)]) { $0.bytes(0) }
    }

    /// An event without its body.
    struct Head: Sendable {
        let sequence: Int64
        let id: Identifier
        let key: Identifier
        let type: String
        let time: Timestamp
    }

    static func heads(after sequence: Int64, limit: Int, in transaction: any ReadTransaction) throws -> [Head] {
        try transaction.query(headsAfter, [.integer(sequence), .integer(Int64(limit))]) {
            Head(sequence: $0.integer(0), id: $0.id(1), key: $0.id(2), type: $0.text(3), time: $0.time(4))
        }
    }

    /// A place behind which all events of a moment and later stand. Events come in nearly by time; those that come late are allowed for by a quarter of an hour.
    static func place(of moment: Timestamp, in transaction: any ReadTransaction) throws -> Int64 {
        let moment = moment.advanced(byMilliseconds: -900_000)
        var (low, high) = (Int64(0), try last(in: transaction))
        while low < high {
            let middle = low + (high - low) / 2
            let time = try transaction.first(timeAt, [.integer(middle + 1)]) { $0.time(0) }
            if let time, time < moment { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The newest event's sequence number, 0 for an empty archive.
    static func last(in transaction: any ReadTransaction) throws -> Int64 { try transaction.first(last) { $0.optionalInteger(0) ?? 0 } ?? 0 }

    private static func event(_ row: any Row, type: String) -> ArchivedEvent {
        ArchivedEvent(sequence: row.integer(0), id: row.id(1), key: row.id(2), type: type, body: row.bytes(4))
    }
}

import Storage
import Wire

/// Takes committed events on their way to the consumers: the embedded bus, or a relay to a broker.
public protocol EventSink: Sendable {
    /// Called once per transaction, after it is durable, in commit order, on the producer's writer; must not wait.
    func committed(_ events: [Envelope], from source: String)
    /// Whether events must know their rows' sequence numbers when they are handed on. If not, their rows can be written without waiting for an answer.
    var needsSequences: Bool { get }
}

extension EventSink {
    public var needsSequences: Bool { true }
}

/// Events are written with the state change that they tell of, and handed on only when both are durable (promise S7).
public struct Outbox: Sendable {
    private let sink: any EventSink
    static let insert = SQL("INSERT INTO outbox (type, key, body) VALUES ($1, $2, $3)")
    private static let insertForTopic = SQL("INSERT INTO outbox (type, key, body, topic, headers) VALUES ($1, $2, $3, $4, $5)")
    private static let delete = SQL("DELETE FROM outbox WHERE sequence = $1")
    private static let select = SQL("SELECT sequence, type, key, body FROM outbox WHERE sequence > $1 ORDER BY sequence LIMIT $2")
    private static let lastSequence = SQL("SELECT max(sequence) FROM outbox")
    private static let prune = SQL("DELETE FROM outbox WHERE sequence <= $1 AND sequence IN (SELECT sequence FROM outbox ORDER BY sequence LIMIT $2)")

    /// An outbox whose committed events go to this sink.
    public init(sink: any EventSink) { self.sink = sink }

    /// Writes events; they are handed on after the commit.
    public func append(_ events: [Envelope], in transaction: any Transaction) throws {
        guard let first = events.first else { return }
        let rows: [[SQLValue]] = events.map { [.text($0.type), .id($0.key), .bytes($0.body)] }
        if sink.needsSequences {
            try transaction.insert(Outbox.insert, each: rows) { sequences in
                for (event, sequence) in zip(events, sequences) { event.sequence = sequence }
            }
        } else {
            try transaction.execute(Outbox.insert, each: rows)
        }
        transaction.onCommit { [sink] in sink.committed(events, from: first.source) }
    }

    /// Writes a row for a topic of its own: a dead letter, which has no consumers in the embedded topology and is written where a relay publishes it only.
    /// - Parameter headers: see ``DeadLetterHeaders``.
    static func append(type: String, key: Identifier, body: [UInt8], topic: String, headers: String, in transaction: any Transaction) throws {
        try transaction.execute(insertForTopic, each: [[.text(type), .id(key), .bytes(body), .text(topic), .text(headers)]])
    }

    /// Deletes rows that were relayed.
    static func remove(_ sequences: [Int64], in transaction: any Transaction) throws {
        try transaction.execute(delete, each: sequences.map { [.integer($0)] })
    }

    /// Events after a sequence number, for consumers that were not there when they were committed. Types that nobody asks for are not decoded; what a newer
    /// producer wrote and this program does not know is handed on as not readable. It ends at a row that is broken, so that what stands before it is applied
    /// first.
    static func read(
        after sequence: Int64, limit: Int, types: Set<String>?, registry: EventRegistry, in transaction: any ReadTransaction
    ) throws -> OutboxPiece {
        var piece = OutboxPiece()
        try transaction.fetch(select, each: [[.integer(sequence), .integer(Int64(limit))]]) { row in
            guard piece.broken == nil else { return }
            piece.last = row.integer(0)
            if let types, !types.contains(row.text(1)) { return }
            do { piece.events.append(try Envelope(arriving: row.bytes(3), key: row.id(2), registry: registry, sequence: row.integer(0))) } catch {
                piece.broken = BrokenEvent(
                    sequence: row.integer(0), type: row.text(1), key: row.id(2), body: row.bytes(3), error: ErrorText.of(error))
            }
        }
        return piece
    }

    /// The newest row's sequence number, 0 when the outbox is empty.
    static func last(in transaction: any ReadTransaction) throws -> Int64 { try transaction.first(lastSequence) { $0.optionalInteger(0) ?? 0 } ?? 0 }

    /// Deletes at most `limit` rows up to a sequence number that all consumers have passed.
    /// - Returns: how many were deleted.
    static func prune(through sequence: Int64, limit: Int, in transaction: any Transaction) throws -> Int {
        try transaction.executeCounting(prune, [.integer(sequence), .integer(Int64(limit))])
    }
}

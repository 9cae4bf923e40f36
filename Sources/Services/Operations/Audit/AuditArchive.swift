import Contracts
import Storage
import Wire

/// The archive as a witness: which events were said of orders, without their bodies unless they are needed.
struct ArchiveOnRecord: Sendable {
    let database: any Database

    private static let events = SQL(
        """
        SELECT key, sequence, event_id, type, source, EXISTS (SELECT 1 FROM dead_letters WHERE dead_letters.event_id = events.event_id)
        FROM events WHERE key >= $1 AND key <= $2 AND type <> 'StockAdjusted' ORDER BY key, event_id
        """)
    private static let body = SQL("SELECT body FROM events WHERE key = $1 AND event_id = $2")
    private static let adjustments = SQL("SELECT count(*) FROM events WHERE key = $1 AND type = 'StockAdjusted'")
    private static let touched = SQL("SELECT sequence, key FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2")
    private static let ofType = SQL("SELECT body FROM events WHERE key = $1 AND type = $2 ORDER BY event_id LIMIT 1")

    func events(in ranges: [OrderRange]) async throws -> [OrderID: [EventTestimony]] {
        try await database.read { transaction in
            var events: [OrderID: [EventTestimony]] = [:]
            try transaction.fetch(ArchiveOnRecord.events, each: ranges.map { [.id($0.first), .id($0.last)] }) { row in
                events[row.id(0), default: []].append(
                    EventTestimony(sequence: row.integer(1), id: row.id(2), type: row.text(3), source: row.text(4), cameLate: row.bool(5)))
            }
            for (order, list) in events where Set(list.map(\.type)).count < list.count {
                events[order] = try ArchiveOnRecord.withCauses(list, of: order, in: transaction)
            }
            return events
        }
    }

    /// Adds what caused the events that an order has more than one of.
    private static func withCauses(_ events: [EventTestimony], of order: OrderID, in transaction: any ReadTransaction) throws -> [EventTestimony] {
        let counts = Dictionary(events.map { ($0.type, 1) }, uniquingKeysWith: +)
        return try events.map { event in
            guard counts[event.type] ?? 0 > 1, let body = try transaction.first(body, [.id(order), .id(event.id)], { $0.bytes(0) }) else { return event }
            var event = event
            event.causationID = try JSONParser.parse(body).object?.optionalIdentifier("causationId")
            return event
        }
    }

    /// How many adjustments of each product were told, in order.
    func adjustments(of products: [ProductID]) async throws -> [Int64] {
        try await database.read { try $0.query(ArchiveOnRecord.adjustments, each: products.map { [.id($0)] }) { $0.integer(0) } }
    }

    /// What was spoken of behind a place, and up to where the look went.
    func touched(after sequence: Int64, limit: Int) async throws -> (keys: Set<Identifier>, last: Int64, count: Int) {
        let rows = try await database.read {
            try $0.query(ArchiveOnRecord.touched, [.integer(sequence), .integer(Int64(limit))]) { ($0.integer(0), $0.id(1)) }
        }
        return (Set(rows.map(\.1)), rows.last?.0 ?? sequence, rows.count)
    }

    func last() async throws -> Int64 { try await database.read { try EventArchive.last(in: $0) } }

    /// The first event of a type that was said of an order.
    func event(_ type: String, of order: OrderID) async throws -> Envelope? {
        let body = try await database.read { try $0.first(ArchiveOnRecord.ofType, [.id(order), .text(type)]) { $0.bytes(0) } }
        return try body.map { try Envelope(body: $0, registry: EventCatalog.registry) }
    }
}

import Storage
import Wire

extension Outbox {
    private static let behind = SQL("SELECT body FROM outbox ORDER BY sequence LIMIT 1 OFFSET $1")

    /// When the event was decided before which so many others wait to be published; nil where fewer wait, or where it cannot be read. For a process that wants to know how
    /// far another one is behind with its relay: the first rows may be held up for reasons of their own.
    public static func time(behind rows: Int, in transaction: any ReadTransaction) throws -> Timestamp? {
        try transaction.first(behind, [.integer(Int64(rows))]) { $0.bytes(0) }.flatMap { try? EnvelopeHead(body: $0).time }
    }
}

import Security
import Storage
import Wire

/// What was revoked and has not expired.
enum RevocationTable {
    static let statements = [
        """
        CREATE TABLE revocations (kind {text} NOT NULL, name {text} NOT NULL, id {id} NOT NULL, revoked_at {int} NOT NULL, ends_at {int} NOT NULL,
        PRIMARY KEY (kind, name)) {clustered}
        """,
        "CREATE INDEX revocations_by_id ON revocations (id)",
        "CREATE INDEX revocations_by_end ON revocations (ends_at)",
    ]

    private static let columns = "id, kind, name, revoked_at, ends_at"
    // All tokens of a subject may be revoked again; the later moment counts.
    private static let upsert = SQL(
        """
        INSERT INTO revocations (\(columns)) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (kind, name) DO UPDATE SET id = excluded.id, revoked_at = excluded.revoked_at, ends_at = excluded.ends_at
        WHERE revocations.revoked_at < excluded.revoked_at
        """)
    private static let page = SQL("SELECT \(columns) FROM revocations WHERE id > $1 ORDER BY id LIMIT $2")
    private static let pruning = SQL("DELETE FROM revocations WHERE id IN (SELECT id FROM revocations WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)")

    static func add(_ revocation: Revocation, in transaction: any Transaction) throws {
        try transaction.execute(
            upsert,
            [.id(revocation.id), .text(revocation.kind.rawValue), .text(revocation.name), .time(revocation.at), .time(revocation.endsAt)])
    }

    /// Those with higher identifiers, the lowest first.
    static func list(after id: Identifier, limit: Int, in transaction: any ReadTransaction) throws -> [Revocation] {
        try transaction.query(page, [.id(id), .integer(Int64(limit))]) { row in
            // A kind that this program does not know is a later one's, which has made the row; a gateway of that release heeds it.
            Revocation.Kind(rawValue: row.text(1)).map {
                Revocation(id: row.id(0), kind: $0, name: row.text(2), at: row.time(3), endsAt: row.time(4))
            }
        }.compactMap(\.self)
    }

    /// Removes what expired before a moment.
    /// - Returns: how many; there may be more when it is as many as asked for.
    static func prune(before limit: Timestamp, count: Int, in transaction: any Transaction) throws -> Int {
        try transaction.executeCounting(pruning, [.time(limit), .integer(Int64(count))])
    }
}

import Security
import Storage
import Wire

/// A key as it is kept.
struct StoredKey: Sendable {
    /// Counts from 1; a later key takes the place of the earlier ones.
    let number: Int64
    let key: SigningKey
    let createdAt: Timestamp
    /// From when on it signs.
    let activeFrom: Timestamp
    let revokedAt: Timestamp?
}

/// The keys in the database.
enum SigningKeyTable {
    private static let select = SQL("SELECT number, pem, created_at, active_from, revoked_at FROM signing_keys ORDER BY number")
    private static let insert = SQL(
        "INSERT INTO signing_keys (number, id, pem, created_at, active_from) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
    private static let revocation = SQL("UPDATE signing_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")

    static func all(in transaction: any ReadTransaction) throws -> [StoredKey] {
        try transaction.query(select) { row in
            StoredKey(
                number: row.integer(0), key: try SigningKey(pem: row.text(1)), createdAt: row.time(2), activeFrom: row.time(3), revokedAt: row.optionalTime(4))
        }
    }

    /// Adds a key behind the others.
    /// - Throws: `TransactionConflict` where another process has added one at the same moment: what was decided without it has to be decided again.
    static func add(_ key: SigningKey, after last: StoredKey?, at now: Timestamp, activeFrom: Timestamp, in transaction: any Transaction) throws {
        let number = (last?.number ?? 0) &+ 1
        let added = try transaction.executeCounting(insert, [.integer(number), .text(key.id), .text(key.pem), .time(now), .time(activeFrom)])
        guard added == 1 else { throw TransactionConflict() }
    }

    /// - Returns: whether there was such a key that was not revoked yet.
    static func revoke(_ id: String, at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(revocation, [.text(id), .time(now)]) == 1
    }
}

extension Array where Element == StoredKey {
    /// The one that signs: the newest of those whose time has come.
    func signing(at now: Timestamp) -> StoredKey? { last { $0.revokedAt == nil && $0.activeFrom <= now } }

    /// Those by which tokens are verified: until the last token has expired that a key may have signed. One that does not sign yet is among them, so that
    /// verifiers know it in time.
    func published(at now: Timestamp) -> [StoredKey] {
        filter { stored in
            guard stored.revokedAt == nil else { return false }
            guard let successor = first(where: { $0.number > stored.number && $0.revokedAt == nil }) else { return true }
            // The clocks of two processes differ, and verifiers have a leeway.
            let margin: Int64 = 300_000
            return now < successor.activeFrom.advanced(byMilliseconds: IdentityConfiguration.longestTokenMilliseconds + margin)
        }
    }
}

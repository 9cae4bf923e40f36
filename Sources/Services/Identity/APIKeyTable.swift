import Storage
import Web
import Wire

/// A key by which a program is known without a token: `wb_<id>_<secret>`.
struct APIKey: Sendable {
    let id: Identifier
    /// What it is for, for people.
    let name: String
    let secret: [UInt8]
    let subject: String
    let authority: Authority
    let createdAt: Timestamp
    let createdBy: String
    let expiresAt: Timestamp?
    var revokedAt: Timestamp?
    var lastUsedAt: Timestamp?

    /// Who sends a request that brings this key.
    var principal: Principal { Principal(subject: subject, roles: authority.roles, scopes: authority.scopes, kind: .key) }

    func holds(at now: Timestamp) -> Bool { revokedAt == nil && expiresAt.map { now < $0 } ?? true }

    func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("name", name)
        json.member("subject", subject)
        authority.write(to: &json)
        json.member("createdAt", createdAt)
        json.member("createdBy", createdBy)
        json.optional("expiresAt", expiresAt)
        json.optional("revokedAt", revokedAt)
        json.optional("lastUsedAt", lastUsedAt)
    }

    /// For the record of administrators' actions.
    var json: [UInt8] { JSONWriter.object { write(to: &$0) } }
}

enum APIKeyTable {
    private static let columns = "id, name, secret, subject, roles, scopes, created_at, created_by, expires_at, revoked_at, last_used_at"
    private static let byID = SQL("SELECT \(columns) FROM api_keys WHERE id = $1")
    private static let page = SQL("SELECT \(columns) FROM api_keys WHERE id > $1 ORDER BY id LIMIT $2")
    private static let insert = SQL("INSERT INTO api_keys (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
    private static let revocation = SQL("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
    private static let touch = SQL("UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)")

    static func find(_ id: Identifier, in transaction: any ReadTransaction) throws -> APIKey? { try transaction.first(byID, [.id(id)], key) }

    static func list(after id: Identifier?, limit: Int, in transaction: any ReadTransaction) throws -> [APIKey] {
        try transaction.query(page, [.id(id ?? Identifier(high: 0, low: 0)), .integer(Int64(limit))], key)
    }

    static func add(_ key: APIKey, in transaction: any Transaction) throws {
        try transaction.execute(
            insert,
            [
                .id(key.id), .text(key.name), .bytes(key.secret), .text(key.subject), .text(key.authority.roleText), .optional(key.authority.scopeText),
                .time(key.createdAt), .text(key.createdBy), .optional(key.expiresAt?.milliseconds), .null, .null,
            ])
    }

    /// - Returns: false where there is nothing to revoke.
    static func revoke(_ id: Identifier, at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(revocation, [.id(id), .time(now)]) == 1
    }

    /// Notes when keys were last used.
    static func touch(_ uses: [Identifier: Timestamp], in transaction: any Transaction) throws {
        // In the order of the keys: two processes that do this at once must not wait for each other in a circle.
        try transaction.execute(touch, each: uses.sorted { $0.key < $1.key }.map { [.id($0.key), .time($0.value)] })
    }

    private static func key(_ row: any Row) -> APIKey {
        APIKey(
            id: row.id(0), name: row.text(1), secret: row.bytes(2), subject: row.text(3),
            authority: Authority(roles: row.text(4), scopes: row.optionalText(5)), createdAt: row.time(6), createdBy: row.text(7),
            expiresAt: row.optionalTime(8), revokedAt: row.optionalTime(9), lastUsedAt: row.optionalTime(10))
    }
}

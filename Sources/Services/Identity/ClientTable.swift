import Storage
import Web
import Wire

/// A program that gets tokens for itself (`client_credentials`).
struct RegisteredClient: Sendable {
    let row: Identifier
    /// `client_id`, and `sub` of its tokens.
    let name: String
    let secret: [UInt8]
    let authority: Authority
    let createdAt: Timestamp
    let createdBy: String
    let revokedAt: Timestamp?

    func write(to json: inout JSONWriter) {
        json.member("clientId", name)
        authority.write(to: &json)
        json.member("createdAt", createdAt)
        json.member("createdBy", createdBy)
        json.optional("revokedAt", revokedAt)
    }

    /// For the record of administrators' actions.
    var json: [UInt8] { JSONWriter.object { write(to: &$0) } }
}

enum ClientTable {
    private static let columns = "row_id, name, secret, roles, scopes, created_at, created_by, revoked_at"
    private static let byName = SQL("SELECT \(columns) FROM clients WHERE name = $1")
    private static let page = SQL("SELECT \(columns) FROM clients WHERE row_id > $1 ORDER BY row_id LIMIT $2")
    private static let insert = SQL(
        "INSERT INTO clients (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING")
    private static let revocation = SQL("UPDATE clients SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL")

    static func find(_ name: String, in transaction: any ReadTransaction) throws -> RegisteredClient? { try transaction.first(byName, [.text(name)], client) }

    static func list(after row: Identifier?, limit: Int, in transaction: any ReadTransaction) throws -> [RegisteredClient] {
        try transaction.query(page, [.id(row ?? Identifier(high: 0, low: 0)), .integer(Int64(limit))], client)
    }

    /// - Returns: false where the name is taken.
    static func add(_ client: RegisteredClient, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(
            insert,
            [
                .id(client.row), .text(client.name), .bytes(client.secret), .text(client.authority.roleText), .optional(client.authority.scopeText),
                .time(client.createdAt), .text(client.createdBy), .null,
            ]) == 1
    }

    /// - Returns: false where there is nothing to revoke.
    static func revoke(_ name: String, at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(revocation, [.text(name), .time(now)]) == 1
    }

    private static func client(_ row: any Row) -> RegisteredClient {
        RegisteredClient(
            row: row.id(0), name: row.text(1), secret: row.bytes(2), authority: Authority(roles: row.text(3), scopes: row.optionalText(4)),
            createdAt: row.time(5), createdBy: row.text(6), revokedAt: row.optionalTime(7))
    }
}

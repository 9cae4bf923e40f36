import Storage
import Web
import Wire

/// A person with a password, for trials and small installations; a company's people come from its own identity provider.
struct User: Sendable {
    let row: Identifier
    let name: String
    /// A scrypt hash in PHC form.
    let password: String
    /// `sub` of his tokens.
    let subject: String
    let authority: Authority
    let createdAt: Timestamp
    let createdBy: String

    func write(to json: inout JSONWriter) {
        json.member("name", name)
        json.member("subject", subject)
        authority.write(to: &json)
        json.member("createdAt", createdAt)
        json.member("createdBy", createdBy)
    }

    /// For the record of administrators' actions.
    var json: [UInt8] { JSONWriter.object { write(to: &$0) } }
}

enum UserTable {
    private static let columns = "row_id, name, password, subject, roles, scopes, created_at, created_by"
    private static let byName = SQL("SELECT \(columns) FROM users WHERE name = $1")
    private static let page = SQL("SELECT \(columns) FROM users WHERE row_id > $1 ORDER BY row_id LIMIT $2")
    private static let insert = SQL("INSERT INTO users (\(columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING")
    private static let deletion = SQL("DELETE FROM users WHERE name = $1")

    static func find(_ name: String, in transaction: any ReadTransaction) throws -> User? { try transaction.first(byName, [.text(name)], user) }

    static func list(after row: Identifier?, limit: Int, in transaction: any ReadTransaction) throws -> [User] {
        try transaction.query(page, [.id(row ?? Identifier(high: 0, low: 0)), .integer(Int64(limit))], user)
    }

    /// - Returns: false where the name is taken.
    static func add(_ user: User, in transaction: any Transaction) throws -> Bool {
        try transaction.executeCounting(
            insert,
            [
                .id(user.row), .text(user.name), .text(user.password), .text(user.subject), .text(user.authority.roleText),
                .optional(user.authority.scopeText), .time(user.createdAt), .text(user.createdBy),
            ]) == 1
    }

    static func delete(_ name: String, in transaction: any Transaction) throws { try transaction.execute(deletion, [.text(name)]) }

    private static func user(_ row: any Row) -> User {
        User(
            row: row.id(0), name: row.text(1), password: row.text(2), subject: row.text(3),
            authority: Authority(roles: row.text(4), scopes: row.optionalText(5)),
            createdAt: row.time(6), createdBy: row.text(7))
    }
}

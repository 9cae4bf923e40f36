import Storage
import Wire

/// A login of a user, which refresh tokens renew: each of them is good once and gives the next one. All of a login's tokens are one family.
struct Login: Sendable {
    let id: Identifier
    let user: String
    /// The client by which he logged in, where one said its name.
    let client: String?
    /// What was asked for, in the words of the request; nil for all.
    let scopes: String?
    let expiresAt: Timestamp
}

enum LoginTable {
    private static let insert = SQL("INSERT INTO logins (id, user_name, client, scopes, began_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)")
    private static let insertToken = SQL("INSERT INTO refresh_tokens (digest, login, issued_at) VALUES ($1, $2, $3)")
    private static let select = SQL(
        """
        SELECT l.id, l.user_name, l.client, l.scopes, l.expires_at, l.revoked_at FROM refresh_tokens t JOIN logins l ON l.id = t.login
        WHERE t.digest = $1
        """)
    private static let useOnce = SQL("UPDATE refresh_tokens SET used_at = $2 WHERE digest = $1 AND used_at IS NULL")
    private static let revocation = SQL("UPDATE logins SET revoked_at = $2, revoked_because = $3 WHERE id = $1 AND revoked_at IS NULL")
    private static let revocationOfAll = SQL("UPDATE logins SET revoked_at = $2, revoked_because = $3 WHERE user_name = $1 AND revoked_at IS NULL")
    private static let revocationOfSubject = SQL(
        """
        UPDATE logins SET revoked_at = $2, revoked_because = $3
        WHERE user_name IN (SELECT name FROM users WHERE subject = $1) AND revoked_at IS NULL
        """)
    private static let pruneTokens = SQL(
        "DELETE FROM refresh_tokens WHERE login IN (SELECT id FROM logins WHERE expires_at < $1 ORDER BY expires_at, id LIMIT $2)")
    private static let pruneLogins = SQL("DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE expires_at < $1 ORDER BY expires_at, id LIMIT $2)")

    static func begin(_ login: Login, token digest: [UInt8], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            insert, [.id(login.id), .text(login.user), .optional(login.client), .optional(login.scopes), .time(now), .time(login.expiresAt)])
        try transaction.execute(insertToken, [.bytes(digest), .id(login.id), .time(now)])
    }

    /// Uses a token, and gives its login the next one.
    /// - Returns: false where it was used before.
    static func use(_ digest: [UInt8], of login: Login, next: [UInt8], at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        // The update decides, not what was read: of two requests at the same moment one is the second.
        guard try transaction.executeCounting(useOnce, [.bytes(digest), .time(now)]) == 1 else { return false }
        try transaction.execute(insertToken, [.bytes(next), .id(login.id), .time(now)])
        return true
    }

    static func revoke(_ login: Login, because reason: String, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(revocation, [.id(login.id), .time(now), .text(reason)])
    }

    /// Ends the login that a token belongs to.
    /// - Returns: nil where there is no such token, or its login is over.
    static func end(_ digest: [UInt8], because reason: String, at now: Timestamp, in transaction: any Transaction) throws -> Login? {
        guard let found = try find(digest, in: transaction), !found.isRevoked else { return nil }
        try revoke(found.login, because: reason, at: now, in: transaction)
        return found.login
    }

    static func revokeAll(of user: String, because reason: String, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(revocationOfAll, [.text(user), .time(now), .text(reason)])
    }

    /// Ends the logins of everybody who is this subject in tokens.
    static func revokeAll(ofSubject subject: String, because reason: String, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(revocationOfSubject, [.text(subject), .time(now), .text(reason)])
    }

    /// Removes logins that ended before a moment.
    /// - Returns: how many; there may be more when it is as many as asked for.
    static func prune(before limit: Timestamp, count: Int, in transaction: any Transaction) throws -> Int {
        let parameters: [SQLValue] = [.time(limit), .integer(Int64(count))]
        try transaction.execute(pruneTokens, parameters)
        return try transaction.executeCounting(pruneLogins, parameters)
    }

    /// The login that a token belongs to, and whether it is over.
    static func find(_ digest: [UInt8], in transaction: any ReadTransaction) throws -> (login: Login, isRevoked: Bool)? {
        try transaction.first(select, [.bytes(digest)]) { row in
            (Login(id: row.id(0), user: row.text(1), client: row.optionalText(2), scopes: row.optionalText(3), expiresAt: row.time(4)), !row.isNull(5))
        }
    }
}

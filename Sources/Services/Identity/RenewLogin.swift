import Messaging
import Security
import Storage
import Wire

/// What a refresh token does: it is good once and gives the next one. Who presents it a second time has a copy of it, or the other one has: then the whole login is
/// over, because nobody can tell which of the two is the thief (RFC 9700, 4.14.2).
struct RenewLogin: Sendable {
    /// The next refresh token, good if the transaction is done and has not refused.
    let next = Secrets.make()
    private let digest: [UInt8]
    private let client: String?
    private let scope: String?
    private let now: Timestamp

    init(token: String, client: String?, scope: String?, at now: Timestamp) {
        (digest, self.client, self.scope, self.now) = (Secrets.digest(token), client, scope, now)
    }

    /// A refusal is returned and not thrown, because what it has written stays.
    /// - Returns: with it what is to be heeded after the commit.
    func run(log: AdminLog, ledger: RevocationLedger, in transaction: any Transaction) throws -> (Result<Grant, TokenError>, Revocation?) {
        guard let (login, isRevoked) = try LoginTable.find(digest, in: transaction), !isRevoked, now < login.expiresAt else {
            return (.failure(.invalidRefresh), nil)
        }
        // A token that went to one client is of no use to another; it stays good for the right one.
        guard login.client == nil || login.client == client else { return (.failure(.invalidClient), nil) }
        // He may do what he may do by now, and may be gone.
        guard let user = try UserTable.find(login.user, in: transaction) else { return (.failure(.invalidRefresh), nil) }
        guard let authority = user.authority.narrowed(to: login.scopes)?.narrowed(to: scope) else { return (.failure(.invalidScope), nil) }
        guard try LoginTable.use(digest, of: login, next: Secrets.digest(next), at: now, in: transaction) else {
            return (.failure(.invalidRefresh), try end(login, log, ledger, in: transaction))
        }
        return (.success(Grant(subject: user.subject, authority: authority, client: login.client, login: login.id)), nil)
    }

    private func end(_ login: Login, _ log: AdminLog, _ ledger: RevocationLedger, in transaction: any Transaction) throws -> Revocation {
        try LoginTable.revoke(login, because: "a refresh token was used twice", at: now, in: transaction)
        let revocation = ledger.revocation(of: .login, "\(login.id)")
        try RevocationTable.add(revocation, in: transaction)
        try log.record(
            actor: login.user, action: "login.revoke", subject: "\(login.id)", before: "a refresh token was used twice",
            after: "none of this login's tokens is good any more", in: transaction)
        return revocation
    }
}

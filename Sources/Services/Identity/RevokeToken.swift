import HTTPTypes
import Messaging
import Security
import Storage
import Web
import Wire

/// `POST /auth/revoke` (RFC 7009): whoever has a token may end it. A refresh token, used ones included, ends its login with all access tokens that came of it; an access
/// token ends alone. `everywhere=true`, which is ours and not the standard's, ends all that its subject has.
struct RevokeToken: Sendable {
    let database: any Database
    let context: ServiceContext
    let ledger: RevocationLedger
    let verifier: TokenVerifier

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        do {
            let form = try TokenRequest(request)
            let (token, isEverywhere) = (try form.required("token"), try form.truth("everywhere"))
            if token.count(where: { $0 == "." }) == 2 {
                try await end(access: token, isEverywhere)
            } else {
                try await end(refresh: token, isEverywhere)
            }
            // Whoever presents what is unknown has what he wants (RFC 7009, 2.2).
            return WebResponse(status: .ok, headers: HTTPFields().withoutStore, body: .bytes([]))
        } catch let error as TokenError { return error.response }
    }

    private func end(refresh token: String, _ isEverywhere: Bool) async throws {
        let (digest, log) = (Secrets.digest(token), AdminLog(context: context))
        let revocation: Revocation? = try await database.write { [context, ledger] transaction in
            guard let login = try LoginTable.end(digest, because: "revoked", at: context.now, in: transaction) else { return nil }
            try log.record(
                actor: login.user, action: "login.revoke", subject: "\(login.id)", before: "open", after: "revoked by who has its token", in: transaction)
            if isEverywhere, let user = try UserTable.find(login.user, in: transaction) {
                return try RevokeToken.endAll(of: user.subject, ledger, log, in: transaction)
            }
            let revocation = ledger.revocation(of: .login, "\(login.id)")
            try RevocationTable.add(revocation, in: transaction)
            return revocation
        }
        ledger.hold(revocation)
    }

    private func end(access token: String, _ isEverywhere: Bool) async throws {
        guard let claims = try await claims(token), let id = claims.id, ledger.revoked.verdict(on: claims) != .revoked else { return }
        // Everybody may end his own tokens, and memory has an end.
        if ledger.isFull { throw TokenError.tooManyRevocations }
        let log = AdminLog(context: context)
        let revocation: Revocation = try await database.write { [ledger] transaction in
            if isEverywhere { return try RevokeToken.endAll(of: claims.subject, ledger, log, in: transaction) }
            let revocation = ledger.revocation(of: .token, id, expiry: claims.expiresAt)
            try RevocationTable.add(revocation, in: transaction)
            try log.record(
                actor: claims.subject, action: "token.revoke", subject: id, before: "in use", after: "revoked by who has it", in: transaction)
            return revocation
        }
        ledger.hold(revocation)
    }

    private static func endAll(of subject: String, _ ledger: RevocationLedger, _ log: AdminLog, in transaction: any Transaction) throws -> Revocation {
        try log.record(
            actor: subject, action: "subject.revoke", subject: subject, before: "in use",
            after: "all tokens and logins until now are ended by who has one of them", in: transaction)
        return try ledger.endAll(of: subject, because: "logged out everywhere", in: transaction)
    }

    /// What a token of ours says that still holds; nil for one that does not. Only who has the token itself ends it: a made-up one must not end another's.
    private func claims(_ token: String) async throws(TokenError) -> TokenClaims? {
        do throws(TokenRefusal) { return try await verifier.verify(token) } catch {
            switch error {
            case .wrongIssuer: throw .unsupportedToken
            case .keysUnavailable: throw .busy
            default: return nil
            }
        }
    }
}

import HTTPTypes
import Messaging
import Storage
import Web

/// `POST /auth/revoke` (RFC 7009): ends a login by one of its refresh tokens, used ones included.
struct RevokeToken: Sendable {
    let database: any Database
    let context: ServiceContext

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        do {
            let token = try TokenRequest(request).required("token")
            // Access tokens are not kept, so that they cannot be taken back one by one.
            if token.count(where: { $0 == "." }) == 2 { throw TokenError.unsupportedToken }
            let (digest, now) = (Secrets.digest(token), context.now)
            let log = AdminLog(context: context)
            try await database.write { transaction in
                guard let login = try LoginTable.end(digest, because: "revoked", at: now, in: transaction) else { return }
                try log.record(
                    actor: login.user, action: "login.revoke", subject: "\(login.id)", before: "open", after: "revoked by who has its token", in: transaction)
            }
            // Whoever presents what is unknown has what he wants (RFC 7009, 2.2).
            return WebResponse(status: .ok, headers: HTTPFields().withoutStore, body: .bytes([]))
        } catch let error as TokenError { return error.response }
    }
}

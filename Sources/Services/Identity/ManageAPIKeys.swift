import HTTPTypes
import Messaging
import Storage
import Web
import Wire

/// API keys over HTTP. The key is in the answer that makes it, and nowhere else.
struct ManageAPIKeys: Sendable {
    let database: any Database
    let context: ServiceContext
    let ring: APIKeyRing

    /// `POST /identity/api-keys`.
    func create(_ request: WebRequest) async throws -> WebResponse {
        let body = BodyReader(try request.object())
        body.allow("name", "subject", "roles", "scopes", "expiresAt")
        let name = body.string("name", required: true, maximum: 100) ?? ""
        let subject = body.subject()
        let authority = body.authority()
        let expiresAt = body.timestamp("expiresAt")
        if let expiresAt, expiresAt <= context.now { body.refuse("expiresAt", "must be in the future") }
        try body.finish()
        let (secret, actor, id) = (Secrets.make(), try request.actor(), context.newID())
        let key = APIKey(
            id: id, name: name, secret: Secrets.digest(secret), subject: subject ?? "key-\(id)", authority: authority, createdAt: context.now,
            createdBy: actor, expiresAt: expiresAt, revokedAt: nil, lastUsedAt: nil)
        let log = AdminLog(context: context)
        try await database.write { transaction in
            try APIKeyTable.add(key, in: transaction)
            try log.record(actor: actor, action: "api-key.create", subject: "\(id)", before: nil, after: key.json, in: transaction)
        }
        return .json(.created, headers: HTTPFields().withoutStore) { json in
            key.write(to: &json)
            json.member("key", APIKeyText.text(id, secret: secret))
        }
    }

    /// `GET /identity/api-keys`, the revoked ones included.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let keys = try await database.read { try APIKeyTable.list(after: page.after, limit: page.limit + 1, in: $0) }
        return page.response(keys, id: \.id) { json, key in json.object { key.write(to: &$0) } }
    }

    /// `DELETE /identity/api-keys/{id}`: it holds no longer; other processes may take it for half a minute more.
    func revoke(_ request: WebRequest) async throws -> WebResponse {
        let (id, actor, now) = (try request.identifier("id", of: "API key"), try request.actor(), context.now)
        let log = AdminLog(context: context)
        let key: APIKey? = try await database.write { transaction in
            guard let before = try APIKeyTable.find(id, in: transaction) else { return nil }
            guard try APIKeyTable.revoke(id, at: now, in: transaction) else { return before }
            let after = try APIKeyTable.find(id, in: transaction)
            try log.record(actor: actor, action: "api-key.revoke", subject: "\(id)", before: before.json, after: after?.json, in: transaction)
            return after
        }
        ring.forget(id)
        guard let key else { throw Problem.notFound("API key") }
        return .json { key.write(to: &$0) }
    }
}

import Messaging
import Web
import Wire

/// The keys that sign tokens, over HTTP; never their private parts.
struct ManageSigningKeys: Sendable {
    let keys: SigningKeyRing
    let context: ServiceContext

    /// `GET /identity/keys`: all of them, the newest last.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let (all, now) = (try await keys.all(), context.now)
        let (signing, published) = (all.signing(at: now)?.number, Set(all.published(at: now).map(\.number)))
        return .json(capacity: 2048) { json in
            json.key("items")
            json.array(all) { json, key in
                json.object { json in
                    ManageSigningKeys.write(key, to: &json)
                    json.member("signs", key.number == signing)
                    json.member("verifies", published.contains(key.number))
                }
            }
        }
    }

    /// `POST /identity/keys/rotate`: makes the next key. Unless asked otherwise it is published for a quarter of an hour before it signs.
    func rotate(_ request: WebRequest) async throws -> WebResponse {
        let body = BodyReader(try request.optionalObject())
        body.allow("immediately")
        let isImmediate = body.bool("immediately") ?? false
        try body.finish()
        guard let key = try await keys.rotate(isImmediate: isImmediate, by: request.actor()) else { throw Problem.notFound("signing key") }
        return .json(.created) { ManageSigningKeys.write(key, to: &$0) }
    }

    /// `DELETE /identity/keys/{id}`: for a key that somebody else may know. What it has signed no longer holds.
    func revoke(_ request: WebRequest) async throws -> WebResponse {
        guard try await keys.revoke(request.parameters["id"] ?? "", by: request.actor()) else { throw Problem.notFound("signing key that is in use") }
        return try await list(request)
    }

    private static func write(_ key: StoredKey, to json: inout JSONWriter) {
        json.member("id", key.key.id)
        json.member("createdAt", key.createdAt)
        json.member("activeFrom", key.activeFrom)
        json.optional("revokedAt", key.revokedAt)
    }
}

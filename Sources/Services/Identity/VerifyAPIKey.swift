import HTTPTypes
import Security
import Web
import Wire

/// `POST /internal/api-keys/verify`, at the root: a gateway in another process asks whose a key is. It sends the secret's digest, never the secret, and it shows by
/// the processes' own secret that it is one of them; gateways do not offer this path.
struct VerifyAPIKey: Sendable {
    let ring: APIKeyRing
    let trust: InternalTrust

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        guard trust.covers(request.headers) else { throw Problem.unauthenticated }
        let body = try request.object()
        guard let id = body["id"]?.string.flatMap({ Identifier($0) }), let digest = body["digest"]?.string.flatMap({ Base64URL.decode($0) }),
            let principal = try await ring.principal(APIKeyText(id: id, digest: digest))
        else { throw Problem.notFound("API key") }
        return .json { json in
            json.member("subject", principal.subject)
            json.key("roles")
            json.array(principal.roles.sorted()) { $0.string($1.rawValue) }
            guard let scopes = principal.scopes else { return }
            json.key("scopes")
            json.array(scopes.sorted()) { $0.string($1.rawValue) }
        }
    }
}

extension APIKeyText {
    init(id: Identifier, digest: [UInt8]) { (self.id, self.digest) = (id, digest) }
}

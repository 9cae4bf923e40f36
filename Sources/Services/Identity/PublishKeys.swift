import HTTPTypes
import Security
import Web
import Wire

/// What verifiers and clients find out by themselves: the public keys and the addresses of the endpoints.
struct PublishKeys: Sendable {
    let keys: SigningKeyRing

    /// `GET /.well-known/jwks.json` (RFC 7517, 5).
    func jwks(_ request: WebRequest) async throws -> WebResponse {
        let published = try await keys.published()
        return .json(headers: [.cacheControl: "public, max-age=300"], capacity: 1024) { json in
            json.key("keys")
            json.array(published) { $0.raw($1.key.publicJWK) }
        }
    }
}

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery 1.0, 3; RFC 8414): needs no database, so that every gateway answers it itself.
public struct Discovery: Sendable {
    private let configuration: IdentityConfiguration
    private let base: String

    /// - Parameter address: where clients reach the platform, if the configuration does not say.
    public init(_ configuration: IdentityConfiguration, address: String) {
        self.configuration = configuration
        base = configuration.publicURL ?? address
    }

    /// Its route, at the root.
    public var route: Route { Route(.get, "/.well-known/openid-configuration", .discover, access: .everyone) { _ in document } }

    var document: WebResponse {
        .json(headers: [.cacheControl: "no-store"], capacity: 1024) { json in
            json.member("issuer", configuration.issuer)
            json.member("token_endpoint", base + "/auth/token")
            json.member("revocation_endpoint", base + "/auth/revoke")
            json.member("jwks_uri", base + "/.well-known/jwks.json")
            list("grant_types_supported", ["client_credentials", "password", "refresh_token"], &json)
            list("token_endpoint_auth_methods_supported", ["client_secret_basic", "client_secret_post", "none"], &json)
            list("response_types_supported", [], &json)
            list("subject_types_supported", ["public"], &json)
            list("id_token_signing_alg_values_supported", [TokenAlgorithm.es256.rawValue], &json)
            list("scopes_supported", Scope.allCases.sorted().map(\.rawValue), &json)
            list("claims_supported", ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "roles", "scope", "client_id"], &json)
        }
    }

    private func list(_ key: StaticString, _ words: [String], _ json: inout JSONWriter) {
        json.key(key)
        json.array(words) { $0.string($1) }
    }
}

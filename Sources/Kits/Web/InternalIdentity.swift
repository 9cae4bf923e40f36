import HTTPTypes
import Security
import Wire

/// What a gateway says to the platform's other processes about who sends a request: signed with the secret that they share, and good for a minute, in the header
/// `Waybill-Identity`. Nobody else can say it, and what a client sends under this name is not passed on.
///
/// The form is `payload.signature`, both base64url; the payload is a JSON object with `sub`, `roles`, `scopes` (absent for all), `kind` and `exp` (Unix seconds), the
/// signature HMAC-SHA256 (RFC 2104).
public struct InternalIdentity: Sendable {
    /// How long a word is good, in seconds: enough for a slow network and clocks that are a little apart.
    private static let lifetime: Int64 = 60
    private static let longest = 4096

    private let key: HMACKey
    private let now: @Sendable () -> Timestamp

    /// - Parameter secret: what the processes share. Their signatures are made with a key derived from it, because the secret itself is sent as well.
    public init(secret: String, now: @escaping @Sendable () -> Timestamp) {
        key = HMACKey(hmacSHA256(key: Array(secret.utf8), Array("waybill-identity-v1".utf8)))
        self.now = now
    }

    /// The header's value for who sends a request.
    public func value(for principal: Principal) -> String {
        let payload = JSONWriter.object { json in
            json.member("sub", principal.subject)
            json.key("roles")
            json.array(principal.roles.sorted()) { $0.string($1.rawValue) }
            if let scopes = principal.scopes {
                json.key("scopes")
                json.array(scopes.sorted()) { $0.string($1.rawValue) }
            }
            json.member("kind", principal.kind.rawValue)
            json.member("exp", now().milliseconds / 1000 + InternalIdentity.lifetime)
        }
        let text = Base64URL.encode(payload)
        return text + "." + Base64URL.encode(key.code(for: Array(text.utf8)))
    }

    /// Who sends a request, where a gateway says so.
    /// - Returns: nil where none says anything.
    /// - Throws: ``Problem`` 401 for a word that no gateway of the platform gave, or that is too old.
    public func principal(_ headers: HTTPFields) throws(Problem) -> Principal? {
        let values = headers[values: .internalIdentity]
        guard let value = values.first else { return nil }
        guard values.count == 1, value.utf8.count <= InternalIdentity.longest, let principal = read(value) else {
            throw Problem.invalidToken("the identity that came with the request is not one of this platform's")
        }
        return principal
    }

    private func read(_ value: String) -> Principal? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let signature = Base64URL.decode(String(parts[1])), key.isValid(signature, for: Array(parts[0].utf8)),
            let payload = Base64URL.decode(String(parts[0])), let json = try? JSONParser.parse(payload).object, let subject = json["sub"]?.string,
            let roles = json["roles"]?.array, let kind = json["kind"]?.string.flatMap({ Principal.Kind(rawValue: $0) }), let end = json["exp"]?.integer,
            end > now().milliseconds / 1000 - InternalIdentity.lifetime
        else { return nil }
        let scopes = json["scopes"]?.array.map { Set($0.compactMap { $0.string.flatMap { Scope(rawValue: $0) } }) }
        return Principal(subject: subject, roles: Set(roles.compactMap { $0.string.flatMap { Role(rawValue: $0) } }), scopes: scopes, kind: kind)
    }
}

extension HTTPField.Name {
    /// Who sends a request, as a gateway of the platform says; see ``InternalIdentity``.
    public static let internalIdentity = HTTPField.Name("Waybill-Identity") ?? .via
}

import Wire

/// What a token says (RFC 7519, 4; RFC 9068, 2.2).
public struct TokenClaims: Sendable, Equatable {
    /// `sub`: who it is about; 1 to 255 printable characters of ASCII.
    public let subject: String
    /// `iss`: who says it.
    public let issuer: String
    /// `aud`: whom it is said to.
    public let audience: [String]
    /// `exp`: from this moment on it is not said any more.
    public let expiresAt: Timestamp
    /// `iat`
    public let issuedAt: Timestamp?
    /// `nbf`: before this moment it is not said yet.
    public let notBefore: Timestamp?
    /// `jti`
    public let id: String?
    /// Names of roles; who trusts the issuer decides what they mean here.
    public let roles: [String]
    /// `scope`: nil where the token is not bound to scopes. An empty list is a token that may do nothing.
    public let scopes: [String]?
    /// `client_id`: the program that asked for the token.
    public let clientID: String?
    /// Every claim.
    public let all: JSONObject

    /// Claims for a token of one's own.
    /// - Parameter notBefore: nil for the moment it is issued.
    /// - Parameter additional: further claims; none of those above.
    public init(
        subject: String, issuer: String, audience: [String], expiresAt: Timestamp, issuedAt: Timestamp, notBefore: Timestamp? = nil, id: String? = nil,
        roles: [String] = [], scopes: [String]? = nil, clientID: String? = nil, additional: [JSONObject.Member] = []
    ) {
        (self.subject, self.issuer, self.audience, self.expiresAt, self.issuedAt) = (subject, issuer, audience, expiresAt, issuedAt)
        (self.notBefore, self.id, self.roles, self.scopes, self.clientID) = (notBefore ?? issuedAt, id, roles, scopes, clientID)
        var members: [JSONObject.Member] = [
            .init(key: "iss", value: .string(issuer)), .init(key: "sub", value: .string(subject)),
            .init(key: "aud", value: audience.count == 1 ? .string(audience[0]) : .array(audience.map(JSONValue.string))),
            .init(key: "exp", value: NumericDate.value(expiresAt)), .init(key: "nbf", value: NumericDate.value(notBefore ?? issuedAt)),
            .init(key: "iat", value: NumericDate.value(issuedAt)),
        ]
        if let id { members.append(.init(key: "jti", value: .string(id))) }
        if let clientID { members.append(.init(key: "client_id", value: .string(clientID))) }
        if !roles.isEmpty { members.append(.init(key: "roles", value: .array(roles.map(JSONValue.string)))) }
        if let scopes { members.append(.init(key: "scope", value: .string(scopes.joined(separator: " ")))) }
        all = JSONObject(members: members + additional)
    }

    /// A token that says this, in the compact form of RFC 7515, of the type of RFC 9068.
    /// - Throws: ``UnusableKey`` where libcrypto refuses to sign.
    public func token(signedBy key: SigningKey) throws(UnusableKey) -> String {
        let header = JSONWriter.object {
            $0.member("alg", key.algorithm.rawValue)
            $0.member("typ", "at+jwt")
            $0.member("kid", key.id)
        }
        var payload = JSONWriter()
        payload.value(.object(all))
        let signed = Base64URL.encode(header) + "." + Base64URL.encode(payload.bytes)
        return try signed + "." + Base64URL.encode(key.sign(Array(signed.utf8)))
    }
}

/// Seconds since 1970 as JSON numbers, with or without decimals (RFC 7519, 2).
enum NumericDate {
    static func value(_ time: Timestamp) -> JSONValue {
        let (seconds, rest) = time.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        return .number(rest == 0 ? "\(seconds)" : "\(Double(time.milliseconds) / 1_000)")
    }

    /// The moment of a number from 1970 to the year 9999; nil for anything else.
    static func timestamp(_ value: JSONValue) -> Timestamp? {
        guard case .number(let text) = value, text.utf8.count <= 32, let seconds = Double(text), seconds >= 0, seconds <= 253_402_300_799 else { return nil }
        return Timestamp(milliseconds: Int64((seconds * 1_000).rounded(.down)))
    }
}

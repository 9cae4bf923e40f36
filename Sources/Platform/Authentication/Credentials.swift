import HTTPTypes
import Identity
import Web

/// What a request brings to show who sends it.
enum Credentials: Sendable {
    case none
    case token(String)
    case key(APIKeyText)

    /// - Throws: ``Problem`` 401 for what is none: it is never taken for nothing. 400 where there is more than one, because no two readers would take the same.
    init(_ headers: HTTPFields) throws(Problem) {
        let bearers = headers[values: .authorization]
        let keys = headers[values: .apiKey]
        guard bearers.count + keys.count <= 1 else {
            throw Problem(.badRequest, "several-credentials", "The request says more than once who sends it; send one token or one key.")
        }
        if let text = keys.first {
            self = .key(try Credentials.key(text))
        } else if let value = bearers.first {
            self = try Credentials.bearer(value)
        } else {
            self = .none
        }
    }

    /// RFC 6750, 2.1.
    private static func bearer(_ value: String) throws(Problem) -> Credentials {
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts[0].lowercased()
        // The token endpoint's: how a client says who it is (RFC 6749, 2.3.1). Elsewhere it says nothing.
        if scheme == "basic", parts.count == 2 { return .none }
        guard scheme == "bearer", parts.count == 2, !parts[1].isEmpty, parts[1].utf8.allSatisfy(isTokenCharacter) else {
            throw Problem.invalidToken("the Authorization header must be Bearer, one space and a token")
        }
        let token = String(parts[1])
        return token.hasPrefix(APIKeyText.prefix) ? .key(try key(token)) : .token(token)
    }

    private static func key(_ text: String) throws(Problem) -> APIKeyText {
        guard let key = APIKeyText(text) else { throw Problem.invalidAPIKey }
        return key
    }

    /// RFC 6750's b68token.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}

extension Problem {
    /// The same for a key that does not exist, that is revoked, that has expired, or whose secret is wrong.
    static let invalidAPIKey = Problem.invalidToken("it is not an API key that holds")
}

extension HTTPField.Name {
    /// Where API keys are sent by those who cannot set `Authorization`.
    static let apiKey = HTTPField.Name("X-API-Key") ?? .authorization
}

import Wire

/// Why an authorization server gives out no token (RFC 6749, 5.2).
public struct TokenDenied: Error, Sendable, Equatable, CustomStringConvertible {
    /// A code such as `invalid_client` or `invalid_grant`.
    public let code: String
    /// The server's words; may be empty.
    public let words: String

    /// What a server said.
    public init(code: String, words: String) { (self.code, self.words) = (code, words) }

    public var description: String { "No token was given out: \(words.isEmpty ? code : "\(words) (\(code))")." }
}

/// What a token is asked for with (RFC 6749, 4 and 6).
public enum TokenGrant: Sendable {
    /// A program's own name and secret.
    case clientCredentials(id: String, secret: String)
    /// A person's name and password; for Waybill's demo users.
    case password(user: String, password: String)
    /// What came with an earlier token.
    case refresh(String)

    fileprivate var parameters: [(String, String)] {
        switch self {
        case .clientCredentials(let id, let secret): [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)]
        case .password(let user, let password): [("grant_type", "password"), ("username", user), ("password", password)]
        case .refresh(let token): [("grant_type", "refresh_token"), ("refresh_token", token)]
        }
    }
}

/// An authorization server's token endpoint (RFC 6749, 3.2): Waybill's own, or another one. Whoever reads along has the token: `https`, but on this machine.
public struct TokenEndpoint: Sendable {
    /// Waybill's own, behind the gateway.
    public static let path = WaybillAPI.root + "/auth/token"
    private let http: HTTPClient
    private let path: String

    /// - Parameter http: a client of the server that sends no token itself. It is not shut down here.
    public init(_ http: HTTPClient, path: String = TokenEndpoint.path) { (self.http, self.path) = (http, path) }

    /// Asks for a token.
    /// - Parameter scopes: what it is to be bound to; empty for all that its owner may do.
    /// - Throws: ``TokenDenied``, ``ClientError``, ``UnexpectedAnswer``.
    public func token(_ grant: TokenGrant, scopes: [String] = []) async throws -> IssuedToken {
        let parameters = grant.parameters + (scopes.isEmpty ? [] : [("scope", scopes.joined(separator: " "))])
        let form = parameters.map { "\($0.0)=\(WaybillAPI.percentEncoded($0.1))" }.joined(separator: "&")
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
        let response = try await http.send(ClientRequest(method: "POST", path: path, headers: headers, body: Array(form.utf8)))
        let json = (try? JSONParser.parse(response.body))?.object
        guard response.status == 200 else { throw refusal(response, json) }
        guard let json, let value = json["access_token"]?.string, !value.isEmpty else {
            throw UnexpectedAnswer(path: path, reason: "there is no access_token in it")
        }
        // RFC 6749, 7.1: a token of a kind that one does not know must not be used.
        let kind = json["token_type"]?.string ?? ""
        guard kind.lowercased() == "bearer" else { throw UnexpectedAnswer(path: path, reason: "the token_type is not Bearer") }
        let seconds = json["expires_in"]?.integer.flatMap { (1...31_536_000).contains($0) ? $0 : nil }
        return IssuedToken(value, lifetime: seconds.map { .seconds($0) }, refreshToken: json["refresh_token"]?.string)
    }

    private func refusal(_ response: ClientResponse, _ json: JSONObject?) -> any Error {
        if let code = json?["error"]?.string { return TokenDenied(code: code, words: json?["error_description"]?.string ?? "") }
        return APIError(response)
    }
}

extension RenewingToken {
    /// A program's tokens, got with its own name and secret whenever one is needed.
    ///
    /// - Parameters:
    ///   - scopes: what they are bound to; empty for all that the program may do.
    ///   - endpoint: who gives them out.
    public static func clientCredentials(id: String, secret: String, scopes: [String] = [], at endpoint: TokenEndpoint) -> RenewingToken {
        RenewingToken { try await endpoint.token(.clientCredentials(id: id, secret: secret), scopes: scopes) }
    }
}

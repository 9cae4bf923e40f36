import HTTPTypes
import Web
import Wire

/// A refusal of the token endpoint, in OAuth's own form (RFC 6749, 5.2): its clients know no problem details.
struct TokenError: Error, Sendable {
    let code: String
    let words: String
    var status = HTTPResponse.Status.badRequest
    var headers: HTTPFields = [:]

    static func invalidRequest(_ words: String) -> TokenError { TokenError(code: "invalid_request", words: words) }
    static let unsupportedGrant = TokenError(code: "unsupported_grant_type", words: "grant_type must be client_credentials, password or refresh_token")
    /// The same for a name that does not exist and for a password that is wrong.
    static let invalidLogin = TokenError(code: "invalid_grant", words: "the user name or the password is wrong")
    static let invalidRefresh = TokenError(code: "invalid_grant", words: "the refresh token is unknown, used, expired or revoked")
    static let invalidScope = TokenError(code: "invalid_scope", words: "a scope is unknown, or more than may be had")
    static let unsupportedToken = TokenError(
        code: "unsupported_token_type", words: "the token is another issuer's; only he can revoke it")
    /// Also for a client that does not exist.
    static let invalidClient = TokenError(
        code: "invalid_client", words: "the client is unknown or its secret is wrong", status: .unauthorized,
        headers: [.wwwAuthenticate: "Basic realm=\"waybill\""])

    static func tooManyFailures(retryAfterSeconds: Int64) -> TokenError {
        TokenError(
            code: "slow_down", words: "too many failed attempts for this name; try again later", status: .tooManyRequests,
            headers: [.retryAfter: String(retryAfterSeconds)])
    }

    static let busy = TokenError(
        code: "temporarily_unavailable", words: "more passwords are to be checked than can be; try again", status: .serviceUnavailable,
        headers: [.retryAfter: "1"])

    static let tooManyRevocations = TokenError(
        code: "temporarily_unavailable", words: "more tokens are revoked than can be remembered; try again when some have expired, or end all of a subject's",
        status: .serviceUnavailable, headers: [.retryAfter: "60"])

    var response: WebResponse {
        WebResponse.json(status, headers: headers.withoutStore) { json in
            json.member("error", code)
            json.member("error_description", words)
        }
    }
}

extension HTTPFields {
    /// With what keeps an answer out of every cache (RFC 6749, 5.1).
    var withoutStore: HTTPFields {
        var fields = self
        fields[.cacheControl] = "no-store"
        if let pragma = HTTPField.Name("Pragma") { fields[pragma] = "no-cache" }
        return fields
    }
}

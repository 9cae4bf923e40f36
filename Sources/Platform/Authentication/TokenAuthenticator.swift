import HTTPTypes
import Identity
import Logging
import Security
import Web

/// Finds out who sends a request: by a token of the platform's own Identity or of an identity provider, or by an API key.
struct TokenAuthenticator: Authenticator {
    /// Whose an API key is; nil where it does not hold.
    typealias KeyLookup = @Sendable (APIKeyText) async throws -> Principal?

    let verifier: TokenVerifier
    /// What is made of tokens of these issuers; of all others', what they say.
    let foreign: [String: ForeignRoles]
    /// Nil where there are no API keys.
    let keys: KeyLookup?
    /// What the platform's own Identity has revoked; nil where its tokens do not hold anyway.
    let revocations: FollowRevocations?
    let logger: Logger

    func authenticate(_ headers: HTTPFields) async throws(Problem) -> Principal? {
        switch try Credentials(headers) {
        case .none: nil
        case .token(let token): try await principal(token)
        case .key(let key): try await principal(key)
        }
    }

    private func principal(_ token: String) async throws(Problem) -> Principal {
        if let claims = verifier.cached(token) { return try await principal(claims) }
        let claims: TokenClaims
        do throws(TokenRefusal) { claims = try await verifier.verify(token) } catch {
            // Whoever is told that his token does not hold throws it away; this one may be as good as any.
            if error == .keysUnavailable { throw TokenAuthenticator.unavailable }
            throw Problem.invalidToken(error.words)
        }
        return try await principal(claims)
    }

    private static let unavailable = Problem.unavailable("Tokens cannot be verified now; nothing was done. Try again.")

    private func principal(_ claims: TokenClaims) async throws(Problem) -> Principal {
        if let foreign = foreign[claims.issuer] { return foreign.principal(claims) }
        guard let revocations else { return claims.principal }
        var verdict = revocations.revoked.verdict(on: claims)
        if verdict == .unknown {
            do { try await revocations.refresh() } catch {
                logger.warning("cannot read the revocations of tokens", metadata: ["error": "\(error)"])
                throw TokenAuthenticator.unavailable
            }
            verdict = revocations.revoked.verdict(on: claims)
        }
        guard verdict == .holds else { throw Problem.invalidToken(TokenRefusal.revoked.words) }
        return claims.principal
    }

    private func principal(_ key: APIKeyText) async throws(Problem) -> Principal {
        guard let keys else { throw Problem.invalidAPIKey }
        let principal: Principal?
        do { principal = try await keys(key) } catch {
            logger.warning("cannot look up an API key", metadata: ["error": "\(error)"])
            throw Problem.unavailable("API keys cannot be looked up now; nothing was done. Try again.")
        }
        guard let principal else { throw Problem.invalidAPIKey }
        return principal
    }
}

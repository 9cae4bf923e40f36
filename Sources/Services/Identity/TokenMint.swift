import Messaging
import Security
import Web
import Wire

/// Who gets a token, and for what.
struct Grant: Sendable {
    /// `sub`: of a customer the `customerId` of his orders.
    let subject: String
    let authority: Authority
    /// The client that asks, where one did.
    let client: String?
    /// The login that it goes on, where there is one: `sid`, by which it ends with it.
    var login: Identifier?
}

/// Signs access tokens: JWTs (RFC 7519, RFC 9068).
struct TokenMint: Sendable {
    let configuration: IdentityConfiguration
    let keys: SigningKeyRing
    let context: ServiceContext

    /// - Parameter lifetimeMilliseconds: nil for the configured one; never more than a day.
    /// - Throws: ``StorageError``; what signing throws.
    func token(for grant: Grant, lifetimeMilliseconds: Int64? = nil) async throws -> (token: String, expiresAt: Timestamp) {
        // Whole seconds: not every verifier reads decimals.
        let now = Timestamp(milliseconds: context.now.milliseconds / 1000 * 1000)
        let lifetime = min(max(lifetimeMilliseconds ?? configuration.tokenMilliseconds, 1000), IdentityConfiguration.longestTokenMilliseconds)
        let end = now.advanced(byMilliseconds: lifetime)
        let claims = TokenClaims(
            subject: grant.subject, issuer: configuration.issuer, audience: [configuration.audience], expiresAt: end, issuedAt: now, notBefore: now,
            // Not the whole second: by its identifier a token is known as one that was made before or after all of its subject's were revoked.
            id: context.newID().description, roles: grant.authority.roles.sorted().map(\.rawValue),
            scopes: grant.authority.scopes.map { $0.sorted().map(\.rawValue) }, clientID: grant.client,
            additional: grant.login.map { [JSONObject.Member(key: "sid", value: .string($0.description))] } ?? [])
        return (try claims.token(signedBy: try await keys.signing()), end)
    }
}

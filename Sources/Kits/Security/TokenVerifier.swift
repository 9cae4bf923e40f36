import Wire

/// One whose tokens are believed.
public struct TrustedIssuer: Sendable {
    /// What he calls himself in `iss`, letter by letter.
    public let names: Set<String>
    /// His keys, and nobody else's: with a common heap of keys each issuer could speak for the others.
    public let keys: any KeySource
    /// Whom his tokens must be meant for.
    public let audience: String
    /// Whether his tokens must say from when on they hold. Ours do; Keycloak and Auth0 leave it out.
    public let requiresNotBefore: Bool
    /// Where he writes roles: the name of a claim, or the way to it with dots (`realm_access.roles`).
    public let rolesClaim: String

    public init(names: Set<String>, keys: any KeySource, audience: String, requiresNotBefore: Bool = true, rolesClaim: String = "roles") {
        (self.names, self.keys, self.audience, self.requiresNotBefore, self.rolesClaim) = (names, keys, audience, requiresNotBefore, rolesClaim)
    }
}

/// Verifies access tokens as RFC 8725 advises: the algorithm is the key's, keys are the issuer's, `exp`, `iss`, `aud` and `sub` must be there.
///
/// What was verified is remembered until it expires or the issuer's keys change, in a bounded cache.
public final class TokenVerifier: Sendable {
    private let trusted: [TrustedIssuer]
    private let leeway: Int64
    private let cache: TokenCache
    private let now: @Sendable () -> Timestamp

    /// - Parameter trusted: where two have the same name the first counts.
    /// - Parameter leewaySeconds: how far the clocks of issuers and this one may differ.
    /// - Parameter cacheCapacity: the most tokens that are remembered.
    public init(trusted: [TrustedIssuer], leewaySeconds: Int = 60, cacheCapacity: Int = 10_000, now: @escaping @Sendable () -> Timestamp) {
        (self.trusted, self.now) = (trusted, now)
        leeway = Int64(min(max(0, leewaySeconds), 3_600)) * 1_000
        cache = TokenCache(capacity: cacheCapacity)
    }

    /// A verifier for one issuer.
    public convenience init(
        keys: any KeySource, issuers: Set<String>, audience: String, leewaySeconds: Int = 60, cacheCapacity: Int = 10_000, requiresNotBefore: Bool = true,
        now: @escaping @Sendable () -> Timestamp
    ) {
        let issuer = TrustedIssuer(names: issuers, keys: keys, audience: audience, requiresNotBefore: requiresNotBefore)
        self.init(trusted: [issuer], leewaySeconds: leewaySeconds, cacheCapacity: cacheCapacity, now: now)
    }

    /// What a token says that was verified before and still holds; nil for any other. Costs a digest and a look into a table: a microsecond or two.
    public func cached(_ token: String) -> TokenClaims? {
        guard token.utf8.count <= CompactToken.maximumLength else { return nil }
        let fingerprint = TokenCache.Fingerprint(token)
        guard let claims = cache.claims(fingerprint, keys: keysVersion) else { return nil }
        do throws(TokenRefusal) {
            try claims.checkTime(now(), leeway: leeway)
            return claims
        } catch {
            cache.remove(fingerprint)
            return nil
        }
    }

    /// What a token says. One that was not verified before costs some 30 us (RS256) to 150 us (ES256, EdDSA) of this thread, and the waiting for unknown keys.
    /// - Throws: ``TokenRefusal`` for one that does not hold.
    public func verify(_ token: String) async throws(TokenRefusal) -> TokenClaims {
        if let claims = cached(token) { return claims }
        let compact = try CompactToken(token)
        // Before it is asked for: a change of keys in between makes what is found now worth nothing later.
        let version = keysVersion
        let issuer = try issuer(of: compact.payload)
        guard let key = await issuer.keys.key(id: compact.keyID) else {
            throw issuer.keys.isReady ? TokenRefusal.unknownKey : TokenRefusal.keysUnavailable
        }
        guard key.algorithm == compact.algorithm else { throw .wrongAlgorithm }
        guard key.verify(compact.signature, of: compact.signed) else { throw .badSignature }
        let claims = try TokenClaims(compact.payload, rolesClaim: issuer.rolesClaim)
        try claims.checkTime(now(), leeway: leeway)
        if issuer.requiresNotBefore, claims.notBefore == nil { throw .missing("nbf") }
        guard claims.audience.contains(issuer.audience) else { throw .wrongAudience }
        cache.insert(claims, TokenCache.Fingerprint(token), bytes: token.utf8.count, keys: version)
        return claims
    }

    /// How many tokens are remembered.
    public var cachedCount: Int { cache.count }

    private var keysVersion: Int { trusted.reduce(0) { $0 &+ $1.keys.version } }

    private func issuer(of payload: JSONObject) throws(TokenRefusal) -> TrustedIssuer {
        guard let value = payload["iss"] else { throw .missing("iss") }
        guard let name = value.string else { throw .invalid("iss") }
        guard let issuer = trusted.first(where: { $0.names.contains(name) }) else { throw .wrongIssuer }
        return issuer
    }
}

import Security
import Synchronization
import TestTokens
import Testing
import Wire

@Suite("Tokens that hold")
struct TokenVerifierTests {
    private let forge: Forge

    init() throws { forge = try Forge() }

    @Test("a token of every kind of key says what was written into it")
    func roundTrip() async throws {
        for key in forge.all {
            let written = TokenClaims(
                subject: "customer-1", issuer: Forge.issuer, audience: ["waybill"], expiresAt: Forge.now.advanced(byMilliseconds: 3_600_000),
                issuedAt: Forge.now,
                id: "t-1", roles: ["customer", "support"], scopes: ["orders:read", "orders:write"], clientID: "shop",
                additional: [.init(key: "extra", value: .bool(true))])
            let read = try await forge.verifier().verify(written.token(signedBy: key))
            #expect(read == written)
            #expect(read.notBefore == Forge.now)
            #expect(read.all["extra"] == .bool(true))
        }
    }

    @Test("a secret verifies where it is configured")
    func secrets() async throws {
        let secret = SecureRandom.bytes(32)
        let keys = KeySet([try VerificationKey(hs256Secret: secret, id: "s")])
        let token = forge.token(header: "{\"alg\":\"HS256\",\"kid\":\"s\"}") { hmacSHA256(key: secret, $0) }
        #expect(await refusal(of: token, by: forge.verifier(keys)) == nil)
        #expect(await refusal(of: token, by: forge.verifier()) == .unknownKey)
        #expect(String(decoding: keys.document, as: UTF8.self) == "{\"keys\":[]}")
    }

    @Test("a token that names no key is verified with the only one, and with none of several")
    func unnamedKey() async throws {
        let token = try forge.token(forge.es256, header: forge.header(forge.es256, ["kid": nil]))
        #expect(await refusal(of: token, by: forge.verifier(KeySet([forge.es256.verificationKey]))) == nil)
        #expect(await refusal(of: token, by: forge.verifier(KeySet([forge.rs256.verificationKey]))) == .wrongAlgorithm)
        #expect(await refusal(of: token, by: forge.verifier()) == .unknownKey)
    }

    @Test("EdDSA is also called Ed25519 (RFC 9864)")
    func edwardsByItsOtherName() async throws {
        let token = try forge.token(forge.eddsa, header: forge.header(forge.eddsa, ["alg": "\"Ed25519\""]))
        #expect(await refusal(of: token, by: forge.verifier()) == nil)
        let other = try forge.token(forge.es256, header: forge.header(forge.es256, ["alg": "\"Ed25519\""]))
        #expect(await refusal(of: other, by: forge.verifier()) == .wrongAlgorithm)
    }

    @Test("claims hold to the second of their leeway")
    func time() async throws {
        let token = try forge.token(forge.es256, payload: forge.payload(["exp": forge.seconds(100), "nbf": forge.seconds(-100), "iat": forge.seconds(-100)]))
        let cases: [(Int64, TokenRefusal?)] = [(-160_001, .notYetValid), (-160_000, nil), (0, nil), (159_999, nil), (160_000, .expired)]
        for (offset, expected) in cases {
            let verifier = forge.verifier(now: Forge.now.advanced(byMilliseconds: offset))
            #expect(await refusal(of: token, by: verifier) == expected, "\(offset) ms")
        }
    }

    @Test("claims of forms that RFC 7519 allows are read")
    func forms() async throws {
        let payloads: [[String: String?]] = [
            ["aud": "[\"other\",\"waybill\"]"], ["exp": forge.seconds(10) + ".5"], ["exp": "1.8e9"], ["iat": nil], ["roles": nil], ["scope": "\"\""],
            ["typ": "\"Bearer\""], ["nested": "{\"a\":[1,{\"b\":null}]}"],
        ]
        for changes in payloads {
            let token = try forge.token(forge.es256, payload: forge.payload(changes))
            #expect(await refusal(of: token, by: forge.verifier()) == nil, "\(changes)")
        }
        let bound = try await forge.verifier().verify(forge.token(forge.es256, payload: forge.payload(["scope": "\"\""])))
        #expect(bound.scopes == [])
        let free = try await forge.verifier().verify(forge.token(forge.es256))
        #expect(free.scopes == nil)
    }

    @Test("other issuers may leave nbf out and write roles elsewhere; each speaks for himself only")
    func severalIssuers() async throws {
        let keycloak = TrustedIssuer(
            names: ["https://sso.example/realms/shop"], keys: KeySet([forge.rs256.verificationKey]), audience: "api", requiresNotBefore: false,
            rolesClaim: "realm_access.roles")
        let own = TrustedIssuer(names: [Forge.issuer], keys: KeySet([forge.es256.verificationKey]), audience: "waybill")
        let verifier = TokenVerifier(trusted: [own, keycloak]) { Forge.now }
        let foreign: [String: String?] = [
            "iss": "\"https://sso.example/realms/shop\"", "aud": "\"api\"", "nbf": nil, "realm_access": "{\"roles\":[\"finance\"]}",
        ]
        let read = try await verifier.verify(forge.token(forge.rs256, payload: forge.payload(foreign)))
        #expect(read.roles == ["finance"])
        let (mine, foreignSpeakingForMe) = (try forge.token(forge.es256), try forge.token(forge.rs256))
        #expect(await refusal(of: mine, by: verifier) == nil)
        #expect(await refusal(of: foreignSpeakingForMe, by: verifier) == .unknownKey)
        let crossed = try forge.token(forge.rs256, payload: forge.payload(foreign.merging(["aud": "\"waybill\""]) { $1 }))
        #expect(await refusal(of: crossed, by: verifier) == .wrongAudience)
    }

    @Test("a verified token is remembered until it expires")
    func remembering() async throws {
        let clock = Mutex(Forge.now)
        let verifier = TokenVerifier(keys: forge.set, issuers: [Forge.issuer], audience: "waybill") { clock.withLock { $0 } }
        let token = try forge.token(forge.es256)
        #expect(verifier.cached(token) == nil)
        let claims = try await verifier.verify(token)
        #expect(verifier.cached(token) == claims)
        #expect(verifier.cached(token + "A") == nil)
        #expect(verifier.cachedCount == 1)
        clock.withLock { $0 = $0.advanced(byMilliseconds: 3_660_000) }
        #expect(verifier.cached(token) == nil)
        #expect(verifier.cachedCount == 0)
        #expect(await refusal(of: token, by: verifier) == .expired)
    }

    @Test("what is remembered is bounded, and what is asked for again stays")
    func boundedCache() async throws {
        let verifier = TokenVerifier(keys: forge.set, issuers: [Forge.issuer], audience: "waybill", cacheCapacity: 10) { Forge.now }
        let loved = try forge.token(forge.es256)
        _ = try await verifier.verify(loved)
        for number in 0..<40 {
            _ = try await verifier.verify(forge.token(forge.es256, payload: forge.payload(["jti": "\"\(number)\""])))
            #expect(verifier.cachedCount <= 10)
            #expect(verifier.cached(loved) != nil, "after \(number)")
        }
    }

    @Test("when an issuer's keys change, nothing that was verified before is believed unseen")
    func rotation() async throws {
        let keys = RotatingKeys([forge.es256.verificationKey, forge.eddsa.verificationKey])
        let verifier = TokenVerifier(keys: keys, issuers: [Forge.issuer], audience: "waybill") { Forge.now }
        let (old, new) = (try forge.token(forge.es256), try forge.token(forge.eddsa))
        for token in [old, new] { _ = try await verifier.verify(token) }
        keys.change(to: [forge.eddsa.verificationKey])
        #expect(verifier.cached(old) == nil)
        #expect(verifier.cached(new) == nil)
        #expect(await refusal(of: old, by: verifier) == .unknownKey)
        #expect(await refusal(of: new, by: verifier) == nil)
        #expect(verifier.cached(new) != nil)
    }

    @Test("no words about a refusal hold quotation marks")
    func words() {
        let all: [TokenRefusal] = [
            .tooLong, .malformed, .unsupportedHeader, .unsupportedAlgorithm, .unknownKey, .keysUnavailable, .wrongAlgorithm, .badSignature, .expired,
            .notYetValid, .wrongIssuer,
            .wrongAudience, .missing("exp"), .invalid("aud"),
        ]
        for refusal in all { #expect(!refusal.words.isEmpty && !refusal.words.contains("\"") && !refusal.words.contains("\\")) }
        #expect(Set(all.map(\.words)).count == all.count)
    }
}

/// Keys that a test changes.
private final class RotatingKeys: KeySource {
    private let state: Mutex<(set: KeySet, version: Int)>

    init(_ keys: [VerificationKey]) { state = Mutex((KeySet(keys), 0)) }

    var version: Int { state.withLock { $0.version } }
    func key(id: String?) async -> VerificationKey? { state.withLock { $0.set.key(id: id) } }
    func change(to keys: [VerificationKey]) { state.withLock { $0 = (KeySet(keys), $0.version + 1) } }
}

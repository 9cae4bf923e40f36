import Security
import TestTokens
import Testing

/// What tokens cost, printed for those who look; the only thing that is claimed is that remembering them is worth it.
@Suite("Cost of tokens", .serialized)
struct TokenCostTests {
    /// The best of several rounds: what others do on the machine only ever adds.
    private func best(_ count: Int, _ body: () async throws -> Void) async rethrows -> Duration {
        var best = Duration.seconds(1_000)
        for _ in 0..<5 {
            let start = ContinuousClock.now
            for _ in 0..<count { try await body() }
            best = min(best, (ContinuousClock.now - start) / count)
        }
        return best
    }

    @Test("a token that was verified before costs less than a third of one that was not")
    func remembering() async throws {
        let forge = try Forge()
        for key in forge.all {
            let token = try forge.token(key)
            // Changing keys, so that nothing is remembered.
            let forgetful = TokenVerifier(keys: RestlessKeys(keys: forge.set), issuers: [Forge.issuer], audience: "waybill") { Forge.now }
            let unseen = try await best(100) { _ = try await forgetful.verify(token) }
            let verifier = forge.verifier()
            _ = try await verifier.verify(token)
            let known = await best(1_000) { _ = verifier.cached(token) }
            #expect(verifier.cached(token) != nil)
            if key.algorithm != .rs256 { #expect(known * 3 < unseen) }
            let signing = try await best(key.algorithm == .rs256 ? 5 : 100) { _ = try key.sign([1, 2, 3]) }
            print("\(key.algorithm.rawValue): signing \(signing), verifying \(unseen), verified before \(known)")
        }
        let (hmac, message) = (HMACKey(SecureRandom.bytes(32)), SecureRandom.bytes(200))
        let code = hmac.code(for: message)
        print("HMAC: \(await best(1_000) { _ = hmac.isValid(code, for: message) })")
    }
}

/// Keys that are said to be others each time.
private struct RestlessKeys: KeySource {
    let keys: KeySet
    var version: Int { Int.random(in: 0...Int.max) }
    func key(id: String?) async -> VerificationKey? { keys.key(id: id) }
}

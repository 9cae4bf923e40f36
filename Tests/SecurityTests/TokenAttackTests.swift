import Security
import TestTokens
import Testing
import Wire

/// The attacks of RELIABILITY, "API", and of RFC 8725: tokens that must be refused, each for the reason given.
@Suite("Attacks by token")
struct TokenAttackTests {
    @Test("every attack is refused for its reason, twice, and nothing of it is remembered")
    func attacks() async throws {
        let forge = try Forge()
        let verifier = forge.verifier()
        for key in forge.all {
            let token = try forge.token(key)
            #expect(await refusal(of: token, by: verifier) == nil, "the token that they vary, \(key.algorithm)")
        }
        let remembered = verifier.cachedCount
        let attacks = try AttackList(forge).all
        #expect(attacks.count > 150)
        for attack in attacks {
            for _ in 0..<2 { #expect(await refusal(of: attack.token, by: verifier) == attack.refusal, "\(attack.name)") }
            #expect(verifier.cached(attack.token) == nil, "\(attack.name)")
        }
        #expect(verifier.cachedCount == remembered)
    }

    @Test("a header's own keys and addresses of keys change nothing about a token that holds")
    func ignoredHeaders() async throws {
        let forge = try Forge()
        let members = [
            "jku": "\"https://attacker.example/jwks.json\"", "x5u": "\"http://169.254.169.254/\"", "jwk": "{\(KeyTests.p256)}", "x5c": "[\"AAAA\"]",
            "x5t": "\"AAAA\"", "cty": "\"JWT\"",
        ]
        for (name, value) in members {
            let token = try forge.token(forge.es256, header: forge.header(forge.es256, [name: value]))
            #expect(await refusal(of: token, by: forge.verifier()) == nil, "\(name)")
        }
    }

    @Test("no change of one byte of a token is accepted, and none is a trap")
    func changedBytes() async throws {
        let forge = try Forge()
        let verifier = forge.verifier()
        let bytes = Array(try forge.token(forge.es256).utf8)
        for index in bytes.indices {
            for change: UInt8 in [1, 2, 0x20, 0x80] {
                var other = bytes
                other[index] ^= change
                #expect(await refusal(of: String(decoding: other, as: UTF8.self), by: verifier) != nil, "byte \(index) with bits \(change)")
            }
        }
        for count in bytes.indices { #expect(await refusal(of: String(decoding: bytes[..<count], as: UTF8.self), by: verifier) != nil) }
    }
}

import Security
import TestTokens
import Testing
import Wire

@Suite("Keys")
struct KeyTests {
    static let message = Array(
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ".utf8)
    static let rsaModulus =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63"
        + "kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    static let rsa = "\"kty\":\"RSA\",\"n\":\"\(rsaModulus)\",\"e\":\"AQAB\""
    static let p256 =
        "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
    static let ed25519 = "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

    private func key(_ members: String) throws -> VerificationKey { try VerificationKey(jwk: object("{\(members)}")) }

    private func isRefused(_ members: String) -> Bool { (try? key(members)) == nil }

    @Test("the signatures of RFC 7515, A.1 to A.3, and RFC 8037, A.4, hold, and not when a bit is another")
    func vectors() throws {
        let secret = try #require(Base64URL.decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
        let rs256 =
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
            + "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        let cases: [(VerificationKey, String, [UInt8], String)] = [
            (
                try VerificationKey(hs256Secret: secret, id: nil), "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", KeyTests.message,
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
            ),
            (try key(KeyTests.rsa), "eyJhbGciOiJSUzI1NiJ9", KeyTests.message, rs256),
            (
                try key(KeyTests.p256), "eyJhbGciOiJFUzI1NiJ9", KeyTests.message,
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
            ),
            (
                try key(KeyTests.ed25519), "eyJhbGciOiJFZERTQSJ9", Array("RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8),
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
            ),
        ]
        for (key, header, payload, text) in cases {
            let message = Array("\(header).".utf8) + payload
            let signature = try #require(Base64URL.decode(text))
            #expect(key.verify(signature, of: message), "\(key.algorithm)")
            for index in [0, signature.count / 2, signature.count - 1] {
                var other = signature
                other[index] ^= 1
                #expect(!key.verify(other, of: message), "\(key.algorithm) with byte \(index) changed")
            }
            #expect(!key.verify(signature, of: message + [0]))
            #expect(!key.verify(signature + [0], of: message))
            #expect(!key.verify(Array(signature.dropLast()), of: message))
            #expect(!key.verify([], of: message))
            #expect(!key.verify([UInt8](repeating: 0, count: signature.count), of: message))
        }
    }

    @Test("a key is named by the thumbprint of RFC 7638 where nobody names it")
    func thumbprint() throws {
        // RFC 8037, A.3.
        let document = try #require(try key(KeyTests.ed25519).publicJWK)
        #expect(try JSONParser.parse(document)["kid"] == .string("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"))
        let modulus =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
            + "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        let rsa = try #require(try key("\"kty\":\"RSA\",\"n\":\"\(modulus)\",\"e\":\"AQAB\"").publicJWK)
        #expect(try JSONParser.parse(rsa)["kid"] == .string("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"))
    }

    @Test("keys that are not sound, not public or not for signatures are refused")
    func unsoundKeys() throws {
        for good in [KeyTests.rsa, KeyTests.p256, KeyTests.ed25519, KeyTests.rsa + ",\"use\":\"sig\",\"alg\":\"RS256\",\"key_ops\":[\"verify\"]"] {
            #expect(!isRefused(good), "\(good)")
        }
        let offCurve = KeyTests.p256.replacing("x_FEzRu9m36", with: "x_FEzRu9m37")
        let bad: [String: String] = [
            "a point off the curve": offCurve,
            "the point of zeros": "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\(zeros(32))\",\"y\":\"\(zeros(32))\"",
            "a short coordinate": KeyTests.p256.replacing("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", with: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvR"),
            "another curve": KeyTests.p256.replacing("P-256", with: "P-384"),
            "secp256k1": KeyTests.p256.replacing("P-256", with: "secp256k1"),
            "another curve of Edwards": KeyTests.ed25519.replacing("Ed25519", with: "Ed448"),
            "a curve for agreement": KeyTests.ed25519.replacing("Ed25519", with: "X25519"),
            "another kind": KeyTests.rsa.replacing("RSA", with: "EC"),
            "a secret": "\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\",\"alg\":\"HS256\"",
            "a private key": KeyTests.ed25519 + ",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"",
            "for encryption": KeyTests.rsa + ",\"use\":\"enc\"",
            "use as a list": KeyTests.rsa + ",\"use\":[\"sig\"]",
            "for wrapping": KeyTests.rsa + ",\"key_ops\":[\"wrapKey\"]",
            "an algorithm of another kind": KeyTests.rsa + ",\"alg\":\"ES256\"",
            "an algorithm for secrets": KeyTests.rsa + ",\"alg\":\"HS256\"",
            "no algorithm": KeyTests.rsa + ",\"alg\":\"none\"",
            "a list of algorithms": KeyTests.rsa + ",\"alg\":[\"RS256\"]",
            "a small modulus": "\"kty\":\"RSA\",\"n\":\"\(Base64URL.encode([0x80] + [UInt8](repeating: 0, count: 126) + [1]))\",\"e\":\"AQAB\"",
            "a modulus of zeros": "\"kty\":\"RSA\",\"n\":\"\(zeros(256))\",\"e\":\"AQAB\"",
            "an even modulus": "\"kty\":\"RSA\",\"n\":\"\(Base64URL.encode([0x80] + [UInt8](repeating: 0, count: 255)))\",\"e\":\"AQAB\"",
            "a huge modulus": "\"kty\":\"RSA\",\"n\":\"\(Base64URL.encode([UInt8](repeating: 0xff, count: 2_048)))\",\"e\":\"AQAB\"",
            "exponent one": KeyTests.rsa.replacing("AQAB", with: "AQ"),
            "exponent zero": KeyTests.rsa.replacing("AQAB", with: "AA"),
            "an even exponent": KeyTests.rsa.replacing("AQAB", with: "AQAA"),
            "padding": KeyTests.rsa.replacing("AQAB", with: "AQAB=="),
            "a name that is a number": KeyTests.rsa + ",\"kid\":5",
            "an empty name": KeyTests.rsa + ",\"kid\":\"\"",
            "nothing": "",
        ]
        for (name, members) in bad { #expect(isRefused(members), "\(name)") }
        #expect((try? VerificationKey(hs256Secret: [UInt8](repeating: 1, count: 31), id: nil)) == nil)
    }

    private func zeros(_ count: Int) -> String { Base64URL.encode([UInt8](repeating: 0, count: count)) }

    @Test("a key signs what its public part verifies, and is the same after PEM and JWK", arguments: [TokenAlgorithm.es256, .rs256, .eddsa])
    func signing(algorithm: TokenAlgorithm) throws {
        let forge = try Forge()
        let key = try #require(forge.all.first { $0.algorithm == algorithm })
        let message = Array("message".utf8)
        let again = try SigningKey(pem: key.pem)
        #expect(again.id == key.id)
        #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----"))
        let published = try VerificationKey(jwk: try object(String(decoding: key.publicJWK, as: UTF8.self)))
        #expect(published.id == key.id)
        #expect(published.algorithm == algorithm)
        // Often: numbers of ECDSA with leading zeros are one in 128.
        for _ in 0..<(algorithm == .rs256 ? 2 : 400) {
            let signature = try again.sign(message)
            #expect(signature.count == (algorithm == .rs256 ? 256 : 64))
            #expect(published.verify(signature, of: message))
            guard key.verificationKey.verify(signature, of: message) else { break }
        }
        for other in forge.all where other.id != key.id { #expect(!other.verificationKey.verify(try key.sign(message), of: message)) }
    }

    @Test("keys are used by many threads at once")
    func threads() async throws {
        let forge = try Forge()
        let code = HMACKey(Array("key".utf8))
        let good = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var good = 0
                    for round in 0..<50 {
                        let message = Array("\(task) \(round)".utf8)
                        for key in [forge.es256, forge.eddsa] where key.verificationKey.verify(try key.sign(message), of: message) { good += 1 }
                        if code.isValid(hmacSHA256(key: Array("key".utf8), message), for: message) { good += 1 }
                    }
                    return good
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(good == 8 * 50 * 3)
    }

    @Test("HS256 has no keys that could be made")
    func noKeyForSecrets() { #expect(throws: UnusableKey.self) { try SigningKey.generate(.hs256) } }

    @Test("files hold a set of keys, or keys in PEM; other texts are refused")
    func files() throws {
        let forge = try Forge()
        let set = try KeySet(file: forge.set.document)
        #expect(set.keys.map(\.id) == forge.all.map(\.id))
        let pem = try KeySet(file: Array(FixedKeys.publicPEM.utf8))
        #expect(pem.keys.map(\.algorithm) == [.es256, .eddsa])
        #expect(pem.key(id: pem.keys[0].id) != nil)
        for text in [
            "", "{}", "{\"keys\":[]}", "{\"keys\":5}", "[1]", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", forge.es256.pem,
            FixedKeys.otherCurvePEM,
        ] {
            #expect(throws: UnusableKey.self, "\(text)") { try KeySet(file: Array(text.utf8)) }
        }
        for text in [FixedKeys.encryptedPEM, FixedKeys.publicPEM, "", String(forge.es256.pem.dropLast(40))] {
            #expect(throws: UnusableKey.self) { try SigningKey(pem: text) }
        }
        #expect(throws: UnusableKey.self) { try VerificationKey(pem: FixedKeys.publicPEM, algorithm: .rs256) }
    }
}

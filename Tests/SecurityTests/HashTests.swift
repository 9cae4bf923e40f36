import Security
import TestTokens
import Testing

@Suite("Digests and codes")
struct HashTests {
    @Test("SHA-256 gives the digests of FIPS 180-4")
    func sha256() {
        #expect(Hash.sha256("abc") == hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
        #expect(Hash.sha256([]) == hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
    }

    @Test(
        "HMAC gives the codes of RFC 4231",
        arguments: [
            ([UInt8](repeating: 0x0b, count: 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (Array("Jefe".utf8), "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
        ])
    func hmac(key: [UInt8], message: String, code: String) {
        let ready = HMACKey(key)
        #expect(hmacSHA256(key: key, Array(message.utf8)) == hex(code))
        // A key that is made ready once is not used up by its messages.
        for _ in 0..<2 { #expect(ready.code(for: Array(message.utf8)) == hex(code)) }
        #expect(ready.isValid(hex(code), for: Array(message.utf8)))
        #expect(!ready.isValid(hex(code), for: Array((message + "!").utf8)))
        #expect(!ready.isValid(Array(hex(code).dropLast()), for: Array(message.utf8)))
        #expect(!ready.isValid([], for: Array(message.utf8)))
    }

    @Test("secrets are the same when all their bytes are")
    func comparison() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
    }

    @Test("random bytes are as many as asked for, and others each time")
    func randomness() {
        #expect(SecureRandom.bytes(32).count == 32)
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
        #expect(SecureRandom.bytes(-1).isEmpty)
        #expect(SecureRandom.text(bytes: 32).utf8.count == 43)
    }

    @Test("base64url gives the texts of RFC 4648 without padding, and reads them")
    func base64url() {
        for (plain, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")] {
            #expect(Base64URL.encode(Array(plain.utf8)) == text)
            #expect(Base64URL.decode(text) == Array(plain.utf8))
        }
        #expect(Base64URL.encode([0xfb, 0xff, 0xbf]) == "-_-_")
        for count in 0..<100 {
            let bytes = SecureRandom.bytes(count)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
    }

    @Test(
        "base64url in any other form is refused",
        arguments: ["Zg==", "Zm8=", "Zh", "Zm9", "Z", "Zm9vY", "+_-_", "-/-_", "Zm 9v", "Zm9v\n", " Zm9v", "Zm\u{0}v", "Zmöv", "Zm9v."])
    func otherBase64(text: String) { #expect(Base64URL.decode(text) == nil) }
}

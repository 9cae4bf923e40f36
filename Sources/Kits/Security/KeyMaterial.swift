import CCrypto
import Wire

/// The numbers that make a public key.
enum KeyMaterial: Sendable, Equatable {
    /// Big-endian, without leading zeros.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// The coordinates of a point on P-256, 32 bytes each.
    case p256(x: [UInt8], y: [UInt8])
    /// 32 bytes.
    case ed25519([UInt8])

    /// The one way in which the key signs: a token does not choose (RFC 8725, 3.1).
    var algorithm: TokenAlgorithm {
        switch self {
        case .rsa: .rs256
        case .p256: .es256
        case .ed25519: .eddsa
        }
    }

    /// SubjectPublicKeyInfo (RFC 3279, 2.3; RFC 5480, 2; RFC 8410, 4).
    var subjectPublicKeyInfo: [UInt8] {
        switch self {
        case .rsa(let modulus, let exponent):
            let rsaEncryption: [UInt8] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]
            return DER.sequence(DER.sequence(rsaEncryption), DER.bitString(DER.sequence(DER.integer(modulus), DER.integer(exponent))))
        case .p256(let x, let y):
            let ecPublicKey: [UInt8] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
            let prime256v1: [UInt8] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
            return DER.sequence(DER.sequence(ecPublicKey, prime256v1), DER.bitString([4] + x + y))
        case .ed25519(let key):
            return DER.sequence(DER.sequence([0x06, 0x03, 0x2b, 0x65, 0x70]), DER.bitString(key))
        }
    }

    /// The members of a JWK that a thumbprint is made of, in the order of RFC 7638, 3.2.
    private func writeMembers(to json: inout JSONWriter) {
        switch self {
        case .rsa(let modulus, let exponent):
            json.member("e", Base64URL.encode(exponent))
            json.member("kty", "RSA")
            json.member("n", Base64URL.encode(modulus))
        case .p256(let x, let y):
            json.member("crv", "P-256")
            json.member("kty", "EC")
            json.member("x", Base64URL.encode(x))
            json.member("y", Base64URL.encode(y))
        case .ed25519(let key):
            json.member("crv", "Ed25519")
            json.member("kty", "OKP")
            json.member("x", Base64URL.encode(key))
        }
    }

    /// RFC 7638, with SHA-256, in base64url.
    var thumbprint: String { Base64URL.encode(Hash.sha256(JSONWriter.object { writeMembers(to: &$0) })) }

    /// A JWK (RFC 7517) for others who verify.
    func jwk(id: String) -> [UInt8] {
        JSONWriter.object {
            writeMembers(to: &$0)
            $0.member("use", "sig")
            $0.member("alg", algorithm.rawValue)
            $0.member("kid", id)
        }
    }
}

extension KeyMaterial {
    /// Reads the numbers of a JWK (RFC 7518, 6; RFC 8037, 2).
    /// - Throws: ``UnusableKey`` for secrets, private keys, other kinds and curves, and for keys that are meant for something else than signatures.
    init(jwk: JSONObject) throws(UnusableKey) {
        // Whoever publishes his private key has lost it.
        guard jwk["d"] == nil, jwk["k"] == nil else { throw UnusableKey("a key set must not hold secrets") }
        if let use = jwk["use"], use != .string("sig") { throw UnusableKey("it is not meant for signatures") }
        if let operations = jwk["key_ops"] {
            guard let operations = operations.array, operations.contains(.string("verify")) else { throw UnusableKey("it is not meant for verifying") }
        }
        switch (jwk["kty"]?.string, jwk["crv"]?.string) {
        case ("RSA", _):
            let exponent = Array(try KeyMaterial.number("e", jwk, 1...8).drop { $0 == 0 })
            self = .rsa(modulus: Array(try KeyMaterial.number("n", jwk, 1...513).drop { $0 == 0 }), exponent: exponent)
        case ("EC", "P-256"): self = .p256(x: try KeyMaterial.number("x", jwk, 32...32), y: try KeyMaterial.number("y", jwk, 32...32))
        case ("OKP", "Ed25519"): self = .ed25519(try KeyMaterial.number("x", jwk, 32...32))
        default: throw UnusableKey("its kind or its curve is not supported")
        }
        if let name = jwk["alg"], name.string.flatMap({ TokenAlgorithm(name: $0) }) != algorithm {
            throw UnusableKey("its algorithm is not supported, or does not go with its kind")
        }
    }

    private static func number(_ name: String, _ jwk: JSONObject, _ length: ClosedRange<Int>) throws(UnusableKey) -> [UInt8] {
        guard let text = jwk[name]?.string, let bytes = Base64URL.decode(text), length.contains(bytes.count) else {
            throw UnusableKey("its \"\(name)\" is missing, or not base64url of the right length")
        }
        return bytes
    }

    /// Reads the numbers of libcrypto's key.
    init(key: OpaquePointer) throws(UnusableKey) {
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA: self = .rsa(modulus: try KeyMaterial.number("n", of: key), exponent: try KeyMaterial.number("e", of: key))
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1,
                String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) == "prime256v1"
            else { throw UnusableKey("its curve is not P-256") }
            self = .p256(x: try KeyMaterial.number("qx", of: key, length: 32), y: try KeyMaterial.number("qy", of: key, length: 32))
        case EVP_PKEY_ED25519:
            var bytes = [UInt8](repeating: 0, count: 32)
            var count = bytes.count
            guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, count == 32 else { throw UnusableKey("it has no public part") }
            self = .ed25519(bytes)
        default: throw UnusableKey("its kind is not supported: RSA, P-256 and Ed25519 are")
        }
    }

    private static func number(_ name: String, of key: OpaquePointer, length: Int? = nil) throws(UnusableKey) -> [UInt8] {
        var number: OpaquePointer?
        defer { BN_free(number) }
        guard EVP_PKEY_get_bn_param(key, name, &number) == 1, let number else { throw UnusableKey("it has no public part") }
        let count = length ?? Int((BN_num_bits(number) + 7) / 8)
        var bytes = [UInt8](repeating: 0, count: count)
        guard BN_bn2binpad(number, &bytes, Int32(count)) == Int32(count) else { throw UnusableKey("its numbers are too long") }
        return bytes
    }
}

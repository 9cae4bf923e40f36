import CCrypto

/// A public key as libcrypto has it. It is never changed; each verification has a context of its own.
final class PublicKey: @unchecked Sendable {
    private let key: OpaquePointer
    let algorithm: TokenAlgorithm

    /// Makes and examines a key.
    /// - Throws: ``UnusableKey`` for points that are not on their curve, and for RSA below 2,048 bits (RFC 7518, 3.3) or beyond 4,096, with which a few keys
    ///   and tokens would keep a processor busy.
    init(_ material: KeyMaterial) throws(UnusableKey) {
        let der = material.subjectPublicKeyInfo
        let parsed = der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_PUBKEY(nil, &position, buffer.count)
        }
        guard let parsed else {
            LibCrypto.clearErrors()
            throw UnusableKey("it is not a key of its kind")
        }
        do throws(UnusableKey) {
            try PublicKey.examine(parsed, material)
        } catch {
            EVP_PKEY_free(parsed)
            LibCrypto.clearErrors()
            throw error
        }
        (key, algorithm) = (parsed, material.algorithm)
    }

    deinit { EVP_PKEY_free(key) }

    private static func examine(_ key: OpaquePointer, _ material: KeyMaterial) throws(UnusableKey) {
        if case .rsa(_, let exponent) = material {
            guard (2_048...4_096).contains(EVP_PKEY_get_bits(key)) else { throw UnusableKey("RSA keys have 2048 to 4096 bits") }
            guard let last = exponent.last, last & 1 == 1, exponent.count > 1 || last > 1, exponent.count <= 4 else {
                throw UnusableKey("its exponent is not sound")
            }
        }
        if case .ed25519 = material { return }
        let context = EVP_PKEY_CTX_new(key, nil)
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_public_check(context) == 1 else { throw UnusableKey("its numbers are not those of a sound key") }
    }

    /// Whether a signature, as it stands in a token, is this message's. About 20 us for RSA with 2,048 bits, 100 us for P-256 and Ed25519.
    func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard let signature = native(signature) else { return false }
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        let digest = algorithm == .eddsa ? nil : LibCrypto.shared.sha256.map { EVP_MD_get0_name($0) } ?? nil
        let isValid =
            EVP_DigestVerifyInit_ex(context, nil, digest, nil, nil, key, nil) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        // Negative results are errors, and errors are no signatures.
        if !isValid { LibCrypto.clearErrors() }
        return isValid
    }

    /// The signature in the form of libcrypto: DER for ECDSA, whose tokens carry two bare numbers of 32 bytes (RFC 7518, 3.4). libcrypto refuses zeros in them.
    private func native(_ signature: [UInt8]) -> [UInt8]? {
        guard algorithm == .es256 else { return signature.isEmpty ? nil : signature }
        guard signature.count == 64 else { return nil }
        return DER.sequence(DER.integer(Array(signature[..<32])), DER.integer(Array(signature[32...])))
    }
}

import CCrypto

/// A private key that tokens are signed with.
public struct SigningKey: Sendable {
    /// Its thumbprint (RFC 7638), which tokens name it by.
    public let id: String
    private let key: PrivateKey
    private let material: KeyMaterial
    /// The key that its signatures are verified with.
    public let verificationKey: VerificationKey

    public var algorithm: TokenAlgorithm { material.algorithm }
    /// What everybody may know of it, a JWK (RFC 7517): a JSON object.
    public var publicJWK: [UInt8] { material.jwk(id: id) }

    /// Makes a new key: RSA has 2,048 bits and takes a good part of a second.
    /// - Throws: ``UnusableKey`` for HS256, which has secrets and no keys.
    public static func generate(_ algorithm: TokenAlgorithm) throws(UnusableKey) -> SigningKey { try SigningKey(PrivateKey.generate(algorithm)) }

    /// Reads a private key of PEM without a password.
    /// - Throws: ``UnusableKey``.
    public init(pem: String) throws(UnusableKey) { try self.init(PrivateKey(PEM.privateKey(pem))) }

    private init(_ key: PrivateKey) throws(UnusableKey) {
        self.key = key
        material = try key.material()
        pem = try key.pem()
        id = material.thumbprint
        verificationKey = try VerificationKey(material, id: id)
    }

    /// The private key: PKCS#8 in PEM, without a password. It is worth every token that will ever be signed with it.
    public let pem: String

    /// Signs a message.
    /// - Returns: the signature as it stands in a token (RFC 7518, 3).
    /// - Throws: ``UnusableKey`` where libcrypto refuses.
    public func sign(_ message: [UInt8]) throws(UnusableKey) -> [UInt8] { try key.sign(message, material.algorithm) }
}

/// A private key as libcrypto has it. It is never changed; each signature has a context of its own.
private final class PrivateKey: @unchecked Sendable {
    private let key: OpaquePointer

    /// - Parameter key: freed by this object.
    init(_ key: OpaquePointer) { self.key = key }

    deinit { EVP_PKEY_free(key) }

    static func generate(_ algorithm: TokenAlgorithm) throws(UnusableKey) -> PrivateKey {
        let name: String
        switch algorithm {
        case .rs256: name = "RSA"
        case .es256: name = "EC"
        case .eddsa: name = "ED25519"
        case .hs256: throw UnusableKey("HS256 has secrets and no keys")
        }
        _ = LibCrypto.shared
        let context = EVP_PKEY_CTX_new_from_name(nil, name, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, algorithm != .rs256 || EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2_048) == 1,
            algorithm != .es256 || EVP_PKEY_CTX_set_group_name(context, "P-256") == 1, EVP_PKEY_generate(context, &key) == 1, let key
        else {
            LibCrypto.clearErrors()
            throw UnusableKey("it cannot be made")
        }
        return PrivateKey(key)
    }

    func material() throws(UnusableKey) -> KeyMaterial { try KeyMaterial(key: key) }
    func pem() throws(UnusableKey) -> String { try PEM.text(ofPrivate: key) }

    func sign(_ message: [UInt8], _ algorithm: TokenAlgorithm) throws(UnusableKey) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        let digest = algorithm == .eddsa ? nil : LibCrypto.shared.sha256.map { EVP_MD_get0_name($0) } ?? nil
        var count = Int(EVP_PKEY_get_size(key))
        var signature = [UInt8](repeating: 0, count: max(0, count))
        guard EVP_DigestSignInit_ex(context, nil, digest, nil, nil, key, nil) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count <= signature.count
        else {
            LibCrypto.clearErrors()
            throw UnusableKey("it does not sign")
        }
        signature.removeLast(signature.count - count)
        return algorithm == .es256 ? try PrivateKey.bare(signature) : signature
    }

    /// r and s of ECDSA's DER, 32 bytes each.
    private static func bare(_ der: [UInt8]) throws(UnusableKey) -> [UInt8] {
        let parsed = der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_ECDSA_SIG(nil, &position, buffer.count)
        }
        defer { ECDSA_SIG_free(parsed) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let isWritten = bytes.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, let parsed else { return false }
            return BN_bn2binpad(ECDSA_SIG_get0_r(parsed), start, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(parsed), start + 32, 32) == 32
        }
        guard isWritten else { throw UnusableKey("it does not sign") }
        return bytes
    }
}

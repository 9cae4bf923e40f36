import Wire

/// A key that signatures are verified with. It signs in one way only, whatever a token says of itself (RFC 8725, 3.1).
public struct VerificationKey: Sendable {
    /// What tokens call it (`kid`); nil for a key without a name.
    public let id: String?
    public let algorithm: TokenAlgorithm
    private let material: Material

    private enum Material: Sendable {
        case publicKey(PublicKey, KeyMaterial)
        case secret(HMACKey)
    }

    /// The longest name of a key that is looked at, in bytes.
    public static let maximumIDLength = 128

    /// A public key of a key set (RFC 7517): RSA of at least 2,048 bits, P-256 or Ed25519.
    ///
    /// Secrets (`oct`) are refused: a set that is fetched from an address must not make everybody who reads it a signer.
    /// - Throws: ``UnusableKey``.
    public init(jwk: JSONObject) throws(UnusableKey) {
        var id: String?
        if let value = jwk["kid"] {
            guard let text = value.string, (1...VerificationKey.maximumIDLength).contains(text.utf8.count) else {
                throw UnusableKey("its \"kid\" is not a name")
            }
            id = text
        }
        try self.init(KeyMaterial(jwk: jwk), id: id)
    }

    /// A public key in PEM (`BEGIN PUBLIC KEY`).
    /// - Parameter algorithm: what it must be good for; nil for what its kind is good for.
    /// - Parameter id: what tokens call it; nil for its thumbprint (RFC 7638).
    /// - Throws: ``UnusableKey``.
    public init(pem: String, algorithm: TokenAlgorithm? = nil, id: String? = nil) throws(UnusableKey) {
        let material = try PEM.publicKey(pem)
        guard algorithm == nil || algorithm == material.algorithm else { throw UnusableKey("its kind does not sign with the algorithm that is asked for") }
        try self.init(material, id: id ?? material.thumbprint)
    }

    /// A secret for HMAC, which whoever verifies can sign with as well.
    /// - Parameter secret: at least 32 bytes (RFC 7518, 3.2).
    /// - Throws: ``UnusableKey``.
    public init(hs256Secret secret: [UInt8], id: String?) throws(UnusableKey) {
        guard secret.count >= 32 else { throw UnusableKey("secrets for HS256 have at least 32 bytes") }
        (self.id, algorithm, material) = (id, .hs256, .secret(HMACKey(secret)))
    }

    init(_ material: KeyMaterial, id: String?) throws(UnusableKey) {
        (self.id, algorithm, self.material) = (id, material.algorithm, .publicKey(try PublicKey(material), material))
    }

    /// The key as others read it, a JWK; nil for a secret, which nobody is told.
    public var publicJWK: [UInt8]? {
        guard case .publicKey(_, let numbers) = material else { return nil }
        return numbers.jwk(id: id ?? numbers.thumbprint)
    }

    /// Whether a signature, in the form that tokens have (RFC 7518, 3), is this message's.
    public func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        switch material {
        case .publicKey(let key, _): key.verify(signature, of: message)
        case .secret(let key): key.isValid(signature, for: message)
        }
    }

    /// Whether two keys verify the same under the same name.
    func isSame(as other: VerificationKey) -> Bool {
        guard id == other.id, case .publicKey(_, let mine) = material, case .publicKey(_, let theirs) = other.material else { return false }
        return mine == theirs
    }
}

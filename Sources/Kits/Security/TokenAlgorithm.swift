/// The ways of signing tokens that the platform knows (RFC 7518, 3.1; RFC 8037, 3.1). There is no `none`.
public enum TokenAlgorithm: String, CaseIterable, Sendable {
    /// RSA PKCS#1 v1.5 with SHA-256.
    case rs256 = "RS256"
    /// ECDSA on P-256 with SHA-256; signatures are r and s, 32 bytes each.
    case es256 = "ES256"
    /// Ed25519.
    case eddsa = "EdDSA"
    /// HMAC with SHA-256: whoever verifies can sign as well. Only where it is configured.
    case hs256 = "HS256"

    /// The algorithm of this name, letter by letter. Ed25519 has two names: that of RFC 8037 and that of RFC 9864.
    init?(name: String) {
        guard let algorithm = name == "Ed25519" ? .eddsa : TokenAlgorithm(rawValue: name) else { return nil }
        self = algorithm
    }
}

import Wire

/// A signed token in compact form (RFC 7515, 7.1), taken apart but not believed yet.
struct CompactToken {
    /// The longest token that is looked at: what headers carry, 8 KiB.
    static let maximumLength = 8_192

    let algorithm: TokenAlgorithm
    let keyID: String?
    let payload: JSONObject
    /// What was signed: the first two parts as they came.
    let signed: [UInt8]
    let signature: [UInt8]

    init(_ token: String) throws(TokenRefusal) {
        let bytes = Array(token.utf8)
        guard bytes.count <= CompactToken.maximumLength else { throw .tooLong }
        let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty, let header = CompactToken.object(parts[0]), let payload = CompactToken.object(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .malformed }
        (algorithm, keyID) = try CompactToken.read(header)
        self.payload = payload
        signed = Array(bytes[..<parts[1].endIndex])
        self.signature = signature
        guard !signature.isEmpty else { throw .badSignature }
    }

    private static func object(_ part: ArraySlice<UInt8>) -> JSONObject? {
        guard let bytes = Base64URL.decode(part) else { return nil }
        return (try? JSONParser.parse(bytes))?.object
    }

    /// What matters of a header. Keys and addresses of keys that it brings along (`jwk`, `jku`, `x5c`, `x5u`) do not: who signs does not say whom to trust.
    private static func read(_ header: JSONObject) throws(TokenRefusal) -> (TokenAlgorithm, String?) {
        guard let name = header["alg"]?.string else { throw .malformed }
        guard let algorithm = TokenAlgorithm(name: name) else { throw .unsupportedAlgorithm }
        // Extensions that must be understood (RFC 7515, 4.1.11), one of which (RFC 7797) says that the payload is not base64url: we know none.
        guard header["crit"] == nil, header["b64"] == nil else { throw .unsupportedHeader }
        if let type = header["typ"] {
            // RFC 9068, 2.1, and RFC 7515, 4.1.9: tokens of other types, for logging out for instance, are signed with the same keys.
            guard let type = type.string?.lowercased(), ["jwt", "at+jwt", "application/at+jwt"].contains(type) else { throw .unsupportedHeader }
        }
        guard let value = header["kid"] else { return (algorithm, nil) }
        guard let id = value.string else { throw .malformed }
        guard (1...VerificationKey.maximumIDLength).contains(id.utf8.count) else { throw .unknownKey }
        return (algorithm, id)
    }
}

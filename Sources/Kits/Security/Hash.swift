import CCrypto

/// Digests.
public enum Hash {
    /// SHA-256 (FIPS 180-4): 32 bytes.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { sha256($0) } }

    /// SHA-256 of a text's UTF-8.
    public static func sha256(_ text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { sha256(UnsafeRawBufferPointer($0)) }
    }

    private static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            if let start = digest.baseAddress { sha256(bytes, into: start) }
            count = 32
        }
    }

    /// Writes the 32 bytes of a digest.
    static func sha256(_ bytes: UnsafeRawBufferPointer, into digest: UnsafeMutablePointer<UInt8>) {
        precondition(EVP_Digest(bytes.baseAddress, bytes.count, digest, nil, LibCrypto.shared.sha256, nil) == 1, "libcrypto has no SHA-256")
    }
}

/// Whether two secrets are the same, in a time that tells nothing about where they differ. Their lengths are no secret.
public func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0 }

import Security

/// Secrets that are made here: 256 random bits each, so that their plain SHA-256 can be kept and says nothing about them. Only what people choose needs a slow hash.
enum Secrets {
    private static let count = 32

    /// A new one, in letters, digits, hyphens and underscores.
    static func make() -> String { SecureRandom.text(bytes: count) }

    /// What is kept of a secret.
    static func digest(_ secret: String) -> [UInt8] { Hash.sha256(secret) }

    /// Whether two digests are the same, in a time that does not depend on where they differ.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { constantTimeEqual(a, b) }

    /// What an unknown name's secret is compared with.
    static let nobodys = [UInt8](repeating: 0, count: count)
}

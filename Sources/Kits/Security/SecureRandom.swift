import CCrypto

/// Bytes that nobody can guess.
public enum SecureRandom {
    /// Random bytes of libcrypto's generator, which the operating system seeds.
    ///
    /// A process that has no randomness ends: keys and secrets made of anything else would be worse than none.
    /// - Parameter count: at most 64 KiB; a negative one gives none.
    public static func bytes(_ count: Int) -> [UInt8] {
        let count = min(max(0, count), 65_536)
        var bytes = [UInt8](repeating: 0, count: count)
        _ = LibCrypto.shared
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "the system has no randomness")
        return bytes
    }

    /// A secret in text that goes into headers and addresses as it is: base64url of so many random bytes.
    public static func text(bytes count: Int = 32) -> String { Base64URL.encode(bytes(count)) }
}

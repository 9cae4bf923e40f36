import CCrypto

/// OpenSSL's libcrypto, made ready once.
final class LibCrypto: @unchecked Sendable {
    static let shared = LibCrypto()

    /// SHA-256, looked up once: looking it up costs more than a short digest does. Immutable, and counted atomically by libcrypto.
    let sha256: OpaquePointer?

    private init() {
        // Without its handler at exit: threads that still verify when the process ends would find the library torn down.
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
        sha256 = EVP_MD_fetch(nil, "SHA256", nil)
    }

    /// Forgets what went wrong on this thread: libcrypto would tell it to the next one who asks, who may be somebody else.
    static func clearErrors() { ERR_clear_error() }
}

/// A key that is not fit for use, or a computation that libcrypto refused.
public struct UnusableKey: Error, Equatable, CustomStringConvertible {
    /// Why, in words without any part of the key.
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
    public var description: String { "the key cannot be used: \(reason)" }
}

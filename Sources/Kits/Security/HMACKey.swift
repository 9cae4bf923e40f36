import CCrypto

/// A key for HMAC with SHA-256 (RFC 2104), made ready once: a message then costs a fifth of what it costs from the bare key.
public struct HMACKey: Sendable {
    private let states: States

    /// A key of any length; those beyond 64 bytes are hashed first, as the RFC says.
    public init(_ key: [UInt8]) {
        var block = key.count > 64 ? Hash.sha256(key) : key
        block.append(contentsOf: repeatElement(0, count: 64 - block.count))
        states = States(inner: block.map { $0 ^ 0x36 }, outer: block.map { $0 ^ 0x5c })
    }

    /// The 32 bytes that only one who has the key can make for this message.
    public func code(for message: [UInt8]) -> [UInt8] { states.code(message) }

    /// Whether a code is the message's.
    public func isValid(_ code: [UInt8], for message: [UInt8]) -> Bool { constantTimeEqual(code, states.code(message)) }

    /// SHA-256 after the first block of the inner and of the outer digest. They are never changed, only copied; libcrypto counts what copies share atomically.
    private final class States: @unchecked Sendable {
        private let inner: OpaquePointer?
        private let outer: OpaquePointer?

        init(inner: [UInt8], outer: [UInt8]) { (self.inner, self.outer) = (States.begin(inner), States.begin(outer)) }

        deinit {
            EVP_MD_CTX_free(inner)
            EVP_MD_CTX_free(outer)
        }

        private static func begin(_ block: [UInt8]) -> OpaquePointer? {
            let state = EVP_MD_CTX_new()
            let isBegun = EVP_DigestInit_ex2(state, LibCrypto.shared.sha256, nil) == 1 && EVP_DigestUpdate(state, block, block.count) == 1
            precondition(isBegun, "libcrypto has no SHA-256")
            return state
        }

        func code(_ message: [UInt8]) -> [UInt8] {
            var code = [UInt8](repeating: 0, count: 32)
            let state = EVP_MD_CTX_new()
            defer { EVP_MD_CTX_free(state) }
            // A code that was not computed must not be taken for one: all zeros would be guessed by everybody.
            let isDone =
                EVP_MD_CTX_copy_ex(state, inner) == 1 && EVP_DigestUpdate(state, message, message.count) == 1 && EVP_DigestFinal_ex(state, &code, nil) == 1
                && EVP_MD_CTX_copy_ex(state, outer) == 1 && EVP_DigestUpdate(state, code, 32) == 1 && EVP_DigestFinal_ex(state, &code, nil) == 1
            precondition(isDone, "libcrypto has no memory for SHA-256")
            return code
        }
    }
}

/// HMAC with SHA-256 of one message. Who sends many with one key keeps an ``HMACKey``.
public func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] { HMACKey(key).code(for: message) }

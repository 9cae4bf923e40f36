import CCrypto

/// Passwords as they are kept: by scrypt (RFC 7914), which makes guessing dear, in the string format of PHC.
///
/// One password costs about 0.4 s of one processor and 32 MiB. They are computed one after the other on a thread of their own, and at most 32 wait for it: who
/// asks when it is full is refused, and not made to wait longer than he would.
public enum Passwords {
    /// The longest password, in bytes of UTF-8.
    public static let maximumLength = 1_024

    /// What a guess costs.
    public struct Cost: Sendable, Equatable {
        /// The binary logarithm of N: memory is 128 * r * N bytes.
        public let logN: Int
        public let r: Int
        /// How often the memory is filled, one time after the other.
        public let p: Int

        public init(logN: Int, r: Int, p: Int) { (self.logN, self.r, self.p) = (logN, r, p) }

        /// N = 2^15, r = 8, p = 3: one of the settings that OWASP's Password Storage Cheat Sheet takes for equal, and the one with the least memory that is not small.
        public static let standard = Cost(logN: 15, r: 8, p: 3)
        /// For tests: a hundredth of it, and no protection.
        public static let cheap = Cost(logN: 10, r: 8, p: 1)

        /// What is computed at all: a kept password from elsewhere must not take the memory of the process. At most 128 MiB.
        var isAcceptable: Bool { (1...17).contains(logN) && (1...8).contains(r) && (1...16).contains(p) && p << logN <= 1 << 18 }
        var memory: UInt64 { 128 * UInt64(r) * (UInt64(1) << UInt64(logN) + UInt64(p) + 2) + 65_536 }
    }

    /// Why a password was not computed. This says nothing about whether it is right.
    public enum Refusal: Error, Equatable, Sendable {
        /// Too many wait; a try a second later may succeed.
        case busy
        /// Empty, longer than ``maximumLength``, or with NUL in it.
        case unacceptable
        /// libcrypto has no memory for it.
        case failed
    }

    /// A password as it is kept.
    /// - Throws: ``Refusal``.
    public static func hash(_ password: String, cost: Cost = .standard) async throws(Refusal) -> String {
        try await hash(password, cost: cost, salt: SecureRandom.bytes(16), worker: .shared)
    }

    /// Whether a password is the one that is kept. One that is kept in no readable form is nobody's.
    /// - Parameter kept: what ``hash(_:cost:)`` gave. For a name that does not exist take ``decoy``, so that the answer takes as long as for one that does.
    /// - Throws: ``Refusal/busy`` or ``Refusal/failed``.
    public static func verify(_ password: String, against kept: String) async throws(Refusal) -> Bool {
        try await verify(password, against: kept, worker: .shared)
    }

    /// A kept password that no password is.
    public static let decoy = PasswordHash(cost: .standard, salt: SecureRandom.bytes(16), key: SecureRandom.bytes(32)).text

    static func hash(_ password: String, cost: Cost, salt: [UInt8], worker: PasswordWorker) async throws(Refusal) -> String {
        guard isAcceptable(password), cost.isAcceptable else { throw .unacceptable }
        guard let key = try await worker.run({ derive(Array(password.utf8), salt: salt, cost: cost, length: 32) }) else { throw .failed }
        return PasswordHash(cost: cost, salt: salt, key: key).text
    }

    static func verify(_ password: String, against kept: String, worker: PasswordWorker) async throws(Refusal) -> Bool {
        guard isAcceptable(password), let kept = PasswordHash(kept) else { return false }
        guard let key = try await worker.run({ derive(Array(password.utf8), salt: kept.salt, cost: kept.cost, length: kept.key.count) }) else { throw .failed }
        return constantTimeEqual(key, kept.key)
    }

    /// HMAC, on which scrypt stands, fills short keys up with zeros: a password with NUL at its end would be the one without.
    private static func isAcceptable(_ password: String) -> Bool { (1...maximumLength).contains(password.utf8.count) && !password.utf8.contains(0) }

    /// scrypt. Blocks the thread for as long as it takes.
    static func derive(_ password: [UInt8], salt: [UInt8], cost: Cost, length: Int) -> [UInt8]? {
        var key = [UInt8](repeating: 0, count: length)
        _ = LibCrypto.shared
        let isDone = password.withUnsafeBytes { bytes in
            EVP_PBE_scrypt(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, salt, salt.count, UInt64(1) << UInt64(cost.logN), UInt64(cost.r),
                UInt64(cost.p),
                cost.memory, &key, length) == 1
        }
        if !isDone { LibCrypto.clearErrors() }
        return isDone ? key : nil
    }
}

import Synchronization
import Wire

/// Tokens that were verified, by their digests: what is looked up is no secret, and takes as long for a token as for one that is nearly the same.
final class TokenCache: Sendable {
    /// A token's digest.
    struct Fingerprint: Hashable {
        private let words: (UInt64, UInt64, UInt64, UInt64)

        init(_ token: String) {
            var token = token
            words = token.withUTF8 { bytes in
                withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4) { buffer in
                    guard let start = buffer.baseAddress else { return (0, 0, 0, 0) }
                    buffer.initialize(repeating: 0)
                    start.withMemoryRebound(to: UInt8.self, capacity: 32) { Hash.sha256(UnsafeRawBufferPointer(bytes), into: $0) }
                    return (buffer[0], buffer[1], buffer[2], buffer[3])
                }
            }
        }

        static func == (a: Fingerprint, b: Fingerprint) -> Bool { a.words == b.words }
        /// A part of a digest is as good a hash as any, and nobody can choose it for many tokens: they would have to be signed.
        func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
    }

    private struct Entry {
        let claims: TokenClaims
        let keys: Int
    }

    /// Two generations: when the young one is full it becomes the old one, and what was old and not asked for since is forgotten.
    private struct State {
        var young: [Fingerprint: Entry] = [:]
        var old: [Fingerprint: Entry] = [:]
        var youngBytes = 0
    }

    private let state = Mutex(State())
    private let half: Int

    /// - Parameter capacity: the most tokens; they take a KiB each on the average at most.
    init(capacity: Int) { half = max(1, capacity / 2) }

    /// What was found in a token, if the keys are still those that verified it.
    func claims(_ fingerprint: Fingerprint, keys: Int) -> TokenClaims? {
        state.withLock { state in
            if let entry = state.young[fingerprint] { return entry.keys == keys ? entry.claims : nil }
            guard let entry = state.old.removeValue(forKey: fingerprint), entry.keys == keys else { return nil }
            insert(entry, fingerprint, bytes: 1_024, &state)
            return entry.claims
        }
    }

    /// - Parameter bytes: the token's length.
    func insert(_ claims: TokenClaims, _ fingerprint: Fingerprint, bytes: Int, keys: Int) {
        state.withLock { insert(Entry(claims: claims, keys: keys), fingerprint, bytes: bytes, &$0) }
    }

    func remove(_ fingerprint: Fingerprint) {
        state.withLock { state in
            state.young[fingerprint] = nil
            state.old[fingerprint] = nil
        }
    }

    /// How many tokens it knows.
    var count: Int { state.withLock { $0.young.count + $0.old.count } }

    private func insert(_ entry: Entry, _ fingerprint: Fingerprint, bytes: Int, _ state: inout State) {
        if state.young.count >= half || state.youngBytes >= half * 1_024 {
            state.old = state.young
            state.young = [:]
            state.youngBytes = 0
        }
        state.young[fingerprint] = entry
        state.youngBytes += bytes
    }
}

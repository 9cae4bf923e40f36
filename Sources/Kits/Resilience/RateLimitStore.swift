import Synchronization

/// Counters of rate limits: one bucket per key, wherever it is kept. What is decided is decided once, however many ask at the same time.
public protocol RateLimitStore: AnyObject, Sendable {
    /// Takes tokens of a key's bucket, all or none. Never throws and never waits for long: a store that cannot be asked is replaced by a local one.
    /// - Parameters:
    ///   - cost: how many tokens; 0 only looks.
    ///   - key: whose bucket. It should name the limit as well: a bucket knows nothing of another limit's units.
    ///   - now: milliseconds of one clock of the caller's, for stores that do not have one of their own.
    func take(_ cost: Int64, from key: String, limit: RateLimit, at now: Int64) async -> RateLimitDecision
}

/// Buckets in the memory of this process.
///
/// Memory is bounded: the buckets lie in two generations; when the younger one has its half of the keys, the older one, in which nobody has asked for a while, is
/// forgotten. A forgotten bucket is full again, so with more callers than the bound a limit is lenient, never strict.
public final class MemoryRateLimitStore: RateLimitStore {
    private struct State {
        var young: [String: RateLimitBucket] = [:]
        var old: [String: RateLimitBucket] = [:]
    }

    private let half: Int
    private let state = Mutex(State())

    /// - Parameter maximumKeys: how many buckets may be kept, at least 2; each takes about 150 bytes.
    public init(maximumKeys: Int = 200_000) { half = max(1, maximumKeys / 2) }

    /// How many buckets are kept; a gauge.
    public var count: Int { state.withLock { $0.young.count + $0.old.count } }

    public func take(_ cost: Int64, from key: String, limit: RateLimit, at now: Int64) async -> RateLimitDecision {
        state.withLock { state in
            var bucket = state.young[key] ?? state.old.removeValue(forKey: key) ?? RateLimitBucket(at: now)
            let decision = bucket.take(cost, limit: limit, at: now)
            if bucket.debt == 0 {
                state.young[key] = nil
            } else {
                if state.young.count >= half, state.young[key] == nil { (state.old, state.young) = (state.young, [:]) }
                state.young[key] = bucket
            }
            return decision
        }
    }
}

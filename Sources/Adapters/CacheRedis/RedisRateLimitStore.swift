import Resilience

/// Rate limits in Redis, which several processes share: one script per request takes the tokens or refuses, so that what is decided is decided once.
///
/// While Redis is away each process goes by buckets of its own, so with n processes a caller may have up to n times the limit; that is lenient, and nobody is
/// refused for Redis' sake. Buckets that Redis forgets are full again.
public final class RedisRateLimitStore: RateLimitStore {
    /// Whose clock pays tokens back.
    public enum Clock: Sendable {
        /// The server's: the processes' clocks need not agree. For production.
        case server
        /// The one that the caller passes: for callers that share a clock, and for tests.
        case caller
    }

    /// How long a bucket that is paid back stays, in milliseconds, so that what the clocks differ by does not empty it early.
    private static let grace: Int64 = 1_000
    private static let graceOfCallers: Int64 = 60_000

    private let client: RedisClient
    private let clock: Clock
    private let local: any RateLimitStore
    private let keyPrefix: String

    /// - Parameters:
    ///   - client: not closed here; it may be shared with a cache.
    ///   - local: decides while Redis is away.
    public init(_ client: RedisClient, clock: Clock = .server, local: any RateLimitStore = MemoryRateLimitStore()) {
        (self.client, self.clock, self.local) = (client, clock, local)
        keyPrefix = "\(client.configuration.prefix)limit:"
    }

    public func take(_ cost: Int64, from key: String, limit: RateLimit, at now: Int64) async -> RateLimitDecision {
        let (time, grace) = clock == .server ? (-1, RedisRateLimitStore.grace) : (max(0, now), RedisRateLimitStore.graceOfCallers)
        let arguments: [RedisArgument] = [limit.tokens, limit.perMilliseconds, limit.burst, max(0, cost), time, grace].map { .integer($0) }
        let command = RedisCommand.script(.take, keys: [.text(keyPrefix + key)], arguments: arguments)
        guard let replies = try? await client.send([command]), let decision = replies.first.flatMap(RedisRateLimitStore.decision) else {
            return await local.take(cost, from: key, limit: limit, at: now)
        }
        return decision
    }

    private static func decision(_ reply: RedisReply) -> RateLimitDecision? {
        guard let numbers = reply.elements?.compactMap(\.number), numbers.count == 4 else { return nil }
        return RateLimitDecision(
            isAllowed: numbers[0] == 1, remaining: numbers[1], resetAfterMilliseconds: numbers[2], retryAfterMilliseconds: numbers[3] < 0 ? nil : numbers[3])
    }
}

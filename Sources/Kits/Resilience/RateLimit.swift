/// How much one caller may ask for: a steady rate, and how much at once.
public struct RateLimit: Sendable, Equatable, Hashable {
    /// The largest rate and burst: with them every product below stays exact, in 64 bits as well as in the floating-point numbers that scripts of Redis count with.
    public static let maximum: Int64 = 1_000_000

    /// How many tokens come back per ``perMilliseconds``.
    public let tokens: Int64
    /// The period, in milliseconds.
    public let perMilliseconds: Int64
    /// How many tokens a caller who has asked for nothing lately may take at once.
    public let burst: Int64

    /// - Parameters:
    ///   - tokens: from 1 to a million; what lies outside counts as the nearest.
    ///   - perMilliseconds: from 1 to a day.
    ///   - burst: from 1 to a million; nil for as many as `tokens`.
    public init(tokens: Int64, perMilliseconds: Int64, burst: Int64? = nil) {
        self.tokens = min(max(tokens, 1), RateLimit.maximum)
        self.perMilliseconds = min(max(perMilliseconds, 1), 86_400_000)
        self.burst = min(max(burst ?? tokens, 1), RateLimit.maximum)
    }
}

/// The answer to "may I?".
public struct RateLimitDecision: Sendable, Equatable {
    /// Whether the tokens were taken. If not, none were.
    public let isAllowed: Bool
    /// How many tokens are left.
    public let remaining: Int64
    /// When all tokens will be back if nobody takes any, in milliseconds from now.
    public let resetAfterMilliseconds: Int64
    /// When the refused request would be allowed, in milliseconds from now; nil for one that was allowed, and for one that wants more than a whole burst, which
    /// never will be.
    public let retryAfterMilliseconds: Int64?

    public init(isAllowed: Bool, remaining: Int64, resetAfterMilliseconds: Int64, retryAfterMilliseconds: Int64?) {
        (self.isAllowed, self.remaining) = (isAllowed, remaining)
        (self.resetAfterMilliseconds, self.retryAfterMilliseconds) = (resetAfterMilliseconds, retryAfterMilliseconds)
    }
}

/// One caller's bucket: how much of it has been taken and has not come back.
///
/// It is the token bucket, which is the same as GCRA (ITU-T I.371, the generic cell rate algorithm), counted the other way round so that nothing is rounded: the
/// bucket holds a debt. A token costs ``RateLimit/perMilliseconds`` units, a millisecond pays ``RateLimit/tokens`` of them back, and a debt of
/// `burst * perMilliseconds` is as high as it may become. The scripts of the Redis store do the same arithmetic.
///
/// This is a value with no clock or lock of its own: the caller passes the time (milliseconds of one clock) into every call. A time that goes back reads as a clock
/// that stands still.
public struct RateLimitBucket: Sendable, Equatable {
    /// What is owed, as of ``at``.
    public private(set) var debt: Int64 = 0
    /// The moment of the last call, in milliseconds.
    public private(set) var at: Int64

    /// A full bucket.
    public init(at now: Int64) { at = now }

    /// Takes tokens, all or none.
    /// - Parameter cost: how many; 0 only looks, negative numbers count as 0.
    public mutating func take(_ cost: Int64, limit: RateLimit, at now: Int64) -> RateLimitDecision {
        payBack(limit, until: now)
        let highest = limit.burst * limit.perMilliseconds
        // A limit that was lowered since does not leave a caller with a debt beyond what it allows.
        debt = min(debt, highest)
        let cost = max(cost, 0)
        guard cost <= limit.burst else { return decision(false, limit, retryAfter: nil) }
        let excess = debt + cost * limit.perMilliseconds - highest
        guard excess <= 0 else { return decision(false, limit, retryAfter: RateLimitBucket.divide(excess, limit.tokens)) }
        debt += cost * limit.perMilliseconds
        return decision(true, limit, retryAfter: nil)
    }

    private mutating func payBack(_ limit: RateLimit, until now: Int64) {
        guard now > at else { return }
        let (difference, overflow) = now.subtractingReportingOverflow(at)
        // Compared before it is multiplied: the product of a long pause would overflow.
        if overflow || difference >= RateLimitBucket.divide(debt, limit.tokens) { debt = 0 } else { debt -= difference * limit.tokens }
        at = now
    }

    private func decision(_ isAllowed: Bool, _ limit: RateLimit, retryAfter: Int64?) -> RateLimitDecision {
        RateLimitDecision(
            isAllowed: isAllowed, remaining: (limit.burst * limit.perMilliseconds - debt) / limit.perMilliseconds,
            resetAfterMilliseconds: RateLimitBucket.divide(debt, limit.tokens), retryAfterMilliseconds: retryAfter)
    }

    /// Rounds up: a millisecond too early is refused again.
    private static func divide(_ a: Int64, _ b: Int64) -> Int64 { (a + b - 1) / b }
}

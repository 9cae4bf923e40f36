/// How long and how often a request is tried again when the server is away, busy, or still working on the same key.
///
/// Only for requests that may be repeated: those with an `Idempotency-Key`, and reads.
public struct RetryPolicy: Sendable {
    /// The first pause; each later one is twice as long, up to ``longestPause``.
    public static let shortestPause: Duration = .milliseconds(50)
    /// The longest pause; what a server asks to wait counts for no more either.
    public static let longestPause: Duration = .seconds(2)

    /// The time after which the last error is thrown; zero tries once.
    public let limit: Duration
    /// Told of each failure that is followed by another attempt.
    public let onRetry: @Sendable (any Error) -> Void

    /// Tries again for so long.
    public init(limit: Duration, onRetry: @escaping @Sendable (any Error) -> Void = { _ in }) { (self.limit, self.onRetry) = (limit, onRetry) }

    /// One attempt.
    public static let once = RetryPolicy(limit: .zero)

    /// The count of attempts of one request.
    struct Attempts {
        private let begin: ContinuousClock.Instant
        private let limit: Duration
        private var failed = 0

        init(_ policy: RetryPolicy, now: ContinuousClock.Instant = .now) { (begin, limit) = (now, policy.limit) }

        /// The pause before the next attempt, or nil when the time is over.
        ///
        /// "Full jitter": anything between nothing and the exponential bound, so that many clients of a server that comes back do not come all at once.
        mutating func pause(
            atLeast minimum: Duration? = nil, now: ContinuousClock.Instant = .now, using random: inout some RandomNumberGenerator
        ) -> Duration? {
            guard now - begin < limit else { return nil }
            let bound = min(RetryPolicy.shortestPause * (1 << min(failed, 10)), RetryPolicy.longestPause)
            failed += 1
            let jittered = bound * Double.random(in: 0.1...1, using: &random)
            return max(jittered, min(minimum ?? .zero, RetryPolicy.longestPause))
        }
    }
}

extension ClientError {
    /// Whether the same request may well succeed a moment later: the server is away or overloaded, not misunderstood.
    public var isTransient: Bool {
        switch self {
        case .cannotConnect, .timedOut, .connectionClosed, .tooManyWaiting: true
        case .unexpectedStatus(let status, _): [429, 502, 503, 504].contains(status)
        case .invalidURL, .invalidRequest, .notSecure, .tooLarge, .malformedResponse, .shutDown: false
        }
    }
}

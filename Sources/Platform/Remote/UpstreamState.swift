import Resilience

/// What an ``UpstreamPool`` knows and counts: a value, so that everything is decided under one lock and nothing is done there.
struct UpstreamState: Sendable {
    var balancer: InstanceBalancer
    var budget: RetryBudget
    /// Nil for none.
    var breaker: CircuitBreaker?

    /// Totals since the start, for the metrics.
    private(set) var requests = 0
    private(set) var failures = 0
    private(set) var retries = 0
    /// Retries that the budget did not allow.
    private(set) var unretried = 0
    /// Requests that the open breaker refused.
    private(set) var refused = 0

    /// Lets a request in.
    /// - Returns: after how many seconds to come again, when the breaker is open.
    mutating func begin(at now: Int64) -> Int? {
        if case .refused(let milliseconds)? = breaker?.admission(at: now) {
            refused += 1
            return Int(max(1, min((milliseconds + 999) / 1_000, 3_600)))
        }
        requests += 1
        budget.recordRequest(at: now)
        return nil
    }

    /// Decides whether an attempt that brought nothing is followed by another one.
    mutating func mayRepeat(_ verdict: UpstreamVerdict, isRepeatable: Bool, at now: Int64) -> Bool {
        guard verdict.repetition == .always || verdict.repetition == .ifRepeatable && isRepeatable else { return false }
        // An only instance that is busy is not less busy a moment later.
        if verdict.instance == .busy, balancer.count == 1 { return false }
        guard budget.takeRetry(at: now) else {
            unretried += 1
            return false
        }
        retries += 1
        return true
    }

    /// Notes how a request ended, after all its attempts.
    mutating func finish(_ verdict: UpstreamVerdict, begunAt begun: Int64, at now: Int64) {
        switch verdict.service {
        case .answers: breaker?.recordSuccess(at: now, begunAt: begun)
        case .fails:
            failures += 1
            breaker?.recordFailure(at: now, begunAt: begun)
        case .unknown: abandon(begunAt: begun, at: now)
        }
    }

    /// Notes that a request ended and nobody knows how.
    mutating func abandon(begunAt begun: Int64, at now: Int64) { breaker?.recordUnknown(at: now, begunAt: begun) }
}

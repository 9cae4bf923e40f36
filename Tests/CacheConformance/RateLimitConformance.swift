import Resilience
import Testing

/// What the port of rate limits promises, as checks that every store's tests run against their own. The stores go by the caller's clock here, so that what comes
/// back is exact.
public enum RateLimitConformance: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case burst = "a burst is allowed and no more"
    case refill = "tokens come back one by one, exactly when they are due"
    case oddRates = "a rate that is no whole number of milliseconds loses nothing"
    case costs = "a request may cost several tokens, and takes all or none"
    case looking = "looking costs nothing"
    case never = "more than a burst is never allowed, and no time is named"
    case keys = "keys do not share tokens"
    case clocks = "a time that goes back reads as a clock that stands still"
    case pauses = "a long pause fills the bucket and no more"
    case concurrency = "fifty who ask at once get exactly the burst"

    public var testDescription: String { rawValue }

    /// Runs the check on an empty store.
    public func check(_ store: any RateLimitStore) async throws {
        switch self {
        case .burst: await burst(store)
        case .refill: await refill(store)
        case .oddRates: await oddRates(store)
        case .costs: await costs(store)
        case .looking: await looking(store)
        case .never: await never(store)
        case .keys: await keys(store)
        case .clocks: await clocks(store)
        case .pauses: await pauses(store)
        case .concurrency: await concurrency(store)
        }
    }

    private static let start: Int64 = 1_763_730_000_000
    private var start: Int64 { RateLimitConformance.start }

    private func burst(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 10, perMilliseconds: 1000, burst: 3)
        for remaining in [2, 1, 0] as [Int64] {
            let decision = await store.take(1, from: "a", limit: limit, at: start)
            #expect(
                decision == RateLimitDecision(isAllowed: true, remaining: remaining, resetAfterMilliseconds: (3 - remaining) * 100, retryAfterMilliseconds: nil)
            )
        }
        for _ in 0..<3 {
            let decision = await store.take(1, from: "a", limit: limit, at: start)
            #expect(decision == RateLimitDecision(isAllowed: false, remaining: 0, resetAfterMilliseconds: 300, retryAfterMilliseconds: 100))
        }
    }

    private func refill(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 10, perMilliseconds: 1000, burst: 3)
        for _ in 0..<3 { _ = await store.take(1, from: "a", limit: limit, at: start) }
        let early = await store.take(1, from: "a", limit: limit, at: start + 99)
        #expect(early == RateLimitDecision(isAllowed: false, remaining: 0, resetAfterMilliseconds: 201, retryAfterMilliseconds: 1))
        #expect(await store.take(1, from: "a", limit: limit, at: start + 100).isAllowed)
        #expect(await store.take(1, from: "a", limit: limit, at: start + 100).retryAfterMilliseconds == 100)
        #expect(await store.take(1, from: "a", limit: limit, at: start + 299).isAllowed)
        #expect(await !store.take(1, from: "a", limit: limit, at: start + 299).isAllowed)
        // In the long run exactly the rate, whoever asks however often.
        var allowed = 0
        for step in 0...10_000 where await store.take(1, from: "b", limit: limit, at: start + Int64(step)).isAllowed { allowed += 1 }
        #expect(allowed == 3 + 100)
    }

    private func oddRates(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 7, perMilliseconds: 1000, burst: 1)
        var moments: [Int64] = []
        for step in 0...1000 where await store.take(1, from: "a", limit: limit, at: start + Int64(step)).isAllowed { moments.append(Int64(step)) }
        #expect(moments == [0, 143, 286, 429, 572, 715, 858])
        // Asked when it was told to, a caller gets seven a second as well.
        var (now, count) = (start, 0)
        while now <= start + 10_000 {
            let decision = await store.take(1, from: "b", limit: RateLimit(tokens: 7, perMilliseconds: 1000, burst: 2), at: now)
            if decision.isAllowed { count += 1 } else { now += decision.retryAfterMilliseconds ?? 1_000_000 }
        }
        #expect(count == 72)
    }

    private func costs(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 1, perMilliseconds: 10, burst: 10)
        #expect(await store.take(7, from: "a", limit: limit, at: start).remaining == 3)
        let refused = await store.take(4, from: "a", limit: limit, at: start)
        #expect(refused == RateLimitDecision(isAllowed: false, remaining: 3, resetAfterMilliseconds: 70, retryAfterMilliseconds: 10))
        #expect(await store.take(3, from: "a", limit: limit, at: start).isAllowed)
        #expect(await store.take(10, from: "a", limit: limit, at: start + 99).retryAfterMilliseconds == 1)
        #expect(await store.take(10, from: "a", limit: limit, at: start + 100).isAllowed)
    }

    private func looking(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 1, perMilliseconds: 1000, burst: 2)
        for cost in [0, 0, -5, .min] as [Int64] { #expect(await store.take(cost, from: "a", limit: limit, at: start).remaining == 2) }
        _ = await store.take(2, from: "a", limit: limit, at: start)
        let look = await store.take(0, from: "a", limit: limit, at: start + 500)
        #expect(look == RateLimitDecision(isAllowed: true, remaining: 0, resetAfterMilliseconds: 1500, retryAfterMilliseconds: nil))
    }

    private func never(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 5, perMilliseconds: 1000, burst: 5)
        for cost in [6, 1_000_001, .max] as [Int64] {
            let decision = await store.take(cost, from: "a", limit: limit, at: start)
            #expect(decision == RateLimitDecision(isAllowed: false, remaining: 5, resetAfterMilliseconds: 0, retryAfterMilliseconds: nil))
        }
        #expect(await store.take(5, from: "a", limit: limit, at: start).isAllowed)
    }

    private func keys(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 1, perMilliseconds: 1000, burst: 1)
        for key in ["a", "b", "", "a b", "ü\r\n"] {
            #expect(await store.take(1, from: key, limit: limit, at: start).isAllowed, "\(key)")
            #expect(await !store.take(1, from: key, limit: limit, at: start).isAllowed, "\(key)")
        }
    }

    private func clocks(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 1, perMilliseconds: 100, burst: 2)
        _ = await store.take(2, from: "a", limit: limit, at: start)
        #expect(await store.take(1, from: "a", limit: limit, at: start - 3_600_000).retryAfterMilliseconds == 100)
        #expect(await store.take(1, from: "a", limit: limit, at: start + 100).isAllowed)
        #expect(await !store.take(1, from: "a", limit: limit, at: start).isAllowed)
        #expect(await store.take(1, from: "a", limit: limit, at: start + 200).isAllowed)
    }

    private func pauses(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: RateLimit.maximum, perMilliseconds: 86_400_000, burst: RateLimit.maximum)
        #expect(await store.take(RateLimit.maximum, from: "a", limit: limit, at: start).isAllowed)
        #expect(await store.take(1, from: "a", limit: limit, at: start).retryAfterMilliseconds == 87)
        #expect(await store.take(RateLimit.maximum, from: "a", limit: limit, at: 1 << 52).isAllowed)
        #expect(await !store.take(1, from: "a", limit: limit, at: 1 << 52).isAllowed)
    }

    private func concurrency(_ store: any RateLimitStore) async {
        let limit = RateLimit(tokens: 1, perMilliseconds: 3_600_000, burst: 20)
        let now = start
        let allowed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await store.take(1, from: "a", limit: limit, at: now).isAllowed } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(allowed == 20)
    }
}

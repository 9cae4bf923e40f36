import CacheConformance
import Resilience
import Testing

@Suite("Rate limits")
struct RateLimitTests {
    @Test("the store in memory keeps what the port promises", arguments: RateLimitConformance.allCases)
    func conforms(_ promise: RateLimitConformance) async throws { try await promise.check(MemoryRateLimitStore()) }

    @Test("limits that make no sense count as the nearest that do")
    func limits() {
        #expect(RateLimit(tokens: 0, perMilliseconds: -1, burst: 0) == RateLimit(tokens: 1, perMilliseconds: 1, burst: 1))
        #expect(RateLimit(tokens: .max, perMilliseconds: .max, burst: .max) == RateLimit(tokens: 1_000_000, perMilliseconds: 86_400_000, burst: 1_000_000))
        #expect(RateLimit(tokens: 20, perMilliseconds: 1000).burst == 20)
    }

    @Test("no time and no cost traps", arguments: [Int64.min, -1, 0, 1, .max])
    func extremes(now: Int64) {
        for limit in [
            RateLimit(tokens: 1, perMilliseconds: 1), RateLimit(tokens: .max, perMilliseconds: .max, burst: .max), RateLimit(tokens: 1, perMilliseconds: .max),
        ] {
            for start in [Int64.min, 0, .max] {
                var bucket = RateLimitBucket(at: start)
                for cost in [Int64.min, 0, 1, 1_000_000, .max] {
                    for time in [now, .max, .min, 0] {
                        let decision = bucket.take(cost, limit: limit, at: time)
                        #expect((0...limit.burst).contains(decision.remaining))
                        #expect(decision.resetAfterMilliseconds >= 0)
                        #expect(decision.retryAfterMilliseconds ?? 1 > 0)
                    }
                }
            }
        }
    }

    @Test("the bucket does what a bucket of exact fractions would do")
    func model() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let limit = RateLimit(
                tokens: .random(in: 1...50, using: &random), perMilliseconds: .random(in: 1...1000, using: &random), burst: .random(in: 1...20, using: &random))
            var bucket = RateLimitBucket(at: 0)
            // Tokens in parts of perMilliseconds, filled up millisecond by millisecond.
            var (parts, now) = (limit.burst * limit.perMilliseconds, Int64(0))
            for _ in 0..<100 {
                for _ in 0..<Int64.random(in: 0...30, using: &random) {
                    now += 1
                    parts = min(limit.burst * limit.perMilliseconds, parts + limit.tokens)
                }
                let cost = Int64.random(in: 0...4, using: &random)
                let isAllowed = cost <= limit.burst && cost * limit.perMilliseconds <= parts
                if isAllowed { parts -= cost * limit.perMilliseconds }
                let decision = bucket.take(cost, limit: limit, at: now)
                #expect(decision.isAllowed == isAllowed)
                #expect(decision.remaining == parts / limit.perMilliseconds)
                if let retry = decision.retryAfterMilliseconds {
                    #expect(parts + retry * limit.tokens >= cost * limit.perMilliseconds, "told to come back too early")
                    #expect(parts + (retry - 1) * limit.tokens < cost * limit.perMilliseconds, "told to come back too late")
                }
            }
        }
    }

    @Test("a limit that is lowered does not punish for what the old one allowed")
    func lowered() {
        var bucket = RateLimitBucket(at: 0)
        _ = bucket.take(1000, limit: RateLimit(tokens: 1000, perMilliseconds: 1000), at: 0)
        let decision = bucket.take(1, limit: RateLimit(tokens: 1, perMilliseconds: 1000, burst: 1), at: 0)
        #expect(decision.retryAfterMilliseconds == 1000)
    }

    @Test("the memory has a bound; those who asked lately are remembered, and full buckets are not kept")
    func bounded() async {
        let store = MemoryRateLimitStore(maximumKeys: 100)
        let limit = RateLimit(tokens: 1, perMilliseconds: 3_600_000, burst: 1)
        for index in 0..<10_000 {
            #expect(await store.take(1, from: "\(index)", limit: limit, at: 0).isAllowed)
            #expect(await !store.take(1, from: "\(max(0, index - 20))", limit: limit, at: 0).isAllowed)
            #expect(store.count <= 100)
        }
        let empty = MemoryRateLimitStore()
        for index in 0..<100 { _ = await empty.take(0, from: "\(index)", limit: limit, at: 0) }
        #expect(empty.count == 0)
    }
}

import CacheConformance
import CacheRedis
import Resilience
import Testing

@Suite("Redis as a cache and a keeper of rate limits", .timeLimit(.minutes(10)), .enabled(if: RedisServer.isWanted, RedisServer.hint))
struct RedisConformanceTests {
    @Test("keeps what the port of caches promises", arguments: CacheConformance.allCases)
    func cache(_ promise: CacheConformance) async throws {
        try await promise.check { policy in Redis.subject(try await Redis.client(try await Redis.shared()), policy: policy) }
    }

    @Test("keeps what the port of rate limits promises", arguments: RateLimitConformance.allCases)
    func limits(_ promise: RateLimitConformance) async throws {
        let client = try await Redis.client(try await Redis.shared())
        try await promise.check(RedisRateLimitStore(client, clock: .caller))
        await client.close()
    }

    @Test("fifty who ask two processes at once get exactly the burst, by the server's clock")
    func twoProcesses() async throws {
        let configuration = try await Redis.shared()
        let clients = [try await Redis.client(configuration), try await Redis.client(configuration)]
        let stores = clients.map { RedisRateLimitStore($0) }
        let limit = RateLimit(tokens: 1, perMilliseconds: 3_600_000, burst: 20)
        let decisions = await withTaskGroup(of: RateLimitDecision.self) { group in
            // The callers' clocks are far apart, which the server's does not care for.
            for index in 0..<50 { group.addTask { await stores[index % 2].take(1, from: "a", limit: limit, at: Int64(index) * 1_000_000_000) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(decisions.count { $0.isAllowed } == 20)
        #expect(decisions.filter { !$0.isAllowed }.allSatisfy { (3_590_000...3_600_000).contains($0.retryAfterMilliseconds ?? 0) })
        for client in clients { await client.close() }
    }

    @Test("tokens come back by the server's clock")
    func refill() async throws {
        let client = try await Redis.client(try await Redis.shared())
        let store = RedisRateLimitStore(client)
        let limit = RateLimit(tokens: 10, perMilliseconds: 1000, burst: 1)
        // Two calls within a tenth of a second: not every time on a busy machine.
        try await eventually("a second call is refused") {
            _ = await store.take(1, from: "a", limit: limit, at: 0)
            return await !store.take(1, from: "a", limit: limit, at: 0).isAllowed
        }
        try await eventually("the token is back") { await store.take(1, from: "a", limit: limit, at: 0).isAllowed }
        await client.close()
    }
}

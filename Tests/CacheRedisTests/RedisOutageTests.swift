import CacheConformance
import Resilience
import Storage
import Synchronization
import Testing

@testable import CacheRedis

/// Redis down or slow means slower, never wrong and never an error.
@Suite("Redis that is away", .serialized, .timeLimit(.minutes(10)), .enabled(if: RedisServer.isWanted, RedisServer.hint))
struct RedisOutageTests {
    /// What a lookup may take at the longest: a wait for its turn and a round trip of 50 ms each, and what a busy machine adds.
    private static let bound: Duration = .milliseconds(2 * 50 + 900)

    private static let policy: CachePolicy = {
        var policy = CachePolicy()
        policy.maximumStaleness = .milliseconds(300)
        return policy
    }()

    /// With the patience of production.
    private func impatientClient(_ server: RedisServer) async throws -> RedisClient {
        var configuration = server.configuration
        configuration.replyTimeout = RedisConfiguration().replyTimeout
        return try await Redis.client(configuration)
    }

    @Test("a server that is killed and started again: no stale answer, no error, and hits again")
    func killed() async throws {
        let server = try RedisServer()
        try await server.start()
        let client = try await impatientClient(server)
        let subject = Redis.subject(client, policy: RedisOutageTests.policy)
        let probe = LookupProbe(client)
        let outcome = try await CacheRace(staleness: .milliseconds(300), rounds: 50, time: .milliseconds(500)).run(subject) {
            for _ in 0..<3 {
                try await hits(subject.cache)
                server.kill()
                try await eventually("the client knows") { client.isAway }
                #expect(await subject.cache.get("a") == .away)
                try await server.start()
                try await eventually("the client is back") { !client.isAway }
            }
            try await hits(subject.cache)
        }
        #expect(outcome.away > 0)
        #expect(probe.end() < RedisOutageTests.bound)
        await subject.cache.close()
    }

    @Test("a server that stands still delays no read beyond the bound, and its late deeds make nobody wrong")
    func stopped() async throws {
        let server = try RedisServer()
        try await server.start()
        let client = try await impatientClient(server)
        let subject = Redis.subject(client, policy: RedisOutageTests.policy)
        let probe = LookupProbe(client)
        let outcome = try await CacheRace(staleness: .milliseconds(300), rounds: 50, time: .milliseconds(500)).run(subject) {
            for _ in 0..<3 {
                try await hits(subject.cache)
                server.pause()
                try await eventually("the client knows") { client.isAway }
                let (away, probes) = (subject.cache.statistics.away, probe.count)
                try await eventually("readers go on") { subject.cache.statistics.away > away + 100 && probe.count > probes + 100 }
                server.resume()
                try await eventually("the client is back") { !client.isAway }
            }
            try await hits(subject.cache)
        }
        #expect(outcome.away > 0)
        #expect(probe.end() < RedisOutageTests.bound)
        await subject.cache.close()
    }

    @Test("a server that forgets everything, again and again")
    func flushed() async throws {
        let server = try RedisServer()
        try await server.start()
        let subject = Redis.subject(try await Redis.client(server.configuration), policy: RedisOutageTests.policy)
        let outcome = try await CacheRace(staleness: .milliseconds(300), rounds: 50, time: .milliseconds(500)).run(subject) {
            for _ in 0..<20 {
                try server.send("FLUSHALL")
                try server.send("SCRIPT", "FLUSH")
                try await hits(subject.cache, 20)
            }
        }
        #expect(outcome.away == 0)
        #expect(subject.cache.statistics.failures == 0)
        await subject.cache.close()
    }

    @Test("a writer that cannot reach Redis leaves other processes behind for the staleness, and no longer")
    func halfReachable() async throws {
        let server = try RedisServer()
        try await server.start()
        let reader = Redis.subject(try await Redis.client(server.configuration), policy: RedisOutageTests.policy)
        // Nobody listens at the writer's port.
        var elsewhere = server.configuration
        elsewhere.port = 1
        let writer = RedisCache(RedisClient(elsewhere, logger: Redis.quiet), name: "test", policy: RedisOutageTests.policy)
        let ticket = try await reader.store("order", 6)
        writer.invalidate([CacheFloor(key: "order", version: 7)])
        try await eventually("the old version is no answer any more") {
            let lookup = await reader.cache.get("order")
            guard lookup.isFresh, let moment = lookup.ticket?.moment else { return lookup.ticket != nil }
            #expect(moment - ticket.moment < 300)
            return false
        }
        #expect(await reader.cache.get("order").entry?.version == 6)
        #expect(await writer.get("order") == .away)
        await writer.close()
        await reader.cache.close()
    }

    @Test("what is to be invalidated waits for a server that stands still for a moment")
    func keptInvalidation() async throws {
        let server = try RedisServer()
        try await server.start()
        var policy = CachePolicy()
        policy.maximumStaleness = .seconds(60)
        let client = try await Redis.client(server.configuration)
        let subject = Redis.subject(client, policy: policy)
        let ticket = try await #require(subject.cache.get("a").ticket)
        subject.cache.put("a", CacheEntry(version: 1, bytes: [1]), ticket: ticket)
        try await subject.settle()
        server.pause()
        subject.cache.invalidate([CacheFloor(key: "a", version: 2)])
        try await eventually("the client gives up") { client.isAway }
        subject.cache.put("b", CacheEntry(version: 1, bytes: [1]), ticket: ticket)
        #expect(subject.cache.statistics.dropped == 1)
        server.resume()
        try await eventually("the client is back") { !client.isAway }
        try await eventually("the entry is gone") {
            let lookup = await subject.cache.get("a")
            return lookup.ticket != nil && lookup.entry == nil
        }
        await subject.cache.close()
    }

    @Test("closing comes to an end, whether Redis is there, stands still or is gone", arguments: ["there", "standing still", "gone"])
    func closing(_ state: String) async throws {
        let server = try RedisServer()
        try await server.start()
        let client = try await Redis.client(server.configuration)
        let cache = RedisCache(client, name: "test")
        if state == "standing still" { server.pause() }
        if state == "gone" { server.kill() }
        cache.invalidate((0..<1000).map { CacheFloor(key: "\($0)", version: 1) })
        let begin = ContinuousClock.now
        await cache.close()
        #expect(ContinuousClock.now - begin < .seconds(60))
        #expect(client.connections == 0)
        #expect(client.isIdle)
        #expect(await cache.get("a") == .away)
        server.resume()
    }

    @Test("a client that nobody holds any more ends its threads")
    func forgotten() async throws {
        let server = try RedisServer()
        try await server.start()
        var client: RedisClient? = try await Redis.client(server.configuration)
        @Sendable func clients() throws -> Int { try server.send("CLIENT", "LIST").text?.split(separator: "\n").count { $0.contains("name=waybill") } ?? 0 }
        // The one that asks is one of them.
        #expect(try clients() == 3)
        #expect(client?.isAway == false)
        client = nil
        try await eventually("the connections are closed") { try clients() == 1 }
    }

    @Test("while Redis is away each process goes by buckets of its own")
    func limits() async throws {
        let server = try RedisServer()
        try await server.start()
        let client = try await Redis.client(server.configuration)
        let store = RedisRateLimitStore(client)
        let limit = RateLimit(tokens: 1, perMilliseconds: 3_600_000, burst: 2)
        for isAllowed in [true, true, false] { #expect(await store.take(1, from: "a", limit: limit, at: 0).isAllowed == isAllowed) }
        server.kill()
        try await eventually("the client knows") {
            _ = await store.take(0, from: "other", limit: limit, at: 0)
            return client.isAway
        }
        for isAllowed in [true, true, false, false] { #expect(await store.take(1, from: "a", limit: limit, at: 0).isAllowed == isAllowed) }
        try await server.start()
        try await Redis.connected(client)
        #expect(await store.take(1, from: "a", limit: limit, at: 0).isAllowed)
        await client.close()
    }

    /// Waits until a cache has been of use for a while.
    private func hits(_ cache: any VersionedCache, _ count: Int = 100) async throws {
        let before = cache.statistics.hits
        try await eventually("there are hits") { cache.statistics.hits >= before + count }
    }
}

import CacheConformance
import CacheRedis
import Gateway
import Testing
import Web

/// Two entries before one platform, which count their callers' requests in one Redis.
@Suite("Two gateways with one Redis", .timeLimit(.minutes(2)), .enabled(if: RedisServer.isWanted, RedisServer.hint))
struct SharedLimitsTests {
    private let alice = Principal(subject: "alice", roles: [.customer])

    private func limits(_ client: RedisClient) -> RequestLimits {
        var configuration = RequestLimits.Configuration()
        (configuration.heavyPerMinute, configuration.refusalsPerMinute) = (6, 4)
        return RequestLimits(configuration, store: RedisRateLimitStore(client))
    }

    /// How many of so many requests are let in, by the gateways in turn, all at once.
    private func admitted(_ count: Int, by gateways: [RequestLimits]) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<count {
                group.addTask { (try? await gateways[number % gateways.count].admit(.heavy, alice, address: nil)) != nil }
            }
            return await group.reduce(into: 0) { if $1 { $0 += 1 } }
        }
    }

    @Test("let a caller in as often together as one would, and credentials be tried as often")
    func together() async throws {
        let server = try RedisServer()
        try await server.start()
        // One configuration: the processes of a platform have one prefix.
        let configuration = server.configuration
        let clients = [try await Redis.client(configuration), try await Redis.client(configuration)]
        let gateways = clients.map(limits)
        #expect(await admitted(40, by: gateways) == 6)
        var refused = 0
        for number in 0..<10 {
            if await gateways[number % 2].refusal(address: IPAddress("192.0.2.1")) != nil { refused += 1 }
        }
        #expect(refused == 6)
        for client in clients { await client.close() }
    }

    @Test("go each by buckets of their own while Redis is away, and refuse nobody for its sake")
    func away() async throws {
        let server = try RedisServer()
        try await server.start()
        let configuration = server.configuration
        let clients = [try await Redis.client(configuration), try await Redis.client(configuration)]
        let gateways = clients.map(limits)
        #expect(await admitted(10, by: gateways) == 6)
        server.kill()
        try await eventually("both know") {
            for gateway in gateways { _ = try? await gateway.admit(.read, alice, address: nil) }
            return clients.allSatisfy(\.isAway)
        }
        #expect(await admitted(40, by: gateways) == 12)
        for client in clients { await client.close() }
    }
}

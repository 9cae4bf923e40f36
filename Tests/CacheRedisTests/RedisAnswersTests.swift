import CacheConformance
import Storage
import Testing

@testable import CacheRedis

/// Answers that nobody expects are errors of the cache, never traps.
@Suite("Answers of Redis", .timeLimit(.minutes(10)))
struct RedisAnswersTests {
    @Test(
        "keys that hold something else are misses or failures, and can be overwritten where they are texts",
        .enabled(if: RedisServer.isWanted, RedisServer.hint))
    func foreignKeys() async throws {
        let configuration = try await Redis.shared()
        let subject = Redis.subject(try await Redis.client(configuration))
        let connection = try RedisConnection(configuration)
        func set(_ words: RedisArgument...) throws { _ = try connection.send(.plain(words), until: Uptime.now + 5_000_000_000).get() }
        let name = configuration.prefix + "cache:test:"
        try set("SET", .text(name + "text"), "what is this")
        try set("SET", .text(name + "head"), .text("E" + String(repeating: "x", count: 60)))
        try set("LPUSH", .text(name + "list"), "1")
        for key in ["text", "head"] {
            let lookup = await subject.cache.get(key)
            #expect(lookup.entry == nil)
            subject.cache.put(key, CacheEntry(version: 1, bytes: [1]), ticket: try #require(lookup.ticket))
            try await subject.settle()
            #expect(await subject.cache.get(key).entry?.version == 1)
        }
        #expect(await subject.cache.get("list") == .away)
        subject.cache.put("list", CacheEntry(version: 1, bytes: [1]), ticket: CacheTicket(moment: try #require(await subject.cache.get("text").ticket).moment))
        subject.cache.invalidate([CacheFloor(key: "list", version: 2)])
        try await subject.settle()
        #expect(subject.cache.statistics.failures == 3)
        await subject.cache.close()
    }

    @Test("values are read back as the scripts write them, and nothing else is")
    func values() throws {
        let bytes = Array("E00000000000000070001763730000000{}".utf8)
        let value = try #require(CacheValue(bytes))
        #expect(value.kind == .entry)
        #expect(value.version == 7)
        #expect(value.freshUntil == 1_763_730_000_000)
        #expect(Array(value.content) == Array("{}".utf8))
        #expect(value.lookup(at: 1_763_729_999_999, staleness: 2000).isFresh)
        #expect(!value.lookup(at: 1_763_730_000_000, staleness: 2000).isFresh)
        // The clock was turned back by an hour since.
        #expect(!value.lookup(at: 1_763_726_400_000, staleness: 2000).isFresh)
        for wrong in ["", "E", "X00000000000000070001763730000000", "E0000000000000007000176373000000", "E000000000000000x0001763730000000"] {
            #expect(CacheValue(Array(wrong.utf8)) == nil, "\(wrong)")
        }
        #expect(try #require(CacheValue(Array("F00000000000000010000000000000000".utf8))).lookup(at: 5, staleness: 0).isFresh)
        #expect(try #require(CacheValue(Array("T00000000000000010000000000000000".utf8))).lookup(at: 5, staleness: 0).entry == nil)
    }

    @Test(
        "nonsense from the server is no answer",
        arguments: [
            "+OK\r\n+OK\r\n", ":1\r\n:2\r\n", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n*0\r\n", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n$-1\r\n", "*1\r\n$1\r\n1\r\n$-1\r\n",
            "-ERR no\r\n-ERR no\r\n", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n-WRONGTYPE no\r\n", "*-1\r\n*-1\r\n", "what is this\r\n", "$99999999999999999999\r\n",
            "*2147483647\r\n",
            "$5\r\nabc", "\r\n\r\n", "", "close",
            "*2\r\n$20\r\n99999999999999999999\r\n$1\r\n1\r\n$-1\r\n", "*2\r\n:-5\r\n:9999999\r\n$-1\r\n",
            String(repeating: "*1\r\n", count: 50),
        ])
    func nonsense(_ answer: String) async throws {
        let server = try NonsenseServer(answer)
        var configuration = RedisConfiguration(port: server.port)
        configuration.connections = 1
        (configuration.connectTimeout, configuration.replyTimeout) = (.seconds(5), .milliseconds(500))
        let client = RedisClient(configuration, logger: Redis.quiet)
        let cache = RedisCache(client, name: "test")
        try await eventually("the client is connected") { client.connections == 1 }
        #expect(await cache.get("a") == .away)
        #expect(cache.statistics.away == 1)
        #expect(cache.statistics.failures == 1)
        await cache.close()
        server.stop()
    }

    @Test("replies are read by their types")
    func replies() {
        #expect(RedisReply.integer(5).number == 5)
        #expect(RedisReply.bytes(Array("12".utf8)).number == 12)
        #expect(RedisReply.bytes(Array("1x".utf8)).number == nil)
        #expect(RedisReply.status("OK").text == "OK")
        #expect(RedisReply.none.text == nil)
        #expect(RedisReply.array([.bytes(Array("1763730000".utf8)), .bytes(Array("123456".utf8))]).milliseconds == 1_763_730_000_123)
        #expect(RedisReply.array([.integer(.max), .integer(0)]).milliseconds == nil)
        #expect(throws: RedisError.refused("ERR")) { try RedisReply.error("ERR").get() }
    }

    @Test("commands are arrays of bulk strings, of any bytes")
    func commands() {
        var bytes: [UInt8] = []
        RedisCommand.plain("SET", .text("ü"), .bytes([0, 13, 10, 255])).encode(into: &bytes) { _ in "" }
        #expect(bytes == Array("*3\r\n$3\r\nSET\r\n$2\r\nü\r\n$4\r\n".utf8) + [0, 13, 10, 255, 13, 10])
        bytes = []
        RedisCommand.script(.take, keys: ["k"], arguments: [.integer(-1)]).encode(into: &bytes) { "digest of \($0)" }
        #expect(String(decoding: bytes, as: UTF8.self) == "*5\r\n$7\r\nEVALSHA\r\n$14\r\ndigest of take\r\n$1\r\n1\r\n$1\r\nk\r\n$2\r\n-1\r\n")
    }
}

import CacheConformance
import Storage
import Testing

@testable import CacheRedis

@Suite("Where Redis is")
struct RedisConfigurationTests {
    @Test("a URL names host, port, user, password, database and prefix")
    func urls() throws {
        let plain = try RedisConfiguration(url: "redis://cache")
        #expect(plain.host == "cache")
        #expect(plain.port == 6379)
        #expect(plain.user == nil)
        #expect(plain.password == nil)
        #expect(plain.database == 0)
        #expect(plain.prefix == "waybill:")
        let full = try RedisConfiguration(url: "REDIS://way%3Abill:p%40ss%2Fw%C3%B6rd@10.0.0.5:6380/3?prefix=shop%3A")
        #expect(full.host == "10.0.0.5")
        #expect(full.port == 6380)
        #expect(full.user == "way:bill")
        #expect(full.password == "p@ss/wörd")
        #expect(full.database == 3)
        #expect(full.prefix == "shop:")
        #expect(full.place == "10.0.0.5:6380/3")
        let six = try RedisConfiguration(url: "redis://:secret@[::1]:7000/")
        #expect(six.host == "::1")
        #expect(six.port == 7000)
        #expect(six.user == nil)
        #expect(six.password == "secret")
        #expect(six.place == "[::1]:7000")
        #expect(try RedisConfiguration(url: "redis://[fe80::1]").port == 6379)
        #expect(try RedisConfiguration(url: "redis://host?prefix=").prefix.isEmpty)
    }

    @Test(
        "a URL that cannot be used is refused in words that do not repeat the password",
        arguments: [
            "", "cache:6379", "http://cache", "redis:/cache", "redis://", "redis://:6379", "redis://cache:0", "redis://cache:65536", "redis://cache:x",
            "redis://cache/x", "redis://cache/-1", "redis://cache/+1", "redis://cache/0/1", "redis://hunter2@cache", "redis://user:@cache", "redis://:hunter2@",
            "redis://:hunter2%@cache",
            "redis://:hunter2%ff@cache", "redis://::1", "redis://[::1]x", "redis://cache?db=1", "redis://cache?prefix=a&b=c", "redis://ca che",
            "rediss://:hunter2@cache",
        ])
    func wrongURLs(_ url: String) {
        let error = #expect(throws: RedisError.self, "\(url)") { try RedisConfiguration(url: url) }
        guard case .configuration(let words)? = error else { return }
        #expect(!words.contains("hunter2"))
        #expect(words.count > 20)
        if url.hasPrefix("rediss") { #expect(words.contains("TLS")) }
    }

    @Test("users, passwords and databases are used, and doctor says what is wrong with them", .enabled(if: RedisServer.isWanted, RedisServer.hint))
    func credentials() async throws {
        let users = ["app on >hunter2 ~test-* +@all", "weak on >hunter2 ~test-* +get +ping +client"].flatMap {
            ["--user"] + $0.split(separator: " ").map(String.init)
        }
        let server = try RedisServer(["--requirepass", "s3cret pass"] + users)
        try await server.start(answers: false)
        @Sendable func configuration(_ user: String?, _ password: String?, database: Int = 0) -> RedisConfiguration {
            var configuration = server.configuration
            (configuration.user, configuration.password, configuration.database) = (user, password, database)
            return configuration
        }
        func examine(_ configuration: RedisConfiguration) -> [EngineFinding] { RedisExamination(configuration).run() }
        try await eventually("Redis answers") { (try? RedisConnection(configuration(nil, "s3cret pass"))) != nil }
        for (user, password) in [(nil, "s3cret pass"), ("app", "hunter2")] {
            let client = try await Redis.client(configuration(user, password, database: 3))
            let subject = Redis.subject(client)
            subject.cache.put("a", CacheEntry(version: 1, bytes: [1]), ticket: try #require(await subject.cache.get("a").ticket))
            try await subject.settle()
            #expect(await subject.cache.get("a").entry?.version == 1)
            await subject.cache.close()
        }
        let keys = try server.send("INFO", "keyspace", configuration: configuration(nil, "s3cret pass")).text ?? ""
        #expect(keys.contains("db3:keys=2"))
        #expect(!keys.contains("db0"))

        let well = examine(configuration("app", "hunter2"))
        #expect(well.allSatisfy { $0.verdict != .fail }, "\(well)")
        #expect(well.contains { $0.words.contains("version 7") || $0.words.contains("version 6") || $0.words.contains("version 8") })
        #expect(well.contains { $0.verdict == .warn && $0.advice.contains("maxmemory") })
        #expect(well.contains { $0.words.contains("clock agrees") })
        for wrong in [configuration(nil, nil), configuration(nil, "wrong"), configuration("app", "wrong"), configuration("nobody", "hunter2")] {
            let findings = examine(wrong)
            #expect(findings.count == 1)
            #expect(findings.first?.verdict == .fail)
            #expect(findings.first?.advice.contains("password") == true, "\(findings)")
        }
        let weak = examine(configuration("weak", "hunter2"))
        #expect(weak.first?.verdict == .fail)
        #expect(weak.first?.advice.contains("evalsha") == true, "\(weak)")
        let beyond = examine(configuration(nil, "s3cret pass", database: 99))
        #expect(beyond.first?.verdict == .fail)
        for finding in well + weak + beyond { #expect(!"\(finding)".contains("hunter2") && !"\(finding)".contains("s3cret")) }
    }

    @Test("doctor says that nobody listens, and what to do")
    func nobody() async throws {
        let client = RedisClient(RedisConfiguration(port: 1), logger: Redis.quiet)
        let findings = await RedisCache(client, name: "test").examine()
        #expect(findings.count == 1)
        #expect(findings.first?.verdict == .fail)
        #expect(findings.first?.words.contains("127.0.0.1:1") == true)
        #expect(findings.first?.advice.contains("start Redis") == true)
        await client.close()
    }
}

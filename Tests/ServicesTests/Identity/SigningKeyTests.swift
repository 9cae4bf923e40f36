import Messaging
import Security
import Storage
import TestDatabases
import Testing
import Web
import Wire

@testable import Identity

@Suite struct SigningKeyTests {
    let bench: IdentityBench

    init() async throws { bench = try await IdentityBench() }

    private func token() async throws -> String { try await bench.service.token(subject: "alice", roles: [.customer]) }
    private func published() async throws -> [String] {
        try await bench.send("GET", "/.well-known/jwks.json").json.objects("keys").compactMap { $0["kid"]?.string }
    }
    private func rotate(_ body: String? = nil) async throws -> String {
        let answer = try await bench.send("POST", "/identity/keys/rotate", body)
        #expect(answer.status == 201)
        return try #require(answer["id"])
    }
    private func signer(_ token: String) throws -> String? {
        let head = try #require(Base64URL.decode(String(token.prefix { $0 != "." })))
        return try JSONParser.parse(head)["kid"]?.string
    }

    @Test func `The first start makes a key, and the next one finds it`() async throws {
        let keys = try await published()
        #expect(keys.count == 1)
        let again = IdentityService(bench.fixture.environment)
        try await again.open()
        let token = try await again.token(subject: "bob", roles: [.admin])
        #expect(try signer(token) == keys.first)
        #expect(try await bench.verified(token).subject == "bob")
    }

    @Test func `The document has the public parts only`() async throws {
        let answer = try await bench.send("GET", "/.well-known/jwks.json")
        let key = try #require(try answer.json.objects("keys").first)
        #expect(key["kty"]?.string == "EC" && key["crv"]?.string == "P-256" && key["d"] == nil)
        #expect(answer.headers[.cacheControl]?.contains("max-age") == true)
    }

    @Test func `A new key is published before it signs, and the old one for as long as its tokens hold`() async throws {
        let old = try await token()
        let first = try #require(try await published().first)
        let second = try await rotate()
        #expect(try await published() == [first, second])
        let stillOld = try await token()
        #expect(try signer(stillOld) == first)
        bench.fixture.clock.advance(by: .seconds(900))
        let new = try await token()
        #expect(try signer(new) == second)
        #expect(try await bench.verified(old).subject == "alice", "a token of the old key goes on to hold")
        bench.fixture.clock.advance(by: .seconds(86_400))
        #expect(try await published() == [first, second], "a token of a day may just have been signed when the new key took over")
        bench.fixture.clock.advance(by: .seconds(600))
        #expect(try await published() == [second])
        #expect(await bench.service.keys.key(id: first) == nil)
        #expect(await bench.service.keys.key(id: second) != nil)
    }

    @Test func `A key that another process has revoked is missed where nobody asks for keys`() async throws {
        let other = IdentityService(bench.fixture.environment)
        try await other.open()
        let id = try #require(try await published().first)
        let version = other.keys.version
        #expect(try await bench.send("DELETE", "/identity/keys/{id}", parameters: ["id": id]).status == 200)
        #expect(other.keys.version == version)
        let watch = try #require(other.runners.lazy.compactMap { $0 as? WatchSigningKeys }.first)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await watch.run() }
            let deadline = ContinuousClock.now + .seconds(30)
            while other.keys.version == version, ContinuousClock.now < deadline { await Task.yield() }
            group.cancelAll()
        }
        #expect(other.keys.version > version)
    }

    @Test func `A key can sign at once, and a revoked one is gone at once`() async throws {
        let (first, old) = (try #require(try await published().first), try await token())
        let second = try await rotate(#"{"immediately":true}"#)
        let new = try await token()
        #expect(try signer(new) == second)
        let version = bench.service.keys.version
        #expect(try await bench.send("DELETE", "/identity/keys/{id}", parameters: ["id": first]).status == 200)
        #expect(bench.service.keys.version > version, "verifiers forget what the key has signed")
        #expect(try await published() == [second])
        await #expect(throws: TokenRefusal.unknownKey) { _ = try await bench.verified(old) }
        // The last one is not missed for a moment.
        #expect(try await bench.send("DELETE", "/identity/keys/{id}", parameters: ["id": second]).status == 200)
        let third = try #require(try await published().first)
        #expect(try await published().count == 1 && third != second)
        let newest = try await token()
        #expect(try signer(newest) == third)
        #expect(try await bench.send("DELETE", "/identity/keys/{id}", parameters: ["id": "unknown"]).status == 404)
        #expect(try await bench.actions() == ["signing-key.revoke", "signing-key.revoke", "signing-key.rotate"])
    }

    @Test func `The list says which key signs and shows nothing secret`() async throws {
        _ = try await rotate()
        let answer = try await bench.send("GET", "/identity/keys")
        let items = try answer.json.objects("items")
        #expect(items.map { $0["signs"]?.bool } == [true, false] && items.map { $0["verifies"]?.bool } == [true, true])
        #expect(items.allSatisfy { $0["pem"] == nil })
    }

    @Test(.enabled(if: TestDatabase.hasServer, "a database on which several processes can write"))
    func `Two processes that start at once make one key`() async throws {
        let databases = try TestDatabase.openings("identity", count: 2)
        try await databases[0].migrate(IdentityService.migrations, owner: "identity")
        let clock = ManualClock()
        let services = databases.enumerated().map { index, database in
            let context = ServiceContext(service: "identity", clock: clock, seed: UInt64(index))
            let given = bench.fixture.environment
            return IdentityService(ServiceEnvironment(database: database, context: context, outbox: given.outbox, logger: given.logger))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.open() } }
            try await group.waitForAll()
        }
        let tokens = [try await services[0].token(subject: "a", roles: [.admin]), try await services[1].token(subject: "b", roles: [.admin])]
        let signers = try tokens.map { try signer($0) }
        #expect(signers[0] != nil && signers[0] == signers[1])
        for database in databases { await database.close() }
    }
}

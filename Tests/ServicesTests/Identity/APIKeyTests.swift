import HTTPTypes
import Security
import Testing
import Web
import Wire

@testable import Identity

@Suite struct APIKeyTests {
    let bench: IdentityBench

    init() async throws { bench = try await IdentityBench() }

    private func principal(_ text: String) async throws -> Principal? {
        guard let key = APIKeyText(text) else { return nil }
        return try await bench.service.principal(key)
    }

    @Test func `A key stands for its subject with its roles and scopes`() async throws {
        let (text, _) = try await bench.key(#","scopes":["inventory:write"]"#)
        #expect(text.hasPrefix("wb_"))
        #expect(try await principal(text) == Principal(subject: "shop", roles: [.service], scopes: [.writeInventory], kind: .key))
    }

    @Test func `What is not quite a key is none`() async throws {
        let (text, id) = try await bench.key()
        let digits = id.filter { $0 != "-" }
        for wrong in [
            "", "wb_", text + "x", String(text.dropLast()), text.replacing("wb_", with: "wb-"), "wb_\(digits)_", "wb_\(digits.uppercased())_x", "wb_\(id)_x",
            text + String(repeating: "a", count: 200), "wb_+" + digits.dropFirst() + "_x", "wb_" + String(repeating: "0", count: 32) + "_x",
        ] { #expect(try await principal(wrong) == nil, "\(wrong)") }
        #expect(try await principal(text) != nil)
    }

    @Test func `A key ends with its time and when it is revoked, at once`() async throws {
        let end = bench.fixture.clock.now().advanced(byMilliseconds: 60_000)
        let (timed, _) = try await bench.key(#","expiresAt":"\#(end)""#)
        let (text, id) = try await bench.key()
        #expect(try await principal(timed) != nil)
        #expect(try await principal(text) != nil)
        #expect(try await bench.send("DELETE", "/identity/api-keys/{id}", parameters: ["id": id]).status == 200)
        #expect(try await principal(text) == nil)
        bench.fixture.clock.advance(by: .seconds(60))
        #expect(try await principal(timed) == nil)
        #expect(try await bench.send("DELETE", "/identity/api-keys/{id}", parameters: ["id": "nonsense"]).status == 404)
        let past = try await bench.send("POST", "/identity/api-keys", #"{"name":"x","roles":["admin"],"expiresAt":"2001-01-01T00:00:00Z"}"#)
        #expect(past.status == 422)
    }

    @Test func `The list shows when a key was last used, and never the key`() async throws {
        let (text, id) = try await bench.key()
        _ = try await principal(text)
        let ring = try #require(bench.service.runners.lazy.compactMap { $0 as? APIKeyRing }.first)
        await ring.note()
        let answer = try await bench.send("GET", "/identity/api-keys")
        let items = try answer.json.objects("items")
        #expect(items.count == 1 && items[0]["id"]?.string == id)
        #expect(try items[0].timestamp("lastUsedAt") == bench.fixture.clock.now())
        #expect(items[0]["key"] == nil && items[0]["secret"] == nil && items[0]["createdBy"]?.string == "root")
    }

    @Test func `Another process asks with the digest, and only one that knows the secret of all`() async throws {
        let (text, id) = try await bench.key()
        let key = try #require(APIKeyText(text))
        let body = #"{"id":"\#(id)","digest":"\#(Base64URL.encode(key.digest))"}"#
        let trusted: [(HTTPField.Name, String)] = [(.internalSecret, "between the processes")]
        let answer = try await bench.send("POST", "/internal/api-keys/verify", body, headers: trusted)
        #expect(answer.status == 200 && answer["subject"] == "shop")
        let stranger = try await bench.send("POST", "/internal/api-keys/verify", body)
        #expect(stranger.status == 401)
        let wrong = #"{"id":"\#(id)","digest":"\#(Base64URL.encode([UInt8](repeating: 0, count: 32)))"}"#
        #expect(try await bench.send("POST", "/internal/api-keys/verify", wrong, headers: trusted).status == 404)
    }

    @Test(
        arguments: [
            #"{"name":"x"}"#, #"{"name":"x","roles":[]}"#, #"{"name":"x","roles":["king"]}"#, #"{"name":"x","roles":"admin"}"#,
            #"{"roles":["admin"]}"#, #"{"name":"x","roles":["admin"],"scopes":["nonsense"]}"#, #"{"name":"x","roles":["admin"],"more":1}"#,
        ])
    func `What cannot be is refused`(body: String) async throws {
        #expect(try await bench.send("POST", "/identity/api-keys", body).status == 422)
    }

    @Test func `Clients and users are listed page by page without their secrets`() async throws {
        for name in ["a", "b", "c"] { _ = try await bench.client(name) }
        let all = try await bench.send("GET", "/identity/clients")
        #expect(try all.json.objects("items").map { $0["clientId"]?.string } == ["a", "b", "c"])
        #expect(try all.json.objects("items").allSatisfy { $0["secret"] == nil && $0["clientSecret"] == nil })
        try await bench.user("alice")
        let users = try await bench.send("GET", "/identity/users")
        #expect(try users.json.objects("items").map { $0["name"]?.string } == ["alice"])
        #expect(try users.json.objects("items").allSatisfy { $0["password"] == nil })
        #expect(try await bench.send("POST", "/identity/users", #"{"name":"bob","password":"short","roles":["admin"]}"#).status == 422)
        #expect(try await bench.send("POST", "/identity/users", #"{"name":"alice","password":"long enough","roles":["admin"]}"#).status == 409)
    }
}

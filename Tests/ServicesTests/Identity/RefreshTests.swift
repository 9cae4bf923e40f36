import Foundation
import HTTPTypes
import Testing
import Web

@Suite struct RefreshTests {
    let bench: IdentityBench

    init() async throws {
        bench = try await IdentityBench()
        try await bench.user("alice")
    }

    private func login(_ more: String = "") async throws -> String {
        let answer = try await bench.token("grant_type=password&username=alice&password=correct+horse" + more)
        return try #require(answer["refresh_token"])
    }

    private func refresh(_ token: String, _ more: String = "") async throws -> IdentityBench.Answer {
        try await bench.token("grant_type=refresh_token&refresh_token=\(token)" + more)
    }

    @Test func `Each refresh token is good once and gives the next one`() async throws {
        var token = try await login()
        for _ in 0..<3 {
            let answer = try await refresh(token)
            #expect(answer.status == 200)
            #expect(try await bench.verified(answer["access_token"]).subject == "alice")
            let next = try #require(answer["refresh_token"])
            #expect(next != token)
            token = next
        }
    }

    @Test func `A refresh token that comes twice ends the whole login, and no other one`() async throws {
        let (first, other) = (try await login(), try await login())
        let second = try #require(try await refresh(first)["refresh_token"])
        let reused = try await refresh(first)
        #expect(reused.status == 400 && reused.problem == "invalid_grant")
        let newest = try await refresh(second)
        #expect(newest.status == 400 && newest.problem == "invalid_grant", "the thief's or the owner's: nobody can tell")
        #expect(try await refresh(other).status == 200)
        #expect(try await bench.actions().filter { $0 == "login.revoke" }.count == 1)
    }

    @Test func `Of two refreshes at the same moment one is the second`() async throws {
        let token = try await login()
        async let one = refresh(token)
        async let two = refresh(token)
        let statuses = [try await one.status, try await two.status].sorted()
        #expect(statuses == [200, 400])
    }

    @Test func `A refresh keeps to the scopes of the login and may ask for fewer`() async throws {
        let token = try await login("&scope=orders:read+orders:write")
        let wider = try await refresh(token, "&scope=payments:read")
        #expect(wider.problem == "invalid_scope")
        let narrower = try await refresh(token, "&scope=orders:read")
        #expect(narrower.status == 200 && narrower["scope"] == "orders:read", "what was refused has not used the token up")
        let same = try await refresh(try #require(narrower["refresh_token"]))
        #expect(same["scope"] == "orders:read orders:write")
    }

    @Test func `A refresh token that a client got is of no use to another one`() async throws {
        let secret = try await bench.client("app")
        let token = try await login("&client_id=app&client_secret=\(secret)")
        #expect(try await refresh(token).problem == "invalid_client")
        let other = try await bench.client("other")
        #expect(try await refresh(token, "&client_id=other&client_secret=\(other)").problem == "invalid_client")
        let right = try await refresh(token, "&client_id=app&client_secret=\(secret)")
        #expect(right.status == 200)
        #expect(try await bench.verified(right["access_token"]).clientID == "app")
    }

    @Test func `A login ends with its time, its user, and when it is revoked`() async throws {
        let revoked = try await login()
        let answer = try await bench.send("POST", "/auth/revoke", "token=\(revoked)", type: "application/x-www-form-urlencoded")
        #expect(answer.status == 200)
        #expect(try await refresh(revoked).problem == "invalid_grant")

        let long = try await login()
        bench.fixture.clock.advance(by: .seconds(29 * 86_400))
        let next = try #require(try await refresh(long)["refresh_token"])
        bench.fixture.clock.advance(by: .seconds(2 * 86_400))
        #expect(try await refresh(next).problem == "invalid_grant", "renewing does not make a login last for ever")

        let orphan = try await login()
        #expect(try await bench.send("DELETE", "/identity/users/{name}", parameters: ["name": "alice"]).status == 200)
        #expect(try await refresh(orphan).problem == "invalid_grant")
        #expect(try await bench.token("grant_type=password&username=alice&password=correct+horse").problem == "invalid_grant")
    }

    @Test func `Revoking what is unknown is done`() async throws {
        let form = "application/x-www-form-urlencoded"
        #expect(try await bench.send("POST", "/auth/revoke", "token=unknown", type: form).status == 200)
        #expect(try await bench.send("POST", "/auth/revoke", "x=y", type: form).problem == "invalid_request")
    }
}

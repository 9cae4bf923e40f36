import HTTPTypes
import Identity
import Logging
import Security
import Synchronization
import Testing
import Web
import Wire

/// Tokens that are taken back before they expire.
@Suite struct RevocationTests {
    let bench: IdentityBench

    init() async throws {
        bench = try await IdentityBench()
        try await bench.user("alice")
    }

    private func login() async throws -> (access: String, refresh: String) {
        let answer = try await bench.token("grant_type=password&username=alice&password=correct+horse")
        return (try #require(answer["access_token"]), try #require(answer["refresh_token"]))
    }

    private func revoke(_ form: String) async throws -> IdentityBench.Answer {
        try await bench.send("POST", "/auth/revoke", form, type: "application/x-www-form-urlencoded")
    }

    private func verdict(_ token: String, _ service: IdentityService? = nil) async throws -> RevokedTokens.Verdict {
        (service ?? bench.service).revocations.revoked.verdict(on: try await bench.verified(token))
    }

    private func tick() { bench.fixture.clock.advance(by: .milliseconds(1)) }

    @Test func `Who has an access token may end it, twice, and no other one`() async throws {
        let (first, second) = (try await login(), try await login())
        for _ in 0..<2 {
            let answer = try await revoke("token=\(first.access)&token_type_hint=refresh_token")
            #expect(answer.status == 200)
        }
        #expect(try await verdict(first.access) == .revoked)
        #expect(try await verdict(second.access) == .holds)
        let renewed = try await bench.token("grant_type=refresh_token&refresh_token=\(first.refresh)")
        #expect(renewed.status == 200, "its login goes on")
        #expect(try await bench.actions().filter { $0 == "token.revoke" }.count == 1)
        let list = try await bench.send("GET", "/identity/revocations").json.objects("items")
        #expect(list.count == 1 && list.first?["kind"]?.string == "token")
    }

    @Test func `A made-up token ends nothing, and another issuer's is his to end`() async throws {
        let token = try await login().access
        let parts = token.split(separator: ".")
        let forged = try await revoke("token=\(parts[0]).\(parts[1]).\(String(parts[2].reversed()))")
        #expect(forged.status == 200)
        #expect(try await verdict(token) == .holds)
        let key = try SigningKey.generate(.es256)
        let now = bench.fixture.clock.now()
        let foreign = TokenClaims(
            subject: "alice", issuer: "https://id.example", audience: ["waybill"], expiresAt: now.advanced(byMilliseconds: 60_000), issuedAt: now, id: "x")
        let refused = try await revoke("token=\(try foreign.token(signedBy: key))")
        #expect(refused.status == 400 && refused.problem == "unsupported_token_type")
        let wrong = try await revoke("token=\(token)&everywhere=perhaps")
        #expect(wrong.problem == "invalid_request")
    }

    @Test func `A login that ends takes its access tokens with it, also when a refresh token comes twice`() async throws {
        let (ended, stolen, other) = (try await login(), try await login(), try await login())
        _ = try await revoke("token=\(ended.refresh)")
        #expect(try await verdict(ended.access) == .revoked)
        let renewed = try await bench.token("grant_type=refresh_token&refresh_token=\(stolen.refresh)")
        let next = try #require(renewed["access_token"])
        #expect(try await verdict(next) == .holds)
        _ = try await bench.token("grant_type=refresh_token&refresh_token=\(stolen.refresh)")
        #expect(try await verdict(next) == .revoked)
        #expect(try await verdict(stolen.access) == .revoked)
        #expect(try await verdict(other.access) == .holds)
    }

    @Test(arguments: [true, false]) func `Logged out everywhere, all tokens and logins until then are ended`(byAccessToken: Bool) async throws {
        let (first, second) = (try await login(), try await login())
        tick()
        let answer = try await revoke("token=\(byAccessToken ? first.access : first.refresh)&everywhere=true")
        #expect(answer.status == 200)
        for login in [first, second] {
            #expect(try await verdict(login.access) == .revoked)
            let renewed = try await bench.token("grant_type=refresh_token&refresh_token=\(login.refresh)")
            #expect(renewed.problem == "invalid_grant")
        }
        tick()
        let fresh = try await login()
        #expect(try await verdict(fresh.access) == .holds, "in the same second")
        #expect(try await bench.actions().first == "subject.revoke")
    }

    @Test func `An administrator ends a token by its name and all of somebody's, and is on record`() async throws {
        let (first, second) = (try await login(), try await login())
        let id = try #require(try await bench.verified(first.access).id)
        let one = try await bench.send("DELETE", "/identity/tokens/{id}", parameters: ["id": id.uppercased()])
        #expect(one.status == 200 && one["kind"] == "token" && one["name"] == id)
        #expect(try await verdict(first.access) == .revoked)
        #expect(try await verdict(second.access) == .holds)
        let all = try await bench.send("DELETE", "/identity/subjects/{subject}/tokens", parameters: ["subject": "alice"])
        #expect(all.status == 200 && all["name"] == "alice")
        #expect(try await verdict(second.access) == .revoked)
        let nobody = try await bench.send("DELETE", "/identity/subjects/{subject}/tokens", parameters: ["subject": "a b"])
        #expect(nobody.status == 404)
        #expect(try await bench.actions().prefix(2) == ["subject.revoke", "token.revoke"])
    }

    @Test func `Tokens end with the person and with the program`() async throws {
        let secret = try await bench.client("shop")
        let issued = try await bench.token("grant_type=client_credentials&client_id=shop&client_secret=\(secret)")
        let program = try #require(issued["access_token"])
        let person = try await login().access
        tick()
        _ = try await bench.send("DELETE", "/identity/clients/{id}", parameters: ["id": "shop"])
        _ = try await bench.send("DELETE", "/identity/users/{name}", parameters: ["name": "alice"])
        #expect(try await verdict(program) == .revoked)
        #expect(try await verdict(person) == .revoked)
    }

    @Test func `What was revoked is so after a restart, and in other processes when they look again`() async throws {
        let other = IdentityService(bench.fixture.environment)
        try await other.open()
        let token = try await login().access
        _ = try await revoke("token=\(token)")
        #expect(try await verdict(token, other) == .holds)
        try await other.revocations.refresh()
        #expect(try await verdict(token, other) == .revoked)
        let restarted = IdentityService(bench.fixture.environment)
        try await restarted.open()
        #expect(try await verdict(token, restarted) == .revoked)
    }

    @Test func `Whoever follows reads page by page, and once more what is new`() async throws {
        let all = (1...2_500).map { number in
            let at = Timestamp(milliseconds: 1_000_000 + Int64(number) * 1_000)
            return Revocation(id: .lowerBound(of: at), kind: .token, name: "t\(number)", at: at, endsAt: at.advanced(byMilliseconds: 86_400_000))
        }
        let asked = Mutex<[Identifier]>([])
        let revoked = RevokedTokens()
        let follower = FollowRevocations(revoked, context: bench.fixture.context, logger: Logger(label: "test")) { after in
            asked.withLock { $0.append(after) }
            return Array(all.filter { $0.id > after }.prefix(FollowRevocations.pageSize))
        }
        try await follower.refresh()
        let first = asked.withLock { $0 }
        #expect(first.map(\.milliseconds) == [0, 2_000_000, 3_000_000])
        try await follower.refresh()
        let again = asked.withLock { $0.map(\.milliseconds) }
        #expect(again == [0, 2_000_000, 3_000_000, 3_380_000], "what ended late is not missed")
    }

    @Test func `A clock that is ahead where tokens are revoked hides nothing that is revoked elsewhere`() async throws {
        let now = bench.fixture.clock.now()
        func revocation(_ name: String, at seconds: Int64) -> Revocation {
            let at = now.advanced(byMilliseconds: seconds * 1_000)
            return Revocation(id: .lowerBound(of: at), kind: .token, name: name, at: at, endsAt: now.advanced(byMilliseconds: 86_400_000))
        }
        let all = Mutex([revocation("ahead", at: 600)])
        let asked = Mutex<[Identifier]>([])
        let follower = FollowRevocations(RevokedTokens(), context: bench.fixture.context, logger: Logger(label: "test")) { after in
            asked.withLock { $0.append(after) }
            return all.withLock { $0.filter { $0.id > after } }
        }
        try await follower.refresh()
        let later = revocation("elsewhere", at: 1)
        all.withLock { $0.append(later) }
        try await follower.refresh()
        let last = asked.withLock { $0.last }
        #expect(last.map { $0 < later.id } == true)
    }
}

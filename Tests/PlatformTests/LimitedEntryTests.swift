import Gateway
import HTTPTypes
import Resilience
import Testing
import WaybillClient
import Web

/// The limits where requests come in: counted by who sends them, told in every answer, and none where there is none.
@Suite("An entry with limits", .timeLimit(.minutes(1)))
struct LimitedEntryTests {
    /// Believes whatever `Authorization` says, but for the word "wrong".
    private struct Credulous: Authenticator {
        func authenticate(_ headers: HTTPFields) async throws(Problem) -> Principal? {
            guard let name = headers[.authorization] else { return nil }
            if name == "wrong" { throw Problem.invalidToken("it is wrong") }
            return Principal(subject: name, roles: name == "shop" ? [.service] : [.customer])
        }
    }

    private var limits: RequestLimits {
        var configuration = RequestLimits.Configuration()
        (configuration.readsPerSecond, configuration.refusalsPerMinute) = (2, 3)
        // A clock that stands still: nothing comes back while the test runs.
        return RequestLimits(configuration, store: MemoryRateLimitStore(), milliseconds: { 0 })
    }

    private func statuses(_ count: Int, _ harness: GatewayHarness, _ path: String, as name: String?) async throws -> [Int] {
        var statuses: [Int] = []
        for _ in 0..<count {
            let headers = name.map { [("Authorization", $0)] } ?? []
            statuses.append(try await harness.send("GET", path, headers: headers).status)
        }
        return statuses
    }

    @Test("counts by who sends a request, and tells in its answers what is left")
    func callers() async throws {
        try await GatewayHarness.with(control: AccessControl(.required(Credulous())), limits: limits) { harness in
            let first = try await harness.send("GET", "/api/v1/mine", headers: [("Authorization", "alice")])
            #expect(first.status == 200)
            #expect(first.header("RateLimit-Policy") == #""read";q=4;w=2"#)
            #expect(first.header("RateLimit") == #""read";r=3;t=1"#)
            let more = try await statuses(5, harness, "/api/v1/mine", as: "alice")
            #expect(more == [200, 200, 200, 429, 429])
            let refused = try await harness.send("GET", "/api/v1/mine", headers: [("Authorization", "alice")])
            #expect(refused.status == 429)
            #expect(refused.header("Retry-After") == "1")
            #expect(refused.header("RateLimit") == #""read";r=0;t=2"#)
            let others = try await statuses(2, harness, "/api/v1/mine", as: "bob")
            #expect(others == [200, 200])
            let shop = try await statuses(8, harness, "/api/v1/mine", as: "shop")
            #expect(shop == [Int](repeating: 200, count: 8))
            let anybody = try await statuses(6, harness, "/api/v1/quick", as: nil)
            #expect(anybody == [200, 200, 200, 200, 429, 429], "who need not say who he is, is his address")
            let health = try await statuses(8, harness, "/health/live", as: nil)
            #expect(health == [Int](repeating: 200, count: 8))
        }
    }

    @Test("answers 429 to who tries credentials, and lets in those at the same address whose credentials hold")
    func guesses() async throws {
        try await GatewayHarness.with(control: AccessControl(.required(Credulous())), limits: limits) { harness in
            let guesses = try await statuses(5, harness, "/api/v1/mine", as: "wrong")
            #expect(guesses == [401, 401, 401, 429, 429])
            let honest = try await statuses(1, harness, "/api/v1/mine", as: "alice")
            #expect(honest == [200])
        }
    }

    @Test("limits nobody where nobody is asked who he is")
    func open() async throws {
        try await GatewayHarness.with(limits: limits) { harness in
            let answers = try await statuses(8, harness, "/api/v1/mine", as: nil)
            #expect(answers == [Int](repeating: 200, count: 8))
            let answer = try await harness.send("GET", "/api/v1/mine")
            #expect(answer.header("RateLimit") == nil)
        }
    }
}

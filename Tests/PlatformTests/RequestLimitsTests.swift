import HTTPTypes
import Resilience
import Synchronization
import Testing
import Web

@testable import Gateway

@Suite("How fast callers may ask")
struct RequestLimitsTests {
    /// A clock that a test sets.
    private final class Clock: Sendable {
        private let now = Mutex<Int64>(1_000_000)
        var time: Int64 { now.withLock { $0 } }
        func advance(_ milliseconds: Int64) { now.withLock { $0 += milliseconds } }
    }

    private let clock = Clock()
    private let limits: RequestLimits
    private let alice = Principal(subject: "alice", roles: [.customer])

    init() {
        var configuration = RequestLimits.Configuration()
        (configuration.readsPerSecond, configuration.writesPerSecond, configuration.tokensPerMinute) = (10, 2, 3)
        (configuration.heavyPerMinute, configuration.refusalsPerMinute) = (2, 5)
        limits = RequestLimits(configuration, store: MemoryRateLimitStore(), milliseconds: { [clock] in clock.time })
    }

    /// How many of so many requests are let in.
    private func admitted(_ count: Int, _ kind: RequestClass, _ principal: Principal?, _ address: String? = "192.0.2.1") async -> Int {
        var admitted = 0
        for _ in 0..<count { if (try? await limits.admit(kind, principal, address: address.flatMap { IPAddress($0) })) != nil { admitted += 1 } }
        return admitted
    }

    private func refusal(_ kind: RequestClass, _ principal: Principal?, _ address: String? = "192.0.2.1") async -> Problem? {
        do throws(Problem) { _ = try await limits.admit(kind, principal, address: address.flatMap { IPAddress($0) }) } catch { return error }
        return nil
    }

    @Test("answers tell the quota and what is left of it, as the draft has it")
    func fields() async throws {
        var fields = try await limits.admit(.write, alice, address: nil)
        #expect(fields[.rateLimitPolicy] == #""write";q=4;w=2"#)
        #expect(fields[.rateLimit] == #""write";r=3;t=1"#)
        fields = try await limits.admit(.heavy, alice, address: nil)
        #expect(fields[.rateLimitPolicy] == #""heavy";q=2;w=60"#)
        #expect(fields[.rateLimit] == #""heavy";r=1;t=30"#)
    }

    @Test("who has no tokens left is told when there is one, and is let in then")
    func refused() async throws {
        #expect(await admitted(5, .write, alice) == 4)
        let problem = try #require(await refusal(.write, alice))
        #expect(problem.status == .tooManyRequests)
        #expect(problem.type == "rate-limited")
        #expect(problem.headers[.retryAfter] == "1")
        #expect(problem.headers[.rateLimit] == #""write";r=0;t=2"#)
        #expect(problem.headers[.rateLimitPolicy] == #""write";q=4;w=2"#)
        guard case .bytes(let body) = problem.response(instance: nil).body else {
            Issue.record("a problem has a body")
            return
        }
        #expect(String(decoding: body, as: UTF8.self).contains(#""violated-policies":["write"]"#))
        clock.advance(499)
        #expect(await admitted(1, .write, alice) == 0)
        clock.advance(1)
        #expect(await admitted(2, .write, alice) == 1)
    }

    @Test("callers do not share buckets, nor do the classes of one caller")
    func apart() async {
        #expect(await admitted(10, .write, alice) == 4)
        #expect(await admitted(10, .write, Principal(subject: "bob", roles: [.customer])) == 4)
        #expect(await admitted(10, .write, Principal(subject: "alice", roles: [.support], kind: .key)) == 4, "a key is not the person of its name")
        #expect(await admitted(30, .read, alice) == 20)
        #expect(await admitted(10, .write, nil, "192.0.2.1") == 4)
        #expect(await admitted(10, .write, nil, "192.0.2.2") == 4)
        #expect(await admitted(10, .write, alice, "192.0.2.9") == 0, "wherever he is")
    }

    @Test("programs of the house and administrators are not limited, and nobody is where nobody is asked who he is")
    func unlimited() async throws {
        for principal in [Principal(subject: "shop", roles: [.service]), Principal(subject: "root", roles: [.support, .admin]), .open] {
            #expect(await admitted(100, .write, principal) == 100)
            #expect(try await limits.admit(.write, principal, address: nil).isEmpty)
        }
    }

    @Test("tokens are asked for by an address, whoever says that it is he")
    func tokens() async {
        #expect(await admitted(5, .token, nil) == 3)
        #expect(await admitted(5, .token, alice) == 0)
        #expect(await admitted(5, .token, Principal(subject: "root", roles: [.admin])) == 0)
        #expect(await admitted(5, .token, nil, "192.0.2.77") == 3)
    }

    @Test("credentials that do not hold are refused as such, up to a bound, and those that hold are let in all the same")
    func guesses() async {
        let address = IPAddress("192.0.2.5")
        for number in 1...7 {
            let problem = await limits.refusal(address: address)
            let isRefused = problem?.status == .tooManyRequests
            #expect(isRefused == (number > 5))
            #expect((problem?.headers[.retryAfter] != nil) == (number > 5))
        }
        let isOtherRefused = await limits.refusal(address: IPAddress("192.0.2.6")) != nil
        #expect(!isOtherRefused)
        #expect(await admitted(1, .write, alice, "192.0.2.5") == 1)
    }

    @Test("a network of IPv6 is one caller, and an address of IPv4 the same one in whatever clothes it comes")
    func networks() async {
        #expect(await admitted(3, .write, nil, "2001:db8:1:2::1") == 3)
        #expect(await admitted(3, .write, nil, "2001:db8:1:2:ffff::7") == 1)
        #expect(await admitted(3, .write, nil, "2001:db8:1:3::1") == 3)
        #expect(await admitted(3, .write, nil, "192.0.2.1") == 3)
        #expect(await admitted(3, .write, nil, "::ffff:192.0.2.1") == 1)
        #expect(await admitted(5, .write, nil, nil) == 4, "where it is not known, all are one")
    }

    @Test("a route's class is what its requests do")
    func classes() {
        func kind(_ method: HTTPRequest.Method, _ path: String, _ answer: Route.Answer = .prompt) -> RequestClass {
            RequestClass(Route(method, path, access: .everyone, answer: answer) { _ in .json { _ in } })
        }
        #expect(kind(.get, "/orders") == .read)
        #expect(kind(.get, "/orders/{id}/stream", .stream) == .read)
        #expect(kind(.post, "/orders") == .write)
        #expect(kind(.put, "/orders/{id}/status") == .write)
        #expect(kind(.delete, "/webhooks/{id}") == .write)
        #expect(kind(.post, "/analytics/rebuild", .slow) == .heavy)
        #expect(kind(.post, "/auth/token") == .token)
        #expect(kind(.get, "/auth/keys") == .read)
        #expect(kind(.post, "/graphql") == .read, "what a query changes is counted by itself")
    }
}

import Resilience
import Synchronization
import Testing
import WaybillClient

@testable import Platform

/// Calls to a service in other processes, over real sockets.
@Suite("Calls to other processes", .timeLimit(.minutes(2)))
struct UpstreamPoolTests {
    /// A clock that the test turns.
    final class Clock: Sendable {
        private let time = Mutex<Int64>(1_000)
        var now: Int64 { time.withLock { $0 } }
        func advance(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }
    }

    private func withPool(
        _ urls: [String], clock: Clock = Clock(), _ configuration: UpstreamPool.Configuration = Self.patient { _ in },
        _ body: (UpstreamPool) async throws -> Void
    ) async throws {
        let pool = try UpstreamPool("orders", urls: urls, configuration: configuration) { clock.now }
        let result: Result<Void, any Error>
        do { result = .success(try await body(pool)) } catch { result = .failure(error) }
        await pool.shutdown()
        try result.get()
    }

    /// Enough time and retries for everything that a test does not change.
    private static func patient(_ adjust: (inout UpstreamPool.Configuration) -> Void) -> UpstreamPool.Configuration {
        .with { configuration in
            configuration.timeout = .seconds(20)
            configuration.attemptTimeout = .seconds(10)
            configuration.budget = .init(percent: 0, perSecond: 0, capacity: 100)
            adjust(&configuration)
        }
    }

    private let get = ClientRequest(path: "/api/v1/orders")
    private let post = ClientRequest(method: "POST", path: "/api/v1/orders", body: Array("{}".utf8))
    private let keyed = ClientRequest(method: "POST", path: "/api/v1/orders", headers: [("Idempotency-Key", "k")], body: Array("{}".utf8))

    private func failure(_ body: () async throws -> ClientResponse) async -> UpstreamFailure? {
        do {
            _ = try await body()
            return nil
        } catch { return error as? UpstreamFailure }
    }

    private func expect(_ expected: UpstreamFailure, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> ClientResponse) async {
        let failure = await failure(body)
        #expect(failure == expected, sourceLocation: sourceLocation)
    }

    @Test("instances take turns, and one that cannot be reached costs nobody an answer and is left out")
    func deadInstance() async throws {
        let dead = "http://127.0.0.1:\(try await FakeUpstream.deadPort())"
        try await FakeUpstream.with { (one) async throws in
            try await FakeUpstream.with { (two) async throws in
                try await withPool([one.url, dead, two.url]) { (pool) async throws in
                    // Not even what must not be sent twice: nothing of it was sent.
                    for _ in 0..<30 { #expect(try await pool.send(post).status == 200) }
                    #expect(one.seen.count + two.seen.count == 30)
                    #expect(abs(one.seen.count - two.seen.count) <= 4)
                    let state = pool.state.withLock { $0 }
                    #expect(state.balancer.ejections == 1 && state.balancer.ejected == 1)
                    #expect(state.retries == 3 && state.requests == 30 && state.failures == 0)
                }
            }
        }
    }

    @Test("an instance that is back is found by one request after its time")
    func comesBack() async throws {
        let clock = Clock()
        let port = try await FakeUpstream.deadPort()
        try await FakeUpstream.with { (alive) async throws in
            try await withPool([alive.url, "http://127.0.0.1:\(port)"], clock: clock) { (pool) async throws in
                for _ in 0..<10 { _ = try await pool.send(post) }
                #expect(pool.state.withLock { $0.balancer.ejected } == 1)
                try await FakeUpstream.with(port: port) { (back) async throws in
                    for _ in 0..<10 { _ = try await pool.send(get) }
                    #expect(back.seen.isEmpty)
                    clock.advance(5_000)
                    for _ in 0..<10 { _ = try await pool.send(get) }
                    #expect(back.seen.count >= 4)
                    #expect(pool.state.withLock { $0.balancer.ejected } == 0)
                }
            }
        }
    }

    @Test("what can be done twice is done elsewhere when the connection is lost; what cannot is not known", arguments: [false, true])
    func lostConnection(reset: Bool) async throws {
        try await FakeUpstream.with(.close(reset: reset)) { (dying) async throws in
            try await FakeUpstream.with { (well) async throws in
                let patient = Self.patient {
                    $0.balancer = .init(health: .init(failuresInARow: 1_000))
                    // Neither the instance nor the service is given up: this is about single requests.
                    $0.breaker = .init(failureThreshold: 1_000)
                }
                try await withPool([dying.url, well.url], patient) { (pool) async throws in
                    for _ in 0..<10 { #expect(try await pool.send(get).status == 200) }
                    for _ in 0..<10 { #expect(try await pool.send(keyed).status == 200) }
                    var lost = 0
                    for _ in 0..<10 {
                        switch await failure({ try await pool.send(post) }) {
                        case nil: break
                        case .unanswered(_, isTimeout: false): lost += 1
                        case let other: Issue.record("\(String(describing: other))")
                        }
                    }
                    #expect(lost == 5)
                    let unkeyed = (dying.seen + well.seen).filter { $0.method == "POST" && $0.header("Idempotency-Key") == nil }
                    #expect(unkeyed.count == 10)
                }
            }
        }
    }

    @Test("a silent instance costs a read one attempt, and leaves what is done once unknown after the whole time")
    func silence() async throws {
        try await FakeUpstream.with(.silence) { (silent) async throws in
            try await FakeUpstream.with { (well) async throws in
                try await withPool([silent.url, well.url], Self.patient { $0.attemptTimeout = .milliseconds(100) }) { (pool) async throws in
                    for _ in 0..<4 { #expect(try await pool.send(get).status == 200) }
                    #expect(pool.state.withLock { $0.retries } >= 2)
                }
            }
            try await withPool([silent.url], Self.patient { $0.timeout = .milliseconds(100) }) { (pool) async throws in
                let before = silent.seen.count
                let failure = await failure { try await pool.send(post) }
                guard case .unanswered(_, isTimeout: true)? = failure else {
                    Issue.record("the outcome was known")
                    return
                }
                #expect(silent.seen.count == before + 1)
            }
        }
    }

    @Test("there are no more second attempts than the budget allows, and the first answer is passed on then")
    func budget() async throws {
        try await FakeUpstream.with(.answer(502)) { (one) async throws in
            try await FakeUpstream.with(.answer(502)) { (two) async throws in
                try await withPool(
                    [one.url, two.url],
                    Self.patient {
                        $0.budget = .init(percent: 10, perSecond: 0, capacity: 2)
                        $0.breaker = nil
                    }
                ) { (pool) async throws in
                    for _ in 0..<100 { #expect(try await pool.send(get).status == 502) }
                    let state = pool.state.withLock { $0 }
                    #expect((10...12).contains(state.retries) && state.failures == 100 && state.unretried == 100 - state.retries)
                    #expect(one.seen.count + two.seen.count == 100 + state.retries)
                }
            }
        }
    }

    @Test("five failures open the breaker; after its time one probe decides")
    func breaker() async throws {
        let clock = Clock()
        let port = try await FakeUpstream.deadPort()
        try await withPool(["http://127.0.0.1:\(port)"], clock: clock) { (pool) async throws in
            for _ in 0..<5 {
                let failure = await failure { try await pool.send(post) }
                guard case .unreachable? = failure else {
                    Issue.record("it was reached")
                    return
                }
            }
            await expect(.open(retryAfterSeconds: 30)) { try await pool.send(get) }
            clock.advance(29_001)
            await expect(.open(retryAfterSeconds: 1)) { try await pool.send(get) }
            try await FakeUpstream.with(port: port) { (back) async throws in
                await expect(.open(retryAfterSeconds: 1)) { try await pool.send(get) }
                #expect(back.seen.isEmpty)
                clock.advance(1_000)
                for _ in 0..<3 { #expect(try await pool.send(get).status == 200) }
            }
            #expect(pool.state.withLock { $0.refused } == 3)
        }
    }

    @Test("refusals of too much are passed on and neither open the breaker nor eject anybody")
    func overload() async throws {
        try await FakeUpstream.with(.answer(503, [("retry-after", "2")])) { (one) async throws in
            try await FakeUpstream.with(.answer(503, [("retry-after", "2")])) { (two) async throws in
                try await withPool([one.url, two.url]) { (pool) async throws in
                    for _ in 0..<20 { #expect(try await pool.send(post).header("retry-after") == "2") }
                    #expect(one.seen.count + two.seen.count == 20)
                    let state = pool.state.withLock { $0 }
                    #expect(state.balancer.ejections == 0 && state.breaker?.state == .closed && state.failures == 0)
                    two.set(.answer(200))
                    for _ in 0..<20 { #expect(try await pool.send(get).status == 200) }
                }
            }
        }
    }

    @Test("the instance is told what is left of the time, and a time that is over is no request")
    func deadline() async throws {
        try await FakeUpstream.with { (server) async throws in
            try await withPool([server.url], Self.patient { $0.secret = Secret("between ourselves") }) { (pool) async throws in
                _ = try await pool.send(post)
                _ = try await pool.send(get)
                _ = try await pool.send(get, by: .now + .seconds(2))
                let left = server.seen.compactMap { $0.header("Waybill-Deadline").flatMap { Int($0) } }
                #expect(left.count == 3 && (19_000...20_000).contains(left[0]) && (9_000...10_000).contains(left[1]) && (1_000...2_000).contains(left[2]))
                #expect(server.seen.allSatisfy { $0.header("Waybill-Internal") == "between ourselves" })
                await expect(.deadlinePassed) { try await pool.send(get, by: .now - .seconds(1)) }
                #expect(server.seen.count == 3)
            }
        }
    }

    @Test("a caller in a hurry says nothing about the service")
    func hurry() async throws {
        try await FakeUpstream.with(.silence) { (silent) async throws in
            try await withPool([silent.url]) { (pool) async throws in
                for _ in 0..<6 {
                    let failure = await failure { try await pool.send(get, by: .now + .milliseconds(60)) }
                    guard case .unanswered(_, isTimeout: true)? = failure else {
                        Issue.record("\(String(describing: failure))")
                        return
                    }
                }
                #expect(pool.state.withLock { $0.breaker?.state == .closed && $0.failures == 0 })
            }
        }
    }

    @Test("streams and calls are counted while they last, whoever ends them")
    func inFlight() async throws {
        try await FakeUpstream.with(.stream()) { (server) async throws in
            try await withPool([server.url]) { (pool) async throws in
                let first = try await pool.stream(get)
                let second = try await pool.stream(get)
                #expect(pool.state.withLock { $0.balancer.inFlight(.stream) } == 2)
                first.end()
                try await eventually("one stream") { server.openStreams == 1 && pool.state.withLock { $0.balancer.inFlight(.stream) } == 1 }
                server.send("hello")
                #expect(try await second.next() == Array("hello".utf8))
                server.finish()
                #expect(try await second.next() == nil)
                try await eventually("nothing in flight") { pool.state.withLock { $0.balancer.inFlight(.stream) + $0.balancer.inFlight(.call) } == 0 }
            }
        }
    }

    @Test("an examination says of each instance whether it is ready")
    func examination() async throws {
        let dead = "http://127.0.0.1:\(try await FakeUpstream.deadPort())"
        try await FakeUpstream.with { (ready) async throws in
            try await FakeUpstream.with(.answer(503)) { (busy) async throws in
                try await withPool([ready.url, busy.url, dead]) { (pool) async throws in
                    #expect(await pool.examine().map(\.verdict) == [.ok, .warn, .fail])
                    #expect(ready.seen.map(\.target) == ["/health/ready"])
                }
            }
        }
    }

    @Test("addresses that are none are refused by name")
    func addresses() {
        for urls in [[], ["localhost:80"], ["http://127.0.0.1:1", "https://x"]] as [[String]] {
            #expect(throws: PlatformError.self) { try UpstreamPool("orders", urls: urls) { 0 } }
        }
    }
}

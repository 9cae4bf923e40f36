import Gateway
import Logging
import Messaging
import Storage
import StorageSQLite
import Synchronization
import Testing
import Wire

@testable import Platform

/// What an outage of one engine makes of a process: see docs/adr/0027-readiness.md.
@Suite("Readiness", .timeLimit(.minutes(1)))
struct ReadinessTests {
    private let clock = TurnedClock()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func health(
        _ local: Set<String>, databases: [any Database] = [], broker: (any EventBroker)? = nil, upstreams: [ServiceName: [String]] = [:]
    ) throws -> ProcessHealth {
        var engines = EngineConfiguration()
        engines.services = Set(local.compactMap { ServiceName(rawValue: $0) })
        if local.isEmpty { engines.services = [.gateway] }
        engines.upstreams = upstreams
        return ProcessHealth(
            local: local, databases: databases, broker: broker, replica: { _ in nil },
            remotes: try RemoteServices(engines, clock: SystemClock(), logger: logger), clock: SystemClock(), logger: logger, now: clock.now)
    }

    /// What is wrong after a while, in which everything was asked again.
    private func problems(_ health: ProcessHealth) async -> [String] {
        clock.advance(.seconds(20))
        for index in health.watch.dependencies.indices { await health.watch.look(at: index) }
        return health.checks(broken: nil, isDraining: false).filter { $0.problem != nil }.map { "\($0.isEssential ? "!" : "")\($0.name)" }
    }

    @Test("a service cannot do without its database, and the auditor can do without another's")
    func databases() async throws {
        let (own, other) = (try AwayDatabase("operations"), try AwayDatabase("orders"))
        let health = try health(["operations"], databases: [own, other])
        #expect(await problems(health) == [])
        own.isAway.withLock { $0 = true }
        other.isAway.withLock { $0 = true }
        #expect(await problems(health) == ["!database operations", "database orders"])
        own.isAway.withLock { $0 = false }
        #expect(await problems(health) == ["database orders"])
    }

    @Test("without the broker a process goes on, and says so")
    func broker() async throws {
        let broker = MemoryBroker()
        try await broker.open(Distribution.topology(partitions: 1))
        let health = try health(["orders"], broker: broker)
        #expect(await problems(health) == [])
        #expect(!health.isBrokerAway && health.lags?.lag(of: "payments") == 0)
        await broker.close()
        #expect(await problems(health) == ["broker"])
        #expect(health.isBrokerAway)
    }

    @Test("a gateway goes on with what can be reached, and is not ready when that is nothing")
    func gateway() async throws {
        let dead = "http://127.0.0.1:\(try await FakeUpstream.deadPort())"
        try await FakeUpstream.with(.answer(503)) { (busy) async throws in
            try await FakeUpstream.with { (ready) async throws in
                let health = try health([], upstreams: [.orders: [dead, busy.url], .payments: [dead, ready.url]])
                #expect(await problems(health) == ["service orders"])
                #expect(ready.seen.map(\.target) == ["/health/ready"])
                ready.set(.answer(503))
                #expect(await problems(health) == ["service orders", "service payments", "!services"])
                busy.set(.answer(200))
                #expect(await problems(health) == ["service payments"])
            }
        }
    }

    @Test("what is essential makes the answer 503, what is not is told")
    func answer() async throws {
        let checks = Mutex([HealthCheck("a", problem: nil), HealthCheck("b", problem: nil, isEssential: false)])
        let readiness: GatewayServer.Readiness = { checks.withLock { $0 } }
        try await RunningGateway.with([], readiness: readiness) { (gateway) async throws in
            func ready() async throws -> String {
                let response = try await gateway.send("GET", "/health/ready")
                let down = (response.json["checks"]?.array ?? []).filter { $0["status"]?.string == "DOWN" }.compactMap { $0["problem"]?.string }
                return "\(response.status) \(response.json["status"]?.string ?? "") \(down.joined(separator: ","))"
            }
            #expect(try await ready() == "200 UP ")
            checks.withLock { $0[1] = HealthCheck("b", problem: "away", isEssential: false) }
            #expect(try await ready() == "200 DEGRADED away")
            checks.withLock { $0[0] = HealthCheck("a", problem: "gone") }
            #expect(try await ready() == "503 DOWN gone,away")
            #expect(try await gateway.send("GET", "/health/live").status == 200)
        }
    }
}

/// A database whose server can be away.
private final class AwayDatabase: Database {
    private let inner: SQLiteDatabase
    let isAway = Mutex(false)
    var name: String { inner.name }

    init(_ name: String) throws { inner = try SQLiteDatabase(name: name, path: ":memory:") }

    private func reach() throws { if isAway.withLock({ $0 }) { throw StorageError.away } }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        try reach()
        return try await inner.write(body)
    }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        try reach()
        return try await inner.read(body)
    }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async { await inner.close() }
}

import Messaging
import Storage
import StorageSQLite
import Synchronization
import TestDatabases
import Testing
import Wire

@testable import Messaging

@Suite("Outbox relay", .timeLimit(.minutes(1)))
struct OutboxRelayTests {
    private static let delete = SQL("DELETE FROM outbox WHERE sequence = $1")
    private static let restore = SQL("INSERT INTO outbox (sequence, type, key, body) VALUES ($1, $2, $3, $4)")
    private static let rows = SQL("SELECT sequence, type, key, body FROM outbox ORDER BY sequence")

    private let bench: Workbench
    private let log = FlakyBroker()
    private let lease: Lease
    private let relay: OutboxRelay

    init() async throws {
        bench = try await Workbench()
        lease = Lease(name: "relay", owner: "a", database: bench.producer, clock: bench.clock, logger: bench.logger)
        relay = OutboxRelay(
            database: bench.producer, broker: log, lease: lease, registry: EventRegistry([Toy.self, Noise.self]), context: bench.producing, logger: bench.logger
        )
        try await lease.step()
    }

    private func say(_ toys: [(key: Int, number: Int64)]) async throws {
        let events = bench.toys(toys)
        try await bench.producer.write { try Outbox(sink: RelayedSink {}).append(events, in: $0) }
    }

    private func numbers() throws -> [Int64] {
        try log.published.map { try Envelope(body: $0.body, registry: EventRegistry([Toy.self])).event }.compactMap { ($0 as? Toy)?.number }
    }

    @Test("what is committed is published in order, once, and leaves the outbox")
    func happyPath() async throws {
        try await say([(1, 1), (2, 2), (1, 3)])
        #expect(try await relay.step() == 3)
        #expect(try numbers() == [1, 2, 3])
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 0)
        #expect(try await relay.step() == 0)
    }

    @Test("a message tells who said what about which order, as CloudEvents does, and goes by the order's id")
    func headers() async throws {
        try await say([(7, 1)])
        _ = try await relay.step()
        let message = try #require(log.published.first)
        let event = try Envelope(body: message.body, registry: EventRegistry([Toy.self]))
        #expect(message.topic == "toys")
        #expect(message.key == Identifier(high: 0, low: 7))
        #expect(message.header("specversion") == "1.0")
        #expect(message.header("id") == event.id.description)
        #expect(message.header("type") == "Toy")
        #expect(message.header("source") == "/waybill/producer")
        #expect(message.header("subject") == message.key.description)
        #expect(message.header("time") == event.time.description)
        let trace = try #require(message.header("traceparent"))
        #expect(trace.count == 55 && trace.hasPrefix("00-\(event.correlationID.description.filter { $0 != "-" })-"))
    }

    @Test(
        "a row that is committed after one with a higher number is published all the same; a cursor would have passed it by",
        .disabled(if: TestDatabase.isPostgres, "numbers cannot be given there; OutboxOrderTests has two real transactions"))
    func lateCommit() async throws {
        try await say([(1, 1), (2, 2), (3, 3)])
        // The second transaction took its number and has not committed yet.
        let rows = try await bench.producer.read { try $0.query(Self.rows) { ($0.integer(0), $0.text(1), $0.id(2), $0.bytes(3)) } }
        let late = rows[1]
        _ = try await bench.producer.write { try $0.execute(Self.delete, [.integer(late.0)]) }
        _ = try await relay.step()
        #expect(try numbers() == [1, 3])
        _ = try await bench.producer.write { try $0.execute(Self.restore, [.integer(late.0), .text(late.1), .id(late.2), .bytes(late.3)]) }
        _ = try await relay.step()
        #expect(try numbers() == [1, 3, 2])
    }

    @Test("what the broker did not confirm stays, and is published again in the same order")
    func outage() async throws {
        try await say([(1, 1), (1, 2)])
        log.fail(with: .unavailable("test"), keeps: 1)
        await #expect(throws: BrokerError.self) { try await relay.step() }
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 2)
        _ = try await relay.step()
        #expect(try numbers() == [1, 1, 2], "the first came through before the outage, and comes again")
    }

    @Test("a message that the broker refuses holds up its own order only")
    func rejection() async throws {
        try await say([(1, 1), (2, 2), (1, 3), (3, 4)])
        log.fail(with: .rejected(index: 0, reason: "too large"), keeps: 0)
        _ = try await relay.step()
        #expect(relay.held == 1)
        _ = try await relay.step()
        #expect(try numbers() == [2, 4])
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 2)
    }

    @Test("one that lost its lease while it published deletes nothing: whoever has it now publishes again")
    func lostLease() async throws {
        try await say([(1, 1)])
        let other = Lease(name: "relay", owner: "b", database: bench.producer, clock: bench.clock, logger: bench.logger)
        let expire = SQL("UPDATE leases SET ends_at = 1")
        log.beforePublish {
            _ = try? await bench.producer.write { try $0.execute(expire) }
            try? await other.step()
        }
        await #expect(throws: Lease.Lost.self) { try await relay.step() }
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 1)
    }

    @Test("a row whose body is broken is published as it is: its consumers park it")
    func brokenBody() async throws {
        try await say([(1, 1)])
        let damage = SQL("UPDATE outbox SET body = $1")
        _ = try await bench.producer.write { try $0.execute(damage, [.bytes(Array("{nonsense".utf8))]) }
        #expect(try await relay.step() == 1)
        #expect(log.published.first?.header("type") == "Toy")
        #expect(log.published.first?.topic == "toys")
    }
}

/// A broker that keeps what is published and fails when it is told to.
private final class FlakyBroker: EventBroker {
    private struct State {
        var published: [BrokerMessage] = []
        var failure: (error: BrokerError, keeps: Int)?
        var hook: (@Sendable () async -> Void)?
    }
    private let state = Mutex(State())
    let name = "flaky"

    var published: [BrokerMessage] { state.withLock { $0.published } }
    /// The next call fails, after so many messages have come through.
    func fail(with error: BrokerError, keeps count: Int) { state.withLock { $0.failure = (error, count) } }
    func beforePublish(_ hook: @escaping @Sendable () async -> Void) { state.withLock { $0.hook = hook } }

    func open(_ topology: BrokerTopology) async throws {}
    func publish(_ messages: [BrokerMessage]) async throws {
        await state.withLock { $0.hook }?()
        let failure = state.withLock { state in
            defer { state.failure = nil }
            state.published += messages.prefix(state.failure?.keeps ?? messages.count)
            return state.failure
        }
        if let failure { throw failure.error }
    }
    func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription { throw BrokerError.unavailable("test") }
    func lag(of group: String) async throws -> Int? { nil }
    func examine(_ topology: BrokerTopology) async -> [EngineFinding] { [] }
    func close() async {}
}

import Logging
import Messaging
import Storage
import Testing
import Wire

@testable import Messaging

/// What a relay does with what the broker does not take.
@Suite("Outbox relay in trouble", .timeLimit(.minutes(1)))
struct OutboxRelayTroubleTests {
    private static let insert = SQL("INSERT INTO outbox (type, key, body, topic) VALUES ($1, $2, $3, $4)")
    private static let keys = SQL("SELECT key FROM outbox ORDER BY sequence")

    private let bench: Workbench
    private let broker = PickyBroker(topics: ["toys"])
    private let lease: Lease
    private let relay: OutboxRelay

    init() async throws {
        bench = try await Workbench()
        lease = Lease(name: "relay", owner: "a", database: bench.producer, clock: bench.clock, logger: bench.logger)
        relay = OutboxRelay(
            database: bench.producer, broker: broker, lease: lease, registry: EventRegistry([Toy.self, Noise.self]), context: bench.producing,
            logger: bench.logger)
        try await lease.step()
    }

    private func say(_ toys: [(key: Int, number: Int64)]) async throws {
        let events = bench.toys(toys)
        try await bench.producer.write { try Outbox(sink: RelayedSink {}).append(events, in: $0) }
    }

    private func write(_ type: String, key: Int, body: String, topic: String? = nil) async throws {
        let row: [SQLValue] = [.text(type), .id(Identifier(high: 0, low: UInt64(key))), .bytes(Array(body.utf8)), .optional(topic)]
        _ = try await bench.producer.write { try $0.execute(Self.insert, row) }
    }

    private func waiting() async throws -> [Int] { try await bench.producer.read { try $0.query(Self.keys) { Int($0.id(0).low) } } }

    @Test("what stands before and behind a refused message is published in the same round, and nothing more than twice")
    func refusals() async throws {
        try await say((0..<100).map { (key: Int($0) % 10, number: Int64($0)) })
        broker.refuse(3, 7)
        #expect(try await relay.step() == 80)
        #expect(try await waiting().count == 20)
        #expect(broker.kept.toys.count == 80, "a message that is refused before anything is sent costs no repetition")
        for key in [0, 1, 2, 4, 5, 6, 8, 9] {
            let numbers = broker.kept.filter { $0.key.low == UInt64(key) }.toys
            #expect(numbers == numbers.sorted() && numbers.count == 10)
        }
        #expect(relay.held == 2)
        #expect(try await relay.step() == 0)
        #expect(broker.calls.count < 12)
    }

    @Test("a held order is tried again after a minute, and published in order when the broker takes it")
    func afterAMinute() async throws {
        broker.refuse(1)
        try await say([(1, 1), (2, 2), (1, 3)])
        #expect(try await relay.step() == 1)
        bench.clock.advance(by: .seconds(59))
        #expect(try await relay.step() == 0)
        #expect(broker.calls.count == 2, "nothing was tried")
        broker.refuse()
        bench.clock.advance(by: .seconds(1))
        #expect(try await relay.step() == 2)
        #expect(broker.kept.toys == [2, 1, 3])
        #expect(relay.held == 0)
    }

    @Test("a held order is tried again when the lease comes back, and until then there is nothing on the gauges")
    func withANewLease() async throws {
        broker.refuse(1)
        try await say([(1, 1)])
        _ = try await relay.step()
        #expect(relay.held == 1 && relay.oldest != nil && relay.backlog == 1)
        relay.standBy()
        #expect(relay.held == 0 && relay.oldest == nil && relay.backlog == 0)
        broker.refuse()
        #expect(try await relay.step() == 1)
    }

    @Test("thousands of held events hide nothing that stands behind them")
    func manyHeld() async throws {
        broker.refuse(1)
        try await say((0..<4500).map { (key: 1, number: Int64($0)) })
        #expect(try await relay.step() == 0)
        try await say([(2, 9000), (1, 9001), (3, 9002)])
        #expect(try await relay.step() == 2)
        #expect(broker.kept.toys == [9000, 9002])
        #expect(relay.held == 1)
        #expect(relay.backlog == 4503, "they wait, and are counted")
        broker.setDown(true)
        try await say([(2, 9003)])
        await #expect(throws: BrokerError.self) { try await relay.step() }
        let pending = relay.pending
        #expect(pending.events == 1 && pending.since != nil, "what is held back says nothing of how far the platform is behind")
    }

    @Test("a topic that the broker does not have holds back what goes there, for a while, and nothing else")
    func unknownTopic() async throws {
        try await say([(1, 1)])
        let toy = String(decoding: bench.toys([(2, 50)])[0].body, as: UTF8.self)
        try await write("Toy", key: 2, body: toy, topic: "nowhere.DLQ")
        try await say([(2, 2), (3, 3)])
        #expect(try await relay.step() == 3)
        #expect(try await waiting() == [2])
        #expect(Set(broker.kept.toys) == [1, 2, 3])
        _ = try await relay.step()
        #expect(relay.held == 1 && relay.backlog == 1)
        let calls = broker.calls.count
        #expect(try await relay.step() == 0)
        #expect(broker.calls.count == calls, "it is left alone for a while")
        broker.know("nowhere.DLQ")
        bench.clock.advance(by: .seconds(10))
        #expect(try await relay.step() == 1)
        #expect(try await waiting().isEmpty)
    }

    @Test("a type that a newer program wrote waits with what its order has behind it, for its topic is not known here")
    func unknownType() async throws {
        try await write("Marble", key: 1, body: "{}")
        try await say([(1, 1), (2, 2)])
        #expect(try await relay.step() == 1)
        #expect(try await relay.step() == 0)
        #expect(broker.kept.toys == [2])
        #expect(try await waiting() == [1, 1])
        #expect(relay.held == 1)
    }

    @Test("a row that does not tell its time becomes old like any other")
    func brokenBody() async throws {
        broker.setDown(true)
        try await write("Toy", key: 1, body: "{nonsense")
        await #expect(throws: BrokerError.self) { try await relay.step() }
        let seen = bench.clock.now()
        bench.clock.advance(by: .seconds(300))
        await #expect(throws: BrokerError.self) { try await relay.step() }
        #expect(relay.oldest == seen)
        broker.setDown(false)
        #expect(try await relay.step() == 1)
        #expect(broker.kept.first?.header("content-type") == "application/octet-stream")
        #expect(try await relay.step() == 0)
        #expect(relay.oldest == nil)
    }

    @Test("a page ends where its events are sixteen mebibytes, however few they are", arguments: [false, true])
    func pageBytes(isHolding: Bool) async throws {
        if isHolding {
            broker.refuse(99)
            try await say([(99, 0)])
            _ = try await relay.step()
        }
        let before = broker.calls.count
        let padding = String(repeating: "x", count: 3 << 20)
        for key in 1...11 { try await write("Toy", key: key, body: "\"\(padding)\"") }
        #expect(try await relay.step() == 5)
        #expect(try await relay.step() == 5)
        #expect(try await relay.step() == 1)
        #expect(broker.calls.dropFirst(before).map { $0.map { Int($0.key.low) } } == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11]])
    }

    @Test("one event that is larger than a page goes alone")
    func largeEvent() async throws {
        try await write("Toy", key: 1, body: String(repeating: "x", count: 17 << 20))
        try await say([(2, 2)])
        #expect(try await relay.step() == 1)
        #expect(try await relay.step() == 1)
    }
}

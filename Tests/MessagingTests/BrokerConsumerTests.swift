import Foundation
import Logging
import Messaging
import ServiceLifecycle
import Storage
import StorageSQLite
import Synchronization
import Testing
import Wire

@testable import Messaging

@Suite("Consumer of a broker", .timeLimit(.minutes(1)))
struct BrokerConsumerTests {
    private static let raise = SQL("UPDATE claims SET epoch = epoch + 1")
    private static let epochs = SQL("SELECT max(epoch) FROM claims")
    private static let claimed = SQL("SELECT count(*) FROM claims")
    private static let outboxTopic = SQL("SELECT topic FROM outbox")
    private let bench: Workbench
    private let box = ToyBox()
    private let log = MemoryLog()

    init() async throws { bench = try await Workbench() }

    private var topology: BrokerTopology {
        BrokerTopology(topics: ["toys", "toys.DLQ"], groups: [.init(name: "consumer", topics: ["toys"])], partitions: 4)
    }

    private func messages(_ toys: [(key: Int, number: Int64)]) throws -> [BrokerMessage] {
        try bench.toys(toys).map { CloudEvents.message(try EnvelopeHead(body: $0.body), key: $0.key, topic: "toys", body: $0.body) }
    }

    /// Runs a consumer as a process would, until the condition holds.
    private func consuming(_ handler: any EventHandler, on database: (any Database)? = nil, until condition: @escaping @Sendable () async throws -> Bool)
        async throws
    {
        let clock = FastTime()
        let broker = MemoryBroker(log)
        try await broker.open(topology)
        let database = database ?? bench.consumer
        let lease = Lease(name: "relay", owner: "a", database: database, clock: clock, logger: bench.logger)
        try await lease.step()
        let replicas = Replicas(lease: lease, claims: PartitionClaims(owner: "a"), wakeRelay: {})
        let context = ServiceContext(service: "consumer", clock: clock, seed: 3)
        let bus = EventBus(registry: EventRegistry([Toy.self, Noise.self]))
        let consumer = Consumer(handler: handler, database: database, bus: bus, context: context, logger: bench.logger, replicas: replicas)
        let runner = BrokerConsumer(consumer, replicas: replicas, broker: broker, topics: ["toys"], member: "a")
        let group = ServiceGroup(services: [lease, runner], gracefulShutdownSignals: [], logger: bench.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        await broker.close()
    }

    private func publish(_ messages: [BrokerMessage]) async throws {
        let broker = MemoryBroker(log)
        try await broker.open(topology)
        try await broker.publish(messages)
    }

    /// Whether so much has been applied, and everything acknowledged.
    private func isAtRest(applied count: Int) async throws -> Bool {
        let (applied, lag) = (try await applied().count, try await MemoryBroker(log).lag(of: "consumer"))
        return applied == count && lag == 0
    }

    private func applied() async throws -> [ToyBox.Applied] { try await ToyBox.applied(in: bench.consumer) }

    @Test("what is delivered is applied once, although it is delivered twice, and acknowledged")
    func once() async throws {
        let messages = try messages([(1, 1), (2, 2), (1, 3)])
        try await publish(messages + messages)
        try await consuming(box) { try await isAtRest(applied: 3) }
        #expect(try await applied().filter { $0.key == 1 }.map(\.value) == [1, 3])
        #expect(try await applied().count == 3)
        #expect(try await bench.count(Self.claimed, in: bench.consumer) > 0)
    }

    @Test("types that the handler does not want are acknowledged and not applied")
    func unwanted() async throws {
        let noise = bench.producing.envelope(Noise(), key: Identifier(high: 0, low: 1))
        let message = CloudEvents.message(try EnvelopeHead(body: noise.body), key: noise.key, topic: "toys", body: noise.body)
        try await publish([message] + messages([(1, 1)]))
        try await consuming(box) { try await isAtRest(applied: 1) }
        #expect(try await bench.count(Workbench.inboxRows, in: bench.consumer) == 1)
    }

    @Test("a partition that another process has claimed meanwhile is left to it: nothing is applied under the old claim")
    func fenced() async throws {
        let database = InterruptedDatabase(bench.consumer)
        let thefts = Notes()
        rob(database, thefts)
        try await publish(messages([(1, 1), (1, 2)]))
        try await consuming(box, on: database) { try await isAtRest(applied: 2) }
        #expect(try await applied().map(\.value) == [1, 2])
        #expect(thefts.count.load(ordering: .relaxed) == 1)
        #expect(box.batches.withLock { $0 } == [2], "under the claim that was lost nothing was tried; under the new one all of it")
        #expect(try await bench.count(Self.epochs, in: bench.consumer) == 3, "its own claim, the other's, and its own again")
    }

    @Test("behind what another process has parked, later events of the same order wait; others do not")
    func parkedElsewhere() async throws {
        let never = Timestamp(milliseconds: 1 << 60)
        let events = bench.toys([(1, 1), (1, 2), (2, 3)])
        try await consuming(box) {
            // The consumer has found the parking empty before.
            if try await applied().isEmpty {
                try await publish(messages([(3, 9)]))
                while try await applied().isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                try await bench.consumer.write { transaction in
                    _ = try Parking.park(.init(events[0]), attempts: 1, due: never, error: "broken", now: never, in: transaction)
                }
                try await publish(messages([(1, 2), (2, 3)]))
            }
            return try await isAtRest(applied: 2)
        }
        #expect(try await applied().map(\.value).sorted() == [3, 9])
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 2)
    }

    /// Claims everything for somebody else as soon as it has been claimed.
    private func rob(_ database: InterruptedDatabase, _ thefts: Notes) {
        database.afterNextCall { [bench] in
            if try await bench.count(Self.claimed, in: bench.consumer) == 0 { return self.rob(database, thefts) }
            _ = try await bench.consumer.write { try $0.execute(Self.raise) }
            thefts.count.add(1, ordering: .relaxed)
        }
    }
    private final class Notes: Sendable { let count = Atomic<Int>(0) }

    @Test("an event that fails is parked, dies after its attempts, is published as a dead letter, and holds up its own order only")
    func poison() async throws {
        box.breaks(at: 2)
        try await publish(messages([(1, 1), (1, 2), (1, 3), (2, 4)]))
        try await consuming(box) {
            let dead = try await bench.count(Workbench.deadRows, in: bench.consumer)
            let isAtRest = try await isAtRest(applied: 3)
            return dead == 1 && isAtRest
        }
        #expect(try await applied().filter { $0.key == 1 }.map(\.value) == [1, 3])
        #expect(try await bench.consumer.read { try $0.query(Self.outboxTopic) { $0.optionalText(0) } } == ["toys.DLQ"])
    }

    @Test("what is dead is counted by the process that has the lease, and by no other")
    func counted() async throws {
        box.breaks(at: 2)
        try await publish(messages([(1, 2)]))
        try await consuming(box) { try await bench.count(Workbench.deadRows, in: bench.consumer) == 1 }
        func process(_ owner: String) async throws -> Consumer {
            let lease = Lease(name: "relay", owner: owner, database: bench.consumer, clock: bench.clock, logger: bench.logger)
            try await lease.step()
            let consumer = Consumer(
                handler: box, database: bench.consumer, bus: EventBus(registry: EventRegistry([Toy.self])), context: bench.consuming, logger: bench.logger,
                replicas: Replicas(lease: lease, claims: PartitionClaims(owner: owner), wakeRelay: {}))
            try await consumer.countBacklog()
            return consumer
        }
        let (holder, other) = (try await process("b"), try await process("c"))
        #expect(holder.backlog.deadLetters == 1 && other.backlog.deadLetters == 0)
        // Whoever archives it, here or elsewhere, the next count is right.
        let letter = try #require(try await other.deadLetters.list(DeadLetterFilter(), after: nil, limit: 1).first)
        _ = try await other.deadLetters.archive(letter.eventID, reason: "seen", by: "ada").get()
        try await other.countBacklog()
        try await holder.countBacklog()
        #expect(holder.backlog.deadLetters == 0 && other.backlog.deadLetters == 0)
    }

    @Test("told to stop while storage is away, it ends, and what it had in its hands stays with the broker")
    func stopped() async throws {
        let database = AwayDatabase(bench.consumer)
        try await publish(messages([(1, 1)]))
        try await consuming(box, on: database) {
            if try await applied().count == 1, !database.isAway.load(ordering: .relaxed) {
                database.isAway.store(true, ordering: .relaxed)
                try await publish(messages([(1, 2)]))
            }
            return box.batches.withLock { $0.count } > 1
        }
        #expect(try await applied().count == 1)
        #expect(try await MemoryBroker(log).lag(of: "consumer") == 1)
    }

    @Test("a message that is no event dies under the topic that it came by, with what is known of its death; what comes after it is applied and published")
    func foreign() async throws {
        try await publish([BrokerMessage(topic: "toys", key: Identifier(high: 0, low: 0), headers: [], body: Array("hello".utf8))])
        try await consuming(box) { try await bench.count(Workbench.deadRows, in: bench.consumer) == 1 }
        let events = bench.toys([(1, 1)])
        try await bench.consumer.write { try Outbox(sink: RelayedSink {}).append(events, in: $0) }
        let relay = try await relay(of: bench.consumer)
        #expect(try await relay.step() == 2)
        #expect(relay.held == 0)
        try await consuming(box) { try await isAtRest(applied: 1) }

        let letter = try #require(try await deadLetters().first)
        #expect(letter.body == Array("hello".utf8))
        let id = try await bench.consumer.read { try $0.first(SQL("SELECT event_id FROM dead_letters")) { $0.id(0) } }
        #expect(letter.header("deadletterid") == id.map { "consumer:\($0)" })
        #expect(letter.header("deadletterconsumer") == "consumer")
        #expect(letter.header("deadletterattempts") == "4")
        #expect(letter.header("deadletterreason")?.isEmpty == false)
        #expect(letter.header("content-type") == "application/octet-stream")
    }

    @Test("a dead letter is the event as it was, and says whose it is, after how many attempts, and why")
    func deadLetterHeaders() async throws {
        box.breaks(at: 2)
        let message = try messages([(1, 2)])
        try await publish(message)
        try await consuming(box) { try await bench.count(Workbench.deadRows, in: bench.consumer) == 1 }
        #expect(try await relay(of: bench.consumer).step() == 1)
        let letter = try #require(try await deadLetters().first)
        #expect(letter.body == message[0].body && letter.key == message[0].key)
        for name in ["id", "type", "source", "time", "subject"] { #expect(letter.header(name) == message[0].header(name)) }
        #expect(letter.header("deadletterid") == "consumer:\(message[0].header("id") ?? "")")
        #expect(letter.header("deadletterattempts") == "4")
        #expect(letter.header("deadletterreason") == "toy 2 is broken")
        for header in letter.headers where header.name.hasPrefix("deadletter") { #expect(header.name.allSatisfy { $0.isLowercase && $0.isASCII }) }
    }

    @Test("what is delivered again after it has died stays one dead letter")
    func deadAgain() async throws {
        let foreign = BrokerMessage(topic: "toys", key: Identifier(high: 0, low: 0), headers: [], body: Array("hello".utf8))
        try await publish([foreign])
        try await consuming(box) { try await bench.count(Workbench.deadRows, in: bench.consumer) == 1 }
        try await publish([foreign] + messages([(1, 1)]))
        try await consuming(box) { try await isAtRest(applied: 1) }
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 0)
        #expect(try await bench.count(Workbench.outboxRows, in: bench.consumer) == 1)
    }

    @Test("a relay whose process ends between publishing and deleting publishes again, and every event has its effect once")
    func crashAfterPublish() async throws {
        let folder = TemporaryPath()
        defer { folder.remove() }
        let path = folder.path
        let before = try RealProcess.open("producer", at: path)
        try await before.migrate(ToyBox.migrations, owner: "test")
        let events = bench.toys([(1, 1), (2, 2), (1, 3)])
        try await before.write { try Outbox(sink: RelayedSink {}).append(events, in: $0) }
        await before.close()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in try await RealProcess.relay(at: path) }

        let producer = try RealProcess.open("producer", at: path)
        #expect(try await bench.count(Workbench.outboxRows, in: producer) == 3, "it had not deleted what it had published")
        try await publish(try RealProcess.published(at: path))
        let expire = SQL("UPDATE leases SET ends_at = 1")
        _ = try await producer.write { try $0.execute(expire) }
        #expect(try await relay(of: producer).step() == 3)
        #expect(try await MemoryBroker(log).lag(of: "consumer") == 6, "everything was published twice")
        try await consuming(box) { try await isAtRest(applied: 3) }
        let applied = try await applied()
        #expect(applied.filter { $0.key == 1 }.map(\.value) == [1, 3])
        #expect(applied.count == 3)
        await producer.close()
    }

    /// A relay that has the lease of a database's outbox.
    private func relay(of database: any Database) async throws -> OutboxRelay {
        let broker = MemoryBroker(log)
        try await broker.open(topology)
        let lease = Lease(name: "relay", owner: "b", database: database, clock: bench.clock, logger: bench.logger)
        try await lease.step()
        return OutboxRelay(
            database: database, broker: broker, lease: lease, registry: EventRegistry([Toy.self, Noise.self]), context: bench.producing,
            logger: bench.logger)
    }

    /// What was published to the topic of dead letters.
    private func deadLetters() async throws -> [BrokerMessage] {
        let broker = MemoryBroker(log)
        let desk = try await broker.subscribe(group: "desk", topics: ["toys.DLQ"], member: "a")
        let deliveries = try await desk.next(limit: 10) ?? []
        await broker.close()
        return deliveries.map(\.message)
    }

    @Test("a body that nobody can read is parked under the same id however often it is delivered")
    func unreadable() async throws {
        let broken = BrokerMessage(topic: "toys", key: Identifier(high: 0, low: 1), headers: [.init("type", "Toy")], body: Array("{".utf8))
        try await publish([broken, broken] + messages([(2, 2)]))
        try await consuming(box) { try await isAtRest(applied: 1) }
        // On a slow machine its attempts may be over already, and it is a dead letter.
        let parked = try await bench.count(Workbench.parkedRows, in: bench.consumer)
        let dead = try await bench.count(Workbench.deadRows, in: bench.consumer)
        #expect(parked + dead == 1)
    }
}

/// A database whose server is away from some moment on: whatever is tried is undone.
private final class AwayDatabase: Database {
    private let inner: any Database
    let isAway = Atomic<Bool>(false)
    var name: String { inner.name }

    init(_ inner: any Database) { self.inner = inner }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        try await inner.write { [self] transaction in
            let result = try body(transaction)
            if isAway.load(ordering: .relaxed) { throw StorageError.away }
            return result
        }
    }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        if isAway.load(ordering: .relaxed) { throw StorageError.away }
        return try await inner.read(body)
    }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async { await inner.close() }
}

/// The computer's clock, twenty times as fast, so that nobody waits for seconds between attempts.
private struct FastTime: WallClock {
    private static let start = ContinuousClock.now
    func now() -> Timestamp {
        Timestamp(milliseconds: 1_763_730_000_000 + Int64(FastTime.start.duration(to: .now) / .milliseconds(1) * 20))
    }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration / 20) }
}

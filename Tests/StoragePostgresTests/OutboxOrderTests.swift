import Dispatch
import Logging
import Messaging
import Storage
import StoragePostgres
import Testing
import Wire

/// What an outbox and its relay rely on, where several writers commit in an order of their own.
@Suite("An outbox on PostgreSQL", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct OutboxOrderTests {
    private static let migrations = [
        Migration(version: 1, name: "messaging", statements: MessagingSchema.statements), MessagingSchema.administration(version: 2),
        MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
    ]
    private static let newest = SQL("SELECT max(sequence) FROM outbox")
    private static let count = SQL("SELECT count(*) FROM outbox")
    private static let behind = SQL("SELECT count(*) FROM outbox WHERE sequence > $1")

    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let context = ServiceContext(service: "producer", clock: Computer(), seed: 1)

    @Test("two transactions that commit in another order than they took their numbers in lose no event; a cursor would lose one")
    func lateCommit() async throws {
        let schema = TestServer.unusedName()
        let database = try TestServer.database(schema: schema) { $0.writers = 2 }
        try await database.migrate(OutboxOrderTests.migrations, owner: "test")
        let broker = MemoryBroker()
        try await broker.open(BrokerTopology(topics: ["pebbles"], groups: [.init(name: "readers", topics: ["pebbles"])], partitions: 1))
        let lease = Lease(name: "relay", owner: "a", database: database, clock: context.clock, logger: logger)
        let relay = OutboxRelay(
            database: database, broker: broker, lease: lease, registry: EventRegistry([Pebble.self]), context: context, logger: logger)
        try await lease.step()

        let gate = Gate()
        let (first, second) = (pebble(1), pebble(2))
        async let early: Int64? = database.write { transaction in
            try Outbox(sink: RelayedSink {}).append([first], in: transaction)
            let number = try transaction.first(OutboxOrderTests.newest) { $0.integer(0) }
            gate.pass()
            return number
        }
        await gate.isReached()
        let late = try await database.write { transaction in
            try Outbox(sink: RelayedSink {}).append([second], in: transaction)
            return try transaction.first(OutboxOrderTests.newest) { $0.integer(0) } ?? 0
        }
        #expect(try await relay.step() == 1, "only what is committed is there")
        gate.open()
        let number = try #require(try await early)
        #expect(number < late, "the number was taken before, and committed after")
        #expect(try await database.read { try $0.first(OutboxOrderTests.count) { $0.integer(0) } } == 1)
        let seenByCursor = try await database.read { try $0.first(OutboxOrderTests.behind, [.integer(late)]) { $0.integer(0) } }
        #expect(seenByCursor == 0, "whoever goes on behind the last that was published passes it by")
        #expect(try await relay.step() == 1)
        let readers = try await broker.subscribe(group: "readers", topics: ["pebbles"], member: "a")
        let deliveries = try await readers.next(limit: 10) ?? []
        #expect(deliveries.map(\.message.body) == [second.body, first.body])
        await broker.close()
        await database.close()
        try await TestServer.remove(schema)
    }

    @Test("the server tells how long the oldest transaction has been open, and of none when it has ended")
    func openTransaction() async throws {
        let name = TestServer.unusedName()
        // Transactions of other tests must not be seen.
        let uri = try TestServer.uri(database: name)
        let database = try TestServer.database { ($0.connection, $0.createIfMissing) = (uri, true) }
        try await database.migrate(OutboxOrderTests.migrations, owner: "test")
        let gate = Gate()
        let event = pebble(1)
        async let open: Void = database.write { transaction in
            try Outbox(sink: RelayedSink {}).append([event], in: transaction)
            _ = try transaction.first(OutboxOrderTests.newest) { $0.integer(0) }
            gate.pass()
        }
        await gate.isReached()
        let begin = ContinuousClock.now
        try await eventually("the transaction is not seen") { try await database.oldestTransactionAge() >= .milliseconds(300) }
        #expect(ContinuousClock.now - begin >= .milliseconds(250), "its age is the time that it has been open")
        gate.open()
        try await open
        try await eventually("its end is not seen") { try await database.oldestTransactionAge() < .milliseconds(100) }
        await database.close()
        try TestServer.drop(database: name)
    }

    private func pebble(_ number: Int64) -> Envelope { context.envelope(Pebble(number: number), key: Identifier(high: 0, low: UInt64(number))) }
}

/// An event of a business that is not ours.
private struct Pebble: Event {
    static let type = "Pebble"
    static let topic = "pebbles"
    static let schemaVersion = 1
    static let shape = EventShape("A pebble.", [.required("number", .integer, "Which one.")])
    let number: Int64

    init(number: Int64) { self.number = number }
    func write(to json: inout JSONWriter) { json.member("number", number) }
    init(from json: JSONObject) throws { number = try json.integer("number") }
}

/// The computer's clock.
private struct Computer: WallClock {
    private static let start = ContinuousClock.now
    func now() -> Timestamp { Timestamp(milliseconds: 1_763_730_000_000 + Int64(Computer.start.duration(to: .now) / .milliseconds(1))) }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

/// Holds a writer's thread inside a transaction until it is opened.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let reached: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() { (reached, arrival) = AsyncStream.makeStream() }

    /// Stops the calling thread, which must not be one of Swift's own.
    func pass() {
        arrival.yield()
        semaphore.wait()
        semaphore.signal()
    }
    func open() { semaphore.signal() }
    func isReached() async { for await _ in reached { return } }
}

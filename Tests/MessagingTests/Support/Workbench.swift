import Logging
import Messaging
import Storage
import Synchronization
import TestDatabases
import Testing
import Wire

@testable import Messaging

/// A producer and consumers with a database each, a bus between them and a clock that stands still. Nothing runs unless a test steps it.
final class Workbench: Sendable {
    let clock = ManualClock()
    let producer: any Database
    let consumer: any Database
    let producing: ServiceContext
    let consuming: ServiceContext
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() async throws {
        producer = try Workbench.open("producer")
        consumer = try Workbench.open("consumer")
        producing = ServiceContext(service: "producer", clock: clock, seed: 1)
        consuming = ServiceContext(service: "consumer", clock: clock, seed: 2)
        for database in [producer, consumer] { try await database.migrate(ToyBox.migrations, owner: "test") }
    }

    static func open(_ name: String) throws -> any Database { try TestDatabase.open(name) }

    /// A bus as after a start of the process.
    /// - Parameter isExact: whether the producer's numbers follow the order of its commits, or its engine promises nothing of the kind.
    func bus(registry: EventRegistry = EventRegistry([Toy.self, Noise.self]), isExact: Bool = true) -> EventBus {
        let bus = EventBus(registry: registry)
        bus.addProducer("producer", database: isExact ? producer : InterruptedDatabase(producer))
        return bus
    }

    /// The producer's database as it is after somebody threw it away.
    func emptyProducer() async throws -> any Database {
        let database = try Workbench.open("producer")
        try await database.migrate(ToyBox.migrations, owner: "test")
        return database
    }

    func makeConsumer(
        _ handler: any EventHandler, on bus: EventBus, database: (any Database)? = nil, registry: EventRegistry? = nil
    ) async throws -> Consumer {
        let consumer = Consumer(
            handler: handler, database: database ?? self.consumer, bus: bus, context: consuming, logger: logger, maximumBatch: 100, registry: registry)
        try await consumer.prepare()
        return consumer
    }

    func toys(_ toys: [(key: Int, number: Int64)]) -> [Envelope] {
        toys.map { producing.envelope(Toy($0.number), key: Identifier(high: 0, low: UInt64($0.key))) }
    }

    /// The same as they come out of an outbox, counted from 1.
    func numbered(_ list: [(key: Int, number: Int64)]) throws -> [Envelope] {
        let registry = EventRegistry([Toy.self])
        return try toys(list).enumerated().map { try Envelope(body: $1.body, registry: registry, sequence: Int64($0 + 1)) }
    }

    /// Commits events of the producer in one transaction.
    func say(_ events: [Envelope], on bus: EventBus) async throws {
        try await producer.write { try Outbox(sink: bus).append(events, in: $0) }
    }
    func say(_ toys: [(key: Int, number: Int64)], on bus: EventBus) async throws { try await say(self.toys(toys), on: bus) }

    func count(_ sql: SQL, in database: any Database) async throws -> Int64 { try await database.read { try $0.first(sql) { $0.integer(0) } ?? -1 } }

    static let outboxRows = SQL("SELECT count(*) FROM outbox")
    static let inboxRows = SQL("SELECT count(*) FROM inbox")
    static let parkedRows = SQL("SELECT count(*) FROM parked")
    static let deadRows = SQL("SELECT count(*) FROM dead_letters")
    static let jobRows = SQL("SELECT count(*) FROM jobs")
    static let timerRows = SQL("SELECT count(*) FROM timers")
}

extension Consumer {
    /// Steps until nothing waits.
    func drain(limit: Int = 100) async {
        while let work = feed.take(limit: limit) { guard await step(work) else { return } }
    }
}

/// A database that lets a test do something between the end of one call and the caller's next step.
final class InterruptedDatabase: Database {
    private let inner: any Database
    private let interruption = Mutex<(@Sendable () async throws -> Void)?>(nil)
    var name: String { inner.name }

    init(_ inner: any Database) { self.inner = inner }

    /// Does this once, after the next read or write has ended.
    func afterNextCall(_ body: @escaping @Sendable () async throws -> Void) { interruption.withLock { $0 = body } }

    private func interrupt() async throws {
        let body = interruption.withLock { interruption in
            defer { interruption = nil }
            return interruption
        }
        try await body?()
    }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        let result = try await inner.write(body)
        try await interrupt()
        return result
    }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        let result = try await inner.read(body)
        try await interrupt()
        return result
    }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async { await inner.close() }
}

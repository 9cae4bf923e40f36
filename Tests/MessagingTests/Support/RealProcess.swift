import Foundation
import Logging
import Messaging
import Storage
import StorageSQLite
import Wire

@testable import Messaging

/// A consumer of toys in a process of its own, on files.
enum RealProcess {
    /// Stops the process at the second toy, as a trap in a handler does.
    private struct TrappingBox: EventHandler {
        let subscriptions: Set<String>? = ["Toy"]
        func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
            for event in events {
                guard let toy = event.event as? Toy else { continue }
                if toy.number == 2 { fatalError("toy 2 ends the process") }
                try ToyBox.write(toy.number, event.key, in: transaction)
            }
        }
    }

    static func open(_ name: String, at path: String) throws -> SQLiteDatabase {
        var configuration = SQLiteDatabase.Configuration()
        configuration.commitInterval = .zero
        return try SQLiteDatabase(name: name, path: "\(path)/\(name).sqlite", configuration: configuration)
    }

    private static func bus(_ producer: any Database) -> EventBus {
        let bus = EventBus(registry: EventRegistry([Toy.self]))
        bus.addProducer("producer", database: producer)
        return bus
    }

    /// Commits four toys of three orders.
    static func say(at path: String) async throws {
        let (producer, consumer) = (try open("producer", at: path), try open("consumer", at: path))
        for database in [producer, consumer] { try await database.migrate(ToyBox.migrations, owner: "test") }
        let context = ServiceContext(service: "producer", clock: ManualClock(), seed: 1)
        let events = [(1, 1), (2, 2), (3, 3), (2, 4)].map { context.envelope(Toy($0.1), key: Identifier(high: 0, low: UInt64($0.0))) }
        // A consumer that began and never ended: what is committed is in its hands.
        try await consumer.write { _ = try Runs.begin(at: context.now, in: $0) }
        let bus = bus(producer)
        try await producer.write { try Outbox(sink: bus).append(events, in: $0) }
        await producer.close()
        await consumer.close()
    }

    /// Works until nothing is left, or the process ends.
    static func live(at path: String) async throws {
        let (producer, database) = (try open("producer", at: path), try open("consumer", at: path))
        let clock = ManualClock()
        let context = ServiceContext(service: "consumer", clock: clock, seed: 2)
        let consumer = Consumer(
            handler: TrappingBox(), database: database, bus: bus(producer), context: context, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        // Every process begins a minute after the one before.
        let begun = try await database.read { try $0.first(SQL("SELECT began_at FROM runs")) { $0.time(0) } ?? clock.now() }
        clock.set(begun.advanced(byMilliseconds: 60_000))
        _ = try await database.write { try $0.execute(SQL("UPDATE runs SET began_at = $1"), [.time(clock.now())]) }
        try await consumer.prepare()
        await consumer.drain()
        for _ in 0..<100 {
            while try await consumer.retryParked() > 0 {}
            clock.advance(by: .milliseconds(100))
        }
        await producer.close()
        await database.close()
    }
}

extension RealProcess {
    /// Publishes what ``say(at:)`` or another has committed to a file that ``published(at:)`` reads, and ends at the crash point between publishing and deleting.
    static func relay(at path: String) async throws {
        setenv("CRASH_AT", "producer.after-publish:1", 1)
        let producer = try open("producer", at: path)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let context = ServiceContext(service: "producer", clock: ManualClock(), seed: 9)
        let lease = Lease(name: "relay", owner: "child", database: producer, clock: context.clock, logger: logger)
        let relay = OutboxRelay(
            database: producer, broker: FileBroker(path: path), lease: lease, registry: EventRegistry([Toy.self]), context: context, logger: logger)
        try await lease.step()
        _ = try await relay.step()
        await producer.close()
    }

    /// What was published at a path, as another broker would have it.
    static func published(at path: String) throws -> [BrokerMessage] {
        try String(contentsOfFile: FileBroker.file(path), encoding: .utf8).split(separator: "\n").map { line in
            let parts = line.split(separator: " ", maxSplits: 1)
            let body = Array((parts.last ?? "").utf8)
            let key = Identifier(String(parts.first ?? "")) ?? Identifier(high: 0, low: 0)
            return CloudEvents.message(try EnvelopeHead(body: body), key: key, topic: "toys", body: body)
        }
    }

    /// A broker whose log is a file, so that it outlives the process that published.
    private final class FileBroker: EventBroker {
        private let path: String
        let name = "file"
        init(path: String) { self.path = path }

        static func file(_ path: String) -> String { "\(path)/published" }

        func publish(_ messages: [BrokerMessage]) async throws {
            let text = messages.map { "\($0.key) \(String(decoding: $0.body, as: UTF8.self))\n" }.joined()
            try text.write(toFile: FileBroker.file(path), atomically: true, encoding: .utf8)
        }
        func open(_ topology: BrokerTopology) async throws {}
        func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription { throw BrokerError.unavailable("test") }
        func lag(of group: String) async throws -> Int? { nil }
        func examine(_ topology: BrokerTopology) async -> [EngineFinding] { [] }
        func close() async {}
    }
}

/// A folder of its own.
struct TemporaryPath {
    let path: String
    init() {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-crash-\(UUID().uuidString)").path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

import Benchmark
import Contracts
import Foundation
import Logging
import Messaging
import Storage
import StorageSQLite
import Wire

/// Events on their way from a producer's transaction to a consumer's, per event. Every iteration has new databases, so that they are of the same size.
func registerEvents() {
    Benchmark(
        "events: outbox to consumer, 1,000 in transactions of 100",
        configuration: .init(scalingFactor: .kilo, maxDuration: .seconds(30), maxIterations: 100)
    ) { benchmark in
        let created = try Samples.orderCreated()
        let events = benchmark.scaledIterations.map { Samples.envelope(of: created, number: $0) }
        let handover = try await Handover()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await handover.consumer.run() }
            try await benchmark.measureAsync { try await handover.pass(events, perTransaction: 100) }
            group.cancelAll()
            try await group.waitForAll()
        }
        await handover.close()
    }
}

/// A producer, a bus and a consumer whose handler does nothing but say what was applied.
private final class Handover: Sendable {
    private struct Counting: EventHandler {
        let subscriptions: Set<String>? = [OrderCreated.type]
        let applied: AsyncStream<Int>.Continuation

        func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
            transaction.onCommit { applied.yield(events.count) }
        }
    }

    let consumer: Consumer
    private let producing: SQLiteDatabase
    private let consuming: SQLiteDatabase
    private let outbox: Outbox
    private let applied: AsyncStream<Int>

    init() async throws {
        producing = try SQLiteDatabase(name: "producer", path: ":memory:", configuration: .unpaced)
        consuming = try SQLiteDatabase(name: "consumer", path: ":memory:", configuration: .unpaced)
        let migrations = [
            Migration(version: 1, name: "messaging", statements: MessagingSchema.statements), MessagingSchema.administration(version: 2),
        ]
        for database in [producing, consuming] { try await database.migrate(migrations, owner: "benchmark") }
        let bus = EventBus(registry: EventCatalog.registry)
        bus.addProducer("orders", database: producing)
        outbox = Outbox(sink: bus)
        let counts = AsyncStream.makeStream(of: Int.self)
        applied = counts.stream
        consumer = Consumer(
            handler: Counting(applied: counts.continuation), database: consuming, bus: bus,
            context: ServiceContext(service: "consumer", clock: RealClock(), seed: 1), logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
        try await consumer.prepare()
    }

    /// Commits the events and returns when the consumer has committed them too.
    func pass(_ events: [Envelope], perTransaction size: Int) async throws {
        let outbox = self.outbox
        for start in stride(from: 0, to: events.count, by: size) {
            let batch = Array(events[start..<min(start + size, events.count)])
            try await producing.write { try outbox.append(batch, in: $0) }
        }
        var missing = events.count
        for await count in applied {
            missing -= count
            if missing <= 0 { return }
        }
    }

    func close() async { for database in [producing, consuming] { await database.close() } }
}

/// The computer's clock; the product's own belongs to the platform, which is not built for this.
private struct RealClock: WallClock {
    func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

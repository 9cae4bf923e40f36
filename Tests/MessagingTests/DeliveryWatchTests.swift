import Logging
import Messaging
import Storage
import Synchronization
import Testing
import Wire

@testable import Messaging

@Suite("Delivery watch", .timeLimit(.minutes(1)))
struct DeliveryWatchTests {
    private let bench: Workbench
    private let lease: Lease
    private let server = FakeServer()
    private let log = MemoryLog()
    private let lines = LogLines()

    init() async throws {
        bench = try await Workbench()
        lease = Lease(name: "relay", owner: "a", database: bench.consumer, clock: bench.clock, logger: bench.logger)
    }

    private func watch() -> DeliveryWatch {
        let lines = self.lines
        let logger = Logger(label: "test") { _ in lines }
        return DeliveryWatch(service: "consumer", transactions: server, broker: MemoryBroker(log), lease: lease, clock: bench.clock, logger: logger)
    }

    @Test("who has the lease tells the lag and the age of the oldest transaction; nobody else does, and not after it has lost it")
    func figures() async throws {
        let broker = MemoryBroker(log)
        try await broker.open(BrokerTopology(topics: ["toys"], groups: [.init(name: "consumer", topics: ["toys"])], partitions: 2))
        let messages = try bench.toys([(1, 1), (2, 2)]).map {
            CloudEvents.message(try EnvelopeHead(body: $0.body), key: $0.key, topic: "toys", body: $0.body)
        }
        try await broker.publish(messages)
        server.age.withLock { $0 = .seconds(7) }
        let watch = watch()
        await watch.step()
        #expect(watch.lag == 0 && watch.oldestTransaction == .zero)
        try await lease.step()
        await watch.step()
        #expect(watch.lag == 2 && watch.oldestTransaction == .seconds(7))
        log.setDown(true)
        await watch.step()
        #expect(watch.lag == 2, "a broker that is away has not become empty")
        let expire = SQL("UPDATE leases SET ends_at = 1")
        _ = try await bench.consumer.write { try $0.execute(expire) }
        try await Lease(name: "relay", owner: "b", database: bench.consumer, clock: bench.clock, logger: bench.logger).step()
        try await lease.step()
        await watch.step()
        #expect(watch.lag == 0 && watch.oldestTransaction == .zero)
    }

    @Test("a transaction that stays open is worth a line in the log, once in a while, and again after it has ended")
    func longTransaction() async throws {
        try await lease.step()
        let watch = watch()
        for (age, count) in [(59, 0), (61, 1), (71, 1), (0, 1), (3600, 2)] as [(Int, Int)] {
            server.age.withLock { $0 = .seconds(age) }
            await watch.step()
            #expect(lines.warnings.count == count, "after a transaction of \(age) s")
        }
        #expect(lines.warnings.allSatisfy { $0.contains("a transaction stays open") })
    }
}

private final class FakeServer: TransactionWatch {
    let age = Mutex<Duration>(.zero)
    func oldestTransactionAge() async throws -> Duration { age.withLock { $0 } }
}

/// Keeps the warnings that are logged.
private final class LogLines: LogHandler {
    private let lines = Mutex<[String]>([])
    var warnings: [String] { lines.withLock { $0 } }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    func log(event: LogEvent) { if event.level >= .warning { lines.withLock { $0.append("\(event.message)") } } }
}

import Foundation
import Messaging
import Testing
import Wire

@testable import BrokerKafka

@Suite("A large backlog on Kafka", .enabled(if: MockCluster.isWanted, "kafka-mock is not built"), .timeLimit(.minutes(10)))
struct BacklogTests {
    /// How many events wait. `WAYBILL_TEST_BACKLOG=1000000` shows what the platform promises; that takes a minute or two in a debug build.
    private static let count = ProcessInfo.processInfo.environment["WAYBILL_TEST_BACKLOG"].flatMap { Int($0) } ?? 60_000
    private static let keys = 5000
    /// The mock keeps the newest five mebibytes of each partition, so that a backlog needs many of them: a million events of an order take 250 MiB, compressed.
    private static let partitions = 128
    /// What the process may grow by: what the library fetches ahead (32 MiB), what it unpacks, and what is held.
    private static let allowedMebibytes = 192

    @Test("is drained in order, also by the successor of a member that crashed, and little of it is in memory at a time")
    func drain() async throws {
        let topology = TestCluster.topology(partitions: BacklogTests.partitions)
        let (topic, group) = (topology.topics[0], topology.groups[0].name)
        let cluster = try MockCluster(topics: [topic: BacklogTests.partitions])
        defer { cluster.end() }
        let configuration = TestCluster.configuration(cluster)
        let (publisher, one, two) = (TestCluster.broker(configuration), TestCluster.broker(configuration), TestCluster.broker(configuration))
        for broker in [publisher, one, two] { try await broker.open(topology) }
        try await timed("published", BacklogTests.count) {
            for first in stride(from: 0, to: BacklogTests.count, by: 5000) {
                try await publisher.publish((first..<min(first + 5000, BacklogTests.count)).map { BacklogTests.message($0, topic: topic) })
            }
        }

        let before = BacklogTests.residentMebibytes
        let reader = BacklogReader(keys: BacklogTests.keys)
        let first = try await one.subscribe(group: group, topics: [topic], member: "a")
        try await timed("drained", BacklogTests.count / 2) { try await reader.read(first, until: BacklogTests.count / 2) }
        await one.abandon()
        let second = try await two.subscribe(group: group, topics: [topic], member: "b")
        try await timed("drained by the successor", BacklogTests.count / 2) { try await reader.read(second, until: BacklogTests.count) }
        #expect(reader.applied == BacklogTests.count)
        let growth = reader.peakMebibytes - before
        say("\(before) MiB in memory before, at most \(growth) more while they were read")
        #expect(growth < BacklogTests.allowedMebibytes, "\(growth) MiB more in memory")
        await two.close()
        await publisher.close()
    }

    /// Says how fast something went.
    private func timed(_ what: String, _ count: Int, _ body: () async throws -> Void) async throws {
        let start = ContinuousClock.now
        try await body()
        let seconds = (ContinuousClock.now - start).milliseconds / 1000
        say("\(count) events \(what) in \(Int(seconds)) s, \(Int(Double(count) / seconds)) a second")
    }

    /// Prints figures where somebody asked for a size.
    private func say(_ words: String) { if ProcessInfo.processInfo.environment["WAYBILL_TEST_BACKLOG"] != nil { print("backlog: \(words)") } }

    /// An event of the usual size whose ids do not compress.
    private static func message(_ index: Int, topic: String) -> BrokerMessage {
        let (key, number) = (index % keys, index / keys)
        func id(_ salt: UInt64) -> Identifier {
            let mixed = (UInt64(index) &+ salt) &* 0x9E37_79B9_7F4A_7C15
            return Identifier(high: mixed ^ (mixed >> 29), low: mixed &* 0xBF58_476D_1CE4_E5B9)
        }
        let body = """
            \(number) {"eventId":"\(id(1))","orderId":"\(id(2))","timestamp":"2025-11-21T12:00:00.000Z","correlationId":"\(id(3))","causationId":"\(id(4))",\
            "version":3,"schemaVersion":1,"customerId":"\(id(5))","currency":"GBP","totalAmount":"19.99","items":[{"productId":"85123A","quantity":6,\
            "unitPrice":"2.55"},{"productId":"71053","quantity":6,"unitPrice":"3.39"},{"productId":"84406B","quantity":8,"unitPrice":"2.75"}]}
            """
        return BrokerMessage(
            topic: topic, key: Identifier(high: 0x0192_8f00_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(key)),
            headers: [.init("id", "\(id(1))"), .init("type", "OrderReserved"), .init("content-type", "application/json")], body: Array(body.utf8))
    }

    /// What the process has in memory.
    static var residentMebibytes: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return (pages * Int(sysconf(Int32(_SC_PAGESIZE)))) >> 20
    }
}

/// Applies the numbers of each key once and in order, and notes how much memory that took.
private final class BacklogReader {
    private var next: [Int]
    private(set) var applied = 0
    private(set) var peakMebibytes = 0
    private var hasGap = false

    init(keys: Int) { next = Array(repeating: 0, count: keys) }

    /// Takes and acknowledges until so many are applied.
    func read(_ member: any BrokerSubscription, until count: Int) async throws {
        while applied < count {
            do {
                guard let deliveries = try await member.next(limit: 2000) else { return }
                for delivery in deliveries { apply(delivery) }
                await member.acknowledge(deliveries)
                peakMebibytes = max(peakMebibytes, BacklogTests.residentMebibytes)
            } catch BrokerError.unavailable { continue }
        }
    }

    private func apply(_ delivery: BrokerDelivery) {
        let key = Int(delivery.message.key.low & 0xFFFF)
        let number = delivery.message.body.prefix { $0 != 32 }.reduce(0) { $0 * 10 + Int($1) - 48 }
        guard next.indices.contains(key), number >= next[key] else { return }
        if number > next[key], !hasGap {
            hasGap = true
            Issue.record("\(number) of key \(key) came before \(next[key])")
        }
        next[key] = number + 1
        applied += 1
    }
}

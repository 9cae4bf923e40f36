import Storage
import Testing
import Wire

@testable import Messaging

/// A producer of the next release and a consumer of this one, which is updated in the course of the test.
@Suite("Rolling updates", .timeLimit(.minutes(1)))
struct RollingUpdateTests {
    typealias Applied = ToyBox.Applied
    private let bench: Workbench
    private let box = ToyBox()
    private let old = EventRegistry([Toy.self])
    private static let breaking = HypotheticalVersion(of: Toy.self, readableFrom: 2) {
        $0.renaming("number", to: "count")
    } revert: {
        $0.renaming("count", to: "number")
    }
    private static let additive = HypotheticalVersion(of: Toy.self, readableFrom: 1) {
        $0.setting("colour", to: .string("red"))
    } revert: {
        $0.removing("colour")
    }

    init() async throws { bench = try await Workbench() }

    /// Commits toys; those in the set are written by a producer of the next release. The consumer is another process and reads the outbox.
    private func say(_ toys: [(key: Int, number: Int64)], newer: Set<Int64>, _ version: HypotheticalVersion) async throws {
        let updated = old.updated(with: [version])
        let events = try bench.toys(toys).map { event in
            let isNewer = (event.event as? Toy).map { newer.contains($0.number) } ?? false
            return isNewer ? try Envelope(body: version.rewrite(event.body), registry: updated) : event
        }
        try await bench.say(events, on: bench.bus())
    }
    private func applied() async throws -> [Applied] { try await ToyBox.applied(in: bench.consumer) }
    private func count(_ sql: SQL) async throws -> Int64 { try await bench.count(sql, in: bench.consumer) }

    /// Lets time pass as the retry loop would.
    private func retry(_ consumer: Consumer, rounds: Int) async throws {
        for _ in 0..<rounds {
            bench.clock.advance(by: .seconds(10))
            while try await consumer.retryParked() > 0 {}
        }
    }

    @Test("what only says more is applied at once by a consumer one version behind")
    func additive() async throws {
        try await say([(1, 1), (1, 2)], newer: [1, 2], RollingUpdateTests.additive)
        let consumer = try await bench.makeConsumer(box, on: bench.bus(registry: old))
        await consumer.drain()
        #expect(try await applied() == [Applied(key: 1, value: 1), Applied(key: 1, value: 2)])
        #expect(try await count(Workbench.parkedRows) == 0)
    }

    @Test("what a consumer one version behind cannot read waits with the rest of its order, dies never, and is applied in order after the update")
    func breaking() async throws {
        try await say([(1, 1), (1, 2), (2, 3), (1, 4), (2, 5)], newer: [2, 5], RollingUpdateTests.breaking)
        let behind = try await bench.makeConsumer(box, on: bench.bus(registry: old))
        await behind.drain()
        let before = [Applied(key: 1, value: 1), Applied(key: 2, value: 3)]
        #expect(try await applied() == before)
        #expect(try await count(Workbench.parkedRows) == 3)
        // An update may take its time: many more rounds than a failing event has attempts.
        try await retry(behind, rounds: 20)
        #expect(try await applied() == before)
        #expect(try await count(Workbench.parkedRows) == 3)
        #expect(try await count(Workbench.deadRows) == 0)

        try await say([(1, 6)], newer: [6], RollingUpdateTests.breaking)
        let updated = try await bench.makeConsumer(box, on: bench.bus(registry: old.updated(with: [RollingUpdateTests.breaking])))
        await updated.drain()
        #expect(try await applied() == before, "the newest waits behind those of its order")
        try await retry(updated, rounds: 1)
        let all = try await applied()
        #expect(all.filter { $0.key == 1 }.map(\.value) == [1, 2, 4, 6])
        #expect(all.filter { $0.key == 2 }.map(\.value) == [3, 5])
        #expect(try await count(Workbench.parkedRows) == 0)
        #expect(try await count(Workbench.deadRows) == 0)
    }

    @Test("a type that this program does not know yet waits as well, for one who wants all types")
    func unknownTypes() async throws {
        let key = Identifier(high: 0, low: 1)
        try await bench.say([bench.producing.envelope(Noise(), key: key)] + bench.toys([(1, 1), (2, 2)]), on: bench.bus())
        let everything = Everything(box: box)
        let behind = try await bench.makeConsumer(everything, on: bench.bus(registry: old))
        await behind.drain()
        try await retry(behind, rounds: 20)
        #expect(try await applied() == [Applied(key: 2, value: 2)])
        #expect(try await count(Workbench.parkedRows) == 2)
        let updated = try await bench.makeConsumer(everything, on: bench.bus())
        try await retry(updated, rounds: 1)
        #expect(try await applied() == [Applied(key: 2, value: 2), Applied(key: 1, value: 1)])
        #expect(try await count(Workbench.parkedRows) == 0)
        #expect(try await count(Workbench.deadRows) == 0)
    }

    @Test("after a crash what is too new waits as ever: no attempt is counted at it")
    func afterCrash() async throws {
        try await say([(1, 1), (1, 2), (2, 3), (1, 4)], newer: [2], RollingUpdateTests.breaking)
        // Prepared and never ended: what was committed is handled with care at the next start.
        _ = try await bench.makeConsumer(box, on: bench.bus(registry: old))
        let behind = try await bench.makeConsumer(box, on: bench.bus(registry: old))
        #expect(behind.careful.withLock { $0 != nil })
        await behind.drain()
        #expect(behind.careful.withLock { $0 == nil })
        #expect(try await applied() == [Applied(key: 1, value: 1), Applied(key: 2, value: 3)])
        try await retry(behind, rounds: 20)
        #expect(try await count(Workbench.parkedRows) == 2)
        #expect(try await count(SQL("SELECT sum(attempts) FROM parked")) == 0)
        #expect(try await count(SQL("SELECT count(*) FROM attempts")) == 0)
        #expect(try await count(Workbench.deadRows) == 0)
        #expect(behind.backlog.parked == 2)
    }

    @Test("with half the consumers one version behind and then updated, all end with the same and no dead letter")
    func mixedVersions() async throws {
        let versions = [RollingUpdateTests.breaking]
        let next = old.updated(with: versions)
        let slowDatabase = try Workbench.open("slow")
        try await slowDatabase.migrate(ToyBox.migrations, owner: "test")
        let bus = bench.bus(registry: next)
        let sink = NewerProducer(bus: bus, versions: versions, registry: next)
        let updated = try await bench.makeConsumer(box, on: bus)
        let behind = try await bench.makeConsumer(box, on: bus, database: slowDatabase, registry: old)
        for number in 1...6 as ClosedRange<Int64> {
            let toys = bench.toys([(key: Int(number % 2), number: number)])
            try await bench.producer.write { try Outbox(sink: number == 3 ? sink : bus).append(toys, in: $0) }
            for consumer in [updated, behind] { await consumer.drain() }
        }
        let all = try await applied()
        #expect(all.map(\.value) == [1, 2, 3, 4, 5, 6])
        #expect(try await ToyBox.applied(in: slowDatabase).map(\.value) == [1, 2, 4, 6], "the order of number 3 waits, the other flows")
        try await retry(behind, rounds: 20)

        let afterwards = try await bench.makeConsumer(box, on: bench.bus(registry: next), database: slowDatabase)
        await afterwards.drain()
        try await retry(afterwards, rounds: 1)
        for key in [0, 1] { #expect(try await ToyBox.applied(in: slowDatabase).filter { $0.key == key } == all.filter { $0.key == key }) }
        for database in [bench.consumer, slowDatabase] {
            #expect(try await bench.count(Workbench.parkedRows, in: database) == 0)
            #expect(try await bench.count(Workbench.deadRows, in: database) == 0)
        }
    }

    /// What a producer says once it is of the next release.
    private struct NewerProducer: EventSink {
        let bus: EventBus
        let versions: [HypotheticalVersion]
        let registry: EventRegistry
        func committed(_ events: [Envelope], from source: String) {
            let rewritten = events.map { event in
                let body = try? versions.reduce(event.body) { try $1.rewrite($0) }
                return body.flatMap { try? Envelope(body: $0, registry: registry, sequence: event.sequence) } ?? event
            }
            bus.committed(rewritten, from: source)
        }
    }

    /// An observer: it subscribes to all types.
    private struct Everything: EventHandler {
        let box: ToyBox
        var subscriptions: Set<String>? { nil }
        func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
            try box.react(to: events, in: transaction, context: context)
        }
    }
}

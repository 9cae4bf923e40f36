import Storage
import TestDatabases
import Testing
import Wire

@testable import Messaging

@Suite("Consumer", .timeLimit(.minutes(1)))
struct ConsumerTests {
    typealias Applied = ToyBox.Applied
    let bench: Workbench
    let box = ToyBox()

    init() async throws { bench = try await Workbench() }

    private func applied() async throws -> [Applied] { try await ToyBox.applied(in: bench.consumer) }

    @Test("events reach it once, in the order in which they were committed")
    func order() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        var expected: [Applied] = []
        for round in 0..<30 as Range<Int64> {
            try await bench.say((0..<7).map { (key: $0, number: round * 10 + Int64($0)) }, on: bus)
            expected += (0..<7).map { Applied(key: $0, value: round * 10 + Int64($0)) }
            if round % 4 == 0 { await consumer.drain(limit: 5) }
        }
        await consumer.drain()
        #expect(try await applied() == expected)
        #expect(consumer.feed.isIdle)
        #expect(consumer.feed.backlog == 0)
    }

    @Test("an event that is delivered again is not applied again, neither in the same batch nor later", arguments: [true, false])
    func duplicates(isExact: Bool) async throws {
        let bus = bench.bus(isExact: isExact)
        let consumer = try await bench.makeConsumer(box, on: bus)
        let events = try bench.numbered([(1, 1), (1, 2), (2, 3)])
        bus.committed(events, from: "producer")
        bus.committed(events, from: "producer")
        await consumer.drain()
        bus.committed(events.reversed(), from: "producer")
        await consumer.drain()
        #expect(try await applied() == [Applied(key: 1, value: 1), Applied(key: 1, value: 2), Applied(key: 2, value: 3)])
        let kept: Int64 = isExact && bench.producer.commitsInOrder ? 0 : 3
        #expect(try await bench.count(Workbench.inboxRows, in: bench.consumer) == kept, "ids are kept only where the position does not tell")
    }

    @Test(
        "events behind a number that is missing wait for it: both are read from the outbox, in order",
        .disabled(if: TestDatabase.isPostgres, "PostgreSQL's numbers may have gaps"))
    func gap() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        // Written by somebody who hands nothing over.
        try await bench.say([(1, 1)], on: EventBus(registry: bus.registry))
        try await bench.say([(1, 2)], on: bus)
        await consumer.drain()
        #expect(try await applied().map(\.value) == [1, 2])
        try await bench.say([(1, 3)], on: bus)
        await consumer.drain()
        #expect(try await applied().map(\.value) == [1, 2, 3])
    }

    @Test("a log that was replaced and counts anew is not taken for what was applied: its events are applied, once")
    func replacedLog() async throws {
        let before = bench.bus()
        let first = try await bench.makeConsumer(box, on: before)
        try await bench.say([(1, 1), (1, 2), (1, 3)], on: before)
        await first.drain()
        let bus = EventBus(registry: before.registry)
        bus.addProducer("producer", database: try await bench.emptyProducer())
        let consumer = try await bench.makeConsumer(box, on: bus)
        let anew = try bench.numbered([(1, 4), (1, 5)])
        for _ in 0..<2 {
            bus.committed(anew, from: "producer")
            await consumer.drain()
        }
        #expect(try await applied().map(\.value) == [1, 2, 3, 4, 5])
    }

    @Test("what was committed while it was away is read from the outbox, and nothing else")
    func recovery() async throws {
        let first = bench.bus()
        let before = try await bench.makeConsumer(box, on: first)
        try await bench.say([(1, 1), (2, 2)], on: first)
        await before.drain()
        // The process ends with two events in the feed, and the producer goes on alone.
        try await bench.say([(1, 3)], on: first)
        try await bench.say([(2, 4)], on: bench.bus())
        let events = [bench.producing.envelope(Noise(), key: Identifier(high: 0, low: 9))]
        try await bench.say(events, on: bench.bus())

        for _ in 0..<2 {
            let bus = bench.bus()
            let after = try await bench.makeConsumer(box, on: bus)
            await after.drain(limit: 1)
            #expect(after.feed.isIdle)
        }
        #expect(try await applied().map(\.value) == [1, 2, 3, 4])
        #expect(box.batches.withLock { $0.reduce(0, +) } == 4, "what was applied before is not even read")
    }

    @Test("more events than the feed holds lose nothing and keep their order")
    func overflow() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        try await bench.say((0..<8000).map { (key: $0 % 3, number: Int64($0)) }, on: bus)
        try await bench.say((8000..<9000).map { (key: $0 % 3, number: Int64($0)) }, on: bus)
        try await bench.say((9000..<9010).map { (key: $0 % 3, number: Int64($0)) }, on: bus)
        #expect(!consumer.feed.isIdle)
        await consumer.drain()
        #expect(try await applied().map(\.value) == Array(0..<9010))
        #expect(consumer.feed.isIdle)
        try await bench.say([(1, 9010)], on: bus)
        await consumer.drain()
        #expect(try await applied().last?.value == 9010)
        #expect(bus.appliedByAll(from: "producer") == 9011)
    }

    @Test("a failing event holds back its own order only, and those behind it follow in order when it succeeds")
    func parking() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        box.breaks(at: 2)
        try await bench.say([(1, 1), (1, 2), (1, 3), (2, 4)], on: bus)
        await consumer.drain()
        #expect(try await applied() == [Applied(key: 1, value: 1), Applied(key: 2, value: 4)])
        #expect(box.batches.withLock { $0 } == [4, 2, 1, 1, 1], "the batch, then its halves; what stands behind the guilty one is not tried")
        try await bench.say([(1, 5), (2, 6)], on: bus)
        await consumer.drain()
        #expect(try await applied().map(\.value) == [1, 4, 6])
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 3)

        box.breaks()
        bench.clock.advance(by: .seconds(1))
        while try await consumer.retryParked() > 0 {}
        #expect(try await applied().map(\.value) == [1, 4, 6, 2, 3, 5])
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 0)
        try await bench.say([(1, 7)], on: bus)
        await consumer.drain()
        #expect(try await applied().last?.value == 7, "the order flows again")
    }

    @Test("a parked event that is delivered again stays parked once")
    func parkedTwice() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        box.breaks(at: 1)
        let events = try bench.numbered([(1, 1), (1, 2)])
        for _ in 0..<2 {
            bus.committed(events, from: "producer")
            await consumer.drain()
        }
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 2)
        box.breaks()
        bench.clock.advance(by: .seconds(1))
        while try await consumer.retryParked() > 0 {}
        #expect(try await applied().map(\.value) == [1, 2])
    }

    @Test("a failing event is tried again after 1, 2 and 4 seconds, then it is a dead letter and those behind it go on")
    func deadLetters() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        box.breaks(at: 1)
        try await bench.say([(1, 1), (1, 2)], on: bus)
        await consumer.drain()
        let parkedAt = bench.clock.now()
        func attempts() -> Int { box.batches.withLock { $0.count } }
        var tried = attempts()
        for delay in [1_000, 2_000, 4_000] {
            bench.clock.advance(by: .milliseconds(delay - 1))
            #expect(try await consumer.retryParked() == 0)
            #expect(attempts() == tried, "nothing is tried a millisecond too early")
            bench.clock.advance(by: .milliseconds(1))
            while try await consumer.retryParked() > 0 {}
            #expect(attempts() > tried)
            tried = attempts()
        }
        #expect(try await applied().map(\.value) == [2])
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 0)
        let letter = SQL("SELECT key, type, topic, attempts, error, parked_at, died_at, body FROM dead_letters")
        let found = try await bench.consumer.read { transaction in
            try transaction.query(letter) {
                (
                    $0.id(0), $0.text(1), $0.text(2), $0.integer(3), $0.text(4), $0.time(5), $0.time(6),
                    try Envelope(body: $0.bytes(7), registry: bus.registry).event as? Toy
                )
            }
        }
        #expect(found.count == 1)
        let dead = try #require(found.first)
        #expect(dead.0 == Identifier(high: 0, low: 1))
        #expect(dead.1 == "Toy")
        #expect(dead.2 == "toys.DLQ")
        #expect(dead.3 == 4, "the first delivery and three retries")
        #expect(dead.4 == "toy 1 is broken")
        #expect(dead.5 == parkedAt)
        #expect(dead.6 == parkedAt.advanced(byMilliseconds: 7_000))
        #expect(dead.7?.number == 1)
    }

    @Test("an outage of the storage blames no event: the same batch is tried again", arguments: [StorageError.full("disk"), .overloaded, .away])
    func outage(_ error: StorageError) async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        box.fails(with: [error, error, error])
        try await bench.say([(1, 1), (2, 2)], on: bus)
        await consumer.drain()
        #expect(try await applied().map(\.value) == [1, 2])
        #expect(box.batches.withLock { $0 } == [2, 2, 2, 2])
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 0)
    }

    @Test("an outage while a parked event is tried again counts no attempt")
    func outageWhileRetrying() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        box.breaks(at: 1)
        try await bench.say([(1, 1)], on: bus)
        await consumer.drain()
        box.breaks()
        bench.clock.advance(by: .seconds(1))
        for _ in 0..<5 {
            box.fails(with: [.full("disk")])
            await #expect(throws: StorageError.full("disk")) { try await consumer.retryParked() }
        }
        #expect(try await consumer.retryParked() == 1)
        #expect(try await applied().map(\.value) == [1])
    }

    @Test("what was not applied because its database was closed does not count as applied, so that its producer keeps it")
    func closedDatabase() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        try await bench.say([(1, 1)], on: bus)
        await consumer.drain()
        await bench.consumer.close()
        try await bench.say([(1, 2)], on: bus)
        await consumer.drain()
        #expect(bus.appliedByAll(from: "producer") == 1)
        let janitor = Janitor(database: bench.producer, bus: bus, context: bench.producing, logger: bench.logger)
        try await janitor.step(isAgeRound: false)
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 1)
    }

    @Test("what was not applied because the medium failed is waited for no longer and stays with its producer, so that the process can end", arguments: [1, 2])
    func brokenDatabase(_ count: Int) async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        box.fails(with: [.broken("EIO")])
        try await bench.say((1...count).map { (key: $0, number: 1) }, on: bus)
        await consumer.drain()
        #expect(bus.appliedByAll(from: "producer") == 0)
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == Int64(count))
    }

    @Test("an event that is parked while the parking is found empty is not forgotten")
    func parkedMeanwhile() async throws {
        let bus = bench.bus()
        let database = InterruptedDatabase(bench.consumer)
        let consumer = try await bench.makeConsumer(box, on: bus, database: database)
        box.breaks(at: 1)
        database.afterNextCall { [bench] in
            try await bench.say([(1, 1)], on: bus)
            await consumer.drain()
        }
        #expect(try await consumer.retryParked() == 0)
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 1)
        try await bench.say([(1, 2)], on: bus)
        await consumer.drain()
        #expect(try await applied() == [], "the second event waits behind the first")
        box.breaks()
        bench.clock.advance(by: .seconds(1))
        while try await consumer.retryParked() > 0 {}
        #expect(try await applied().map(\.value) == [1, 2])
    }

    @Test("it works by itself until its task is cancelled")
    func running() async throws {
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        let task = Task { try await consumer.run() }
        try await bench.say([(1, 1)], on: bus)
        while try await applied().count < 1 { await Task.yield() }
        try await bench.say([(1, 2), (2, 3)], on: bus)
        while try await applied().count < 3 { await Task.yield() }
        task.cancel()
        try await task.value
        #expect(try await applied().map(\.value) == [1, 2, 3])
    }
}

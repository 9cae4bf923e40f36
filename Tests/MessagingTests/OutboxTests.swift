import Storage
import Synchronization
import Testing
import Wire

@testable import Messaging

@Suite("Outbox and janitor", .timeLimit(.minutes(1)))
struct OutboxTests {
    final class Sink: EventSink {
        let events = Mutex<[Envelope]>([])
        func committed(_ events: [Envelope], from source: String) { self.events.withLock { $0 += events } }
    }

    @Test("events are handed on with their row's number once they are durable, and never if the transaction is undone")
    func handingOn() async throws {
        let bench = try await Workbench()
        let sink = Sink()
        let events = bench.toys([(1, 1), (2, 2)])
        await #expect(throws: Refused.self) {
            try await bench.producer.write {
                try Outbox(sink: sink).append(events, in: $0)
                throw Refused(number: 0)
            }
        }
        #expect(sink.events.withLock { $0.isEmpty })
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 0)
        try await bench.producer.write {
            try Outbox(sink: sink).append([], in: $0)
            try Outbox(sink: sink).append(events, in: $0)
            #expect(sink.events.withLock { $0.isEmpty }, "nobody hears of it before the commit")
        }
        let told = sink.events.withLock { $0 }
        #expect(told.map(\.id) == events.map(\.id))
        let piece = try await bench.producer.read {
            try Outbox.read(after: 0, limit: 10, types: nil, registry: EventRegistry([Toy.self]), in: $0)
        }
        let stored = piece.events
        #expect(stored.map(\.sequence) == told.map(\.sequence))
        #expect(stored.map(\.id) == told.map(\.id))
        #expect(stored.map(\.body) == told.map(\.body))
        #expect(piece.last == told.last?.sequence)
    }

    @Test("who does not relay sees how long what waits behind some others has waited")
    func timeBehind() async throws {
        let bench = try await Workbench()
        let start = bench.clock.now()
        for number in 0..<3 as Range<Int64> {
            try await bench.say([(1, number)], on: bench.bus())
            bench.clock.advance(by: .seconds(1))
        }
        let times = try await bench.producer.read { transaction in try (1...3).map { try Outbox.time(behind: $0, in: transaction) } }
        #expect(times == [start.advanced(byMilliseconds: 1_000), start.advanced(byMilliseconds: 2_000), nil])
    }

    @Test("types that nobody asks for are passed by undecoded")
    func otherTypes() async throws {
        let bench = try await Workbench()
        try await bench.say([bench.producing.envelope(Noise(), key: Identifier(high: 0, low: 1))], on: bench.bus())
        try await bench.say([(1, 1)], on: bench.bus())
        let onlyToys = EventRegistry([Toy.self])
        let piece = try await bench.producer.read { try Outbox.read(after: 0, limit: 10, types: ["Toy"], registry: onlyToys, in: $0) }
        #expect(piece.events.count == 1)
        #expect(piece.last == 2)
        #expect(piece.broken == nil)
    }

    @Test("what this program does not know is handed on as such")
    func tooNew() async throws {
        let bench = try await Workbench()
        try await bench.say([bench.producing.envelope(Noise(), key: Identifier(high: 0, low: 1))], on: bench.bus())
        try await bench.say([(1, 1)], on: bench.bus())
        let onlyToys = EventRegistry([Toy.self])
        let piece = try await bench.producer.read { try Outbox.read(after: 0, limit: 10, types: nil, registry: onlyToys, in: $0) }
        #expect(piece.events.map(\.isReadable) == [false, true])
        #expect(piece.events.map(\.type) == ["Noise", "Toy"])
        #expect(piece.events.first?.key == Identifier(high: 0, low: 1))
        #expect(piece.broken == nil)
    }

    @Test("reading ends at a row that is broken, and goes on behind it")
    func broken() async throws {
        let bench = try await Workbench()
        let registry = EventRegistry([Toy.self])
        try await bench.say([(1, 1)], on: bench.bus())
        let toy = bench.toys([(1, 2)])[0]
        let body = Array(String(decoding: toy.body, as: UTF8.self).replacing("\"number\"", with: "\"lumber\"").utf8)
        try await bench.producer.write { _ = try $0.execute(Outbox.insert, [.text("Toy"), .id(toy.key), .bytes(body)]) }
        try await bench.say([(1, 3)], on: bench.bus())
        func read(after sequence: Int64) async throws -> OutboxPiece {
            try await bench.producer.read { try Outbox.read(after: sequence, limit: 10, types: nil, registry: registry, in: $0) }
        }
        let first = try await read(after: 0)
        #expect(first.events.map(\.sequence) == [1])
        #expect(first.last == 2)
        let row = try #require(first.broken)
        #expect(row.sequence == 2 && row.type == "Toy" && row.key == toy.key && row.body == body)
        #expect(row.id(from: "producer") == toy.id)
        #expect(try await read(after: 2).events.map(\.sequence) == [3])
    }

    @Test("the janitor prunes what every consumer has applied, and no more")
    func pruning() async throws {
        let bench = try await Workbench()
        let bus = bench.bus()
        let slowDatabase = try Workbench.open("slow")
        try await slowDatabase.migrate(ToyBox.migrations, owner: "test")
        let (quick, slow) = (try await bench.makeConsumer(ToyBox(), on: bus), try await bench.makeConsumer(ToyBox(), on: bus, database: slowDatabase))
        let janitor = Janitor(database: bench.producer, bus: bus, context: bench.producing, logger: bench.logger)
        try await bench.say((1...10).map { (key: 1, number: $0) }, on: bus)
        await quick.drain()
        if let work = slow.feed.take(limit: 4) { _ = await slow.step(work) }
        for _ in 0..<2 { try await janitor.step(isAgeRound: true) }
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 6)
        await slow.drain()
        try await janitor.step(isAgeRound: false)
        #expect(try await bench.count(Workbench.outboxRows, in: bench.producer) == 0)
        #expect(try await ToyBox.applied(in: slowDatabase).map(\.value) == Array(1...10))
        // A number that was pruned is not given out again, otherwise a consumer would take the next event for one that it has seen.
        try await bench.say([(1, 11)], on: bus)
        await slow.drain()
        #expect(try await ToyBox.applied(in: slowDatabase).last?.value == 11)
        let again = try await bench.makeConsumer(ToyBox(), on: bench.bus(), database: slowDatabase)
        await again.drain()
        #expect(try await ToyBox.applied(in: slowDatabase).count == 11)
    }

    @Test("the janitor forgets inbox ids and idempotency keys by their age")
    func ageing() async throws {
        let bench = try await Workbench()
        // Ids are kept of the events of an engine whose numbers do not tell what was applied.
        let bus = bench.bus(isExact: false)
        let consumer = try await bench.makeConsumer(ToyBox(), on: bus)
        let insertKey = SQL("INSERT INTO idempotency_keys (scope, key, fingerprint, status, body, created_at) VALUES ('POST /x', $1, $2, 200, $2, $3)")
        let keys = SQL("SELECT count(*) FROM idempotency_keys")
        func use(_ key: String) async throws {
            let now = bench.clock.now()
            _ = try await bench.consumer.write { try $0.execute(insertKey, [.text(key), .bytes([]), .time(now)]) }
        }
        let janitor = Janitor(database: bench.consumer, bus: bus, context: bench.consuming, logger: bench.logger)
        try await bench.say([(1, 1), (1, 2)], on: bus)
        try await use("old")
        bench.clock.advance(by: .milliseconds(Janitor.idempotencyAge))
        try await use("young")
        await consumer.drain()
        try await janitor.step(isAgeRound: true)
        #expect(try await bench.count(keys, in: bench.consumer) == 2, "exactly as old as the bound is kept")
        bench.clock.advance(by: .milliseconds(1))
        try await janitor.step(isAgeRound: false)
        #expect(try await bench.count(keys, in: bench.consumer) == 2, "ages are looked at in their own rounds only")
        try await janitor.step(isAgeRound: true)
        #expect(try await bench.count(keys, in: bench.consumer) == 1)
        #expect(try await bench.count(Workbench.inboxRows, in: bench.consumer) == 2)
        bench.clock.advance(by: .milliseconds(Janitor.inboxAge - Janitor.idempotencyAge - 1))
        try await janitor.step(isAgeRound: true)
        #expect(try await bench.count(Workbench.inboxRows, in: bench.consumer) == 2)
        bench.clock.advance(by: .milliseconds(1))
        try await janitor.step(isAgeRound: true)
        #expect(try await bench.count(Workbench.inboxRows, in: bench.consumer) == 0)
    }
}

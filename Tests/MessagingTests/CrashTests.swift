import Logging
import Storage
import StorageSQLite
import Synchronization
import Testing
import Wire

@testable import Messaging

/// Events that end the process: attempts are counted before they are made, so that the guilty one is found, and it alone.
@Suite("Events that end the process", .timeLimit(.minutes(2)))
struct CrashTests {
    typealias Applied = ToyBox.Applied
    let bench: Workbench
    let box = ToyBox()

    init() async throws { bench = try await Workbench() }

    private func applied() async throws -> [Applied] { try await ToyBox.applied(in: bench.consumer) }

    /// One process: from its start until it ends by itself, or has nothing to do for ten seconds.
    /// - Returns: whether it ended by itself.
    private func live(_ say: [(key: Int, number: Int64)] = []) async throws -> Bool {
        let database = MortalDatabase(bench.consumer)
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus, database: database)
        if !say.isEmpty { try await bench.say(say, on: bus) }
        for _ in 0..<100 where !database.life.hasEnded {
            await consumer.drain()
            do { while try await consumer.retryParked() > 0 {} } catch StorageError.closed {}
            bench.clock.advance(by: .milliseconds(100))
        }
        return database.life.hasEnded
    }

    @Test("an event that ends the process becomes a dead letter, and the events of all other orders are applied before its last attempt")
    func deadlyEvent() async throws {
        let all = (0..<300).map { (key: Int($0) % 20, number: Int64($0)) }
        box.ends(at: 150)
        #expect(try await live(all), "the process ends with the batch in its hands; nothing was counted")
        for (attempt, suspects) in [(1, 100), (2, 64), (3, 1)] as [(Int64, Int64)] {
            #expect(try await live())
            #expect(try await bench.count(SQL("SELECT max(attempt) FROM attempts"), in: bench.consumer) == attempt)
            let tried = SQL("SELECT count(*) FROM attempts WHERE attempt = (SELECT max(attempt) FROM attempts)")
            #expect(try await bench.count(tried, in: bench.consumer) == suspects, "so many were tried together")
        }
        #expect(try await live(), "the fourth attempt comes four seconds after the start")
        let others = all.filter { $0.key != 10 }
        #expect(Set(try await applied().map(\.value)).isSuperset(of: others.map(\.number)), "the others went on meanwhile")
        #expect(try await !live(), "there is no fifth")
        for key in 0..<20 {
            let expected = all.filter { $0.key == key && $0.number != 150 }.map(\.number)
            #expect(try await applied().filter { $0.key == key }.map(\.value) == expected, "order \(key) is in order, each event once")
        }
        #expect(try await bench.count(Workbench.parkedRows, in: bench.consumer) == 0)
        let desk = try await bench.makeConsumer(box, on: bench.bus()).deadLetters
        let letter = try #require(try await desk.list(DeadLetterFilter(), after: nil, limit: 10).first)
        let file = try #require(try await desk.find(letter.eventID))
        #expect(file.letter.attempts == 4)
        #expect(file.letter.error == "the process ended while this event was handled")
        #expect(file.attempts.map(\.attempt) == [1, 2, 3, 4])
        #expect(file.attempts.allSatisfy { $0.error == "the process ended while this event was handled" })
        #expect(try await bench.count(SQL("SELECT count(*) FROM attempts"), in: bench.consumer) == 4, "nothing is kept of those that were applied")
    }

    @Test("a parked event that ends the process when it is tried again is counted, and dies after the last attempt")
    func deadlyRetry() async throws {
        box.breaks(at: 1)
        let database = MortalDatabase(bench.consumer)
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus, database: database)
        try await bench.say([(1, 1), (1, 2), (2, 3)], on: bus)
        await consumer.drain()
        database.life.end()
        box.breaks()
        box.ends(at: 1)
        for _ in 2...4 { #expect(try await live()) }
        #expect(try await !live())
        #expect(try await applied().map(\.value) == [3, 2])
        let letter = SQL("SELECT attempts, error FROM dead_letters")
        let found = try await bench.consumer.read { try $0.query(letter) { [$0.text(1), "\($0.integer(0))"] } }
        #expect(found == [["the process ended while this event was handled", "4"]])
        let errors = SQL("SELECT coalesce(error, 'none') FROM attempts ORDER BY attempt")
        #expect(try await bench.consumer.read { try $0.query(errors) { $0.text(0) } }.first == "toy 1 is broken")
    }

    @Test("an event that ended the process once and then can be handled leaves no trace")
    func recovered() async throws {
        box.ends(at: 1)
        #expect(try await live([(1, 1), (1, 2), (2, 3)]))
        #expect(try await live())
        #expect(try await live())
        box.ends()
        #expect(try await !live())
        #expect(try await applied().filter { $0.key == 1 }.map(\.value) == [1, 2])
        #expect(try await applied().count == 3)
        #expect(try await bench.count(SQL("SELECT count(*) FROM attempts"), in: bench.consumer) == 0)
        #expect(try await bench.count(Workbench.deadRows, in: bench.consumer) == 0)
    }

    @Test("what throws after a crash is parked as ever, and what stands beside it is applied")
    func brokenAfterCrash() async throws {
        box.ends(at: 5)
        #expect(try await live([(1, 1), (2, 2), (3, 5)]))
        box.ends()
        box.breaks(at: 2)
        #expect(try await !live())
        #expect(try await applied().map(\.value) == [1, 5])
        let bus = bench.bus()
        let desk = try await bench.makeConsumer(box, on: bus).deadLetters
        let letter = try #require(try await desk.list(DeadLetterFilter(), after: nil, limit: 10).first)
        #expect(try await desk.find(letter.eventID)?.attempts.map(\.error) == Array(repeating: "toy 2 is broken", count: 4))
    }

    @Test("an event of another consumer is not blamed because it was in flight")
    func innocent() async throws {
        let other = try Workbench.open("other")
        try await other.migrate(ToyBox.migrations, owner: "test")
        let innocent = ToyBox()
        box.ends(at: 70)
        var starts = 0
        var isOver = false
        while !isOver {
            starts += 1
            try #require(starts < 20)
            let life = Life()
            let bus = bench.bus()
            let guilty = try await bench.makeConsumer(box, on: bus, database: MortalDatabase(bench.consumer, life: life))
            let bystander = try await bench.makeConsumer(innocent, on: bus, database: MortalDatabase(other, life: life))
            if starts == 1 { try await bench.say((0..<140).map { (key: $0, number: Int64($0)) }, on: bus) }
            await withTaskGroup(of: Void.self) { group in
                for consumer in [guilty, bystander] {
                    group.addTask {
                        for _ in 0..<100 where !life.hasEnded {
                            await consumer.drain()
                            do { while try await consumer.retryParked() > 0 {} } catch {}
                            if consumer === guilty { bench.clock.advance(by: .milliseconds(100)) }
                        }
                    }
                }
            }
            isOver = !life.hasEnded
        }
        #expect(try await ToyBox.applied(in: other).map(\.value).sorted() == Array(0..<140))
        #expect(try await bench.count(Workbench.deadRows, in: other) == 0)
        #expect(try await bench.count(Workbench.deadRows, in: bench.consumer) == 1)
    }

    @Test("what may end the process is handled by one consumer at a time")
    func oneAtATime() async throws {
        let gate = OneAtATime()
        let crowd = Crowd()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await gate.alone {
                        await crowd.enter()
                        for _ in 0..<5 { await Task.yield() }
                        await crowd.leave()
                    }
                }
            }
        }
        #expect(await crowd.most == 1)
    }

    private actor Crowd {
        private var inside = 0
        private(set) var most = 0
        func enter() {
            inside += 1
            most = max(most, inside)
        }
        func leave() { inside -= 1 }
    }

    @Test("events after a crash and parked ones are not even counted while another consumer handles a suspicious one")
    func waitsForOthers() async throws {
        box.breaks(at: 1)
        #expect(try await !live([(1, 1)]))
        try await bench.say([(2, 2), (3, 3)], on: bench.bus())
        let bus = bench.bus()
        let consumer = try await bench.makeConsumer(box, on: bus)
        let begun = SQL("SELECT count(*) FROM attempts WHERE error IS NULL")
        var work: Task<Void, Never>?
        await bus.suspicious.alone {
            work = Task { await consumer.drain() }
            for _ in 0..<50 {
                await Task.yield()
                #expect((try? await bench.count(begun, in: bench.consumer)) == 0)
                #expect((try? await applied().isEmpty) == true)
            }
        }
        await work?.value
        #expect(try await applied().map(\.value) == [2, 3])
    }

    @Test("after a proper end nothing is counted, and after a crash nothing is once its window is over")
    func cost() async throws {
        func transactions(_ numbers: Range<Int64>, endsProperly: Bool) async throws -> [Int] {
            let database = MortalDatabase(bench.consumer)
            let bus = bench.bus()
            let consumer = try await bench.makeConsumer(box, on: bus, database: database)
            await consumer.drain()
            var counts: [Int] = []
            for number in numbers {
                let before = database.life.transactions
                try await bench.say([(1, number)], on: bus)
                await consumer.drain()
                counts.append(database.life.transactions - before)
            }
            if endsProperly {
                let task = Task { try await consumer.run() }
                consumer.feed.stop()
                try await task.value
            }
            return counts
        }
        #expect(try await transactions(0..<3, endsProperly: false) == [1, 1, 1])
        try await bench.say([(1, 3)], on: bench.bus())
        #expect(try await transactions(4..<7, endsProperly: true) == [1, 1, 1])
        #expect(try await bench.count(SQL("SELECT count(*) FROM runs"), in: bench.consumer) == 0)
        try await bench.say([(1, 7)], on: bench.bus())
        let database = MortalDatabase(bench.consumer)
        let consumer = try await bench.makeConsumer(box, on: bench.bus(), database: database)
        let before = database.life.transactions
        await consumer.drain()
        #expect(database.life.transactions - before == 1, "what waited behind a proper end is no suspect")
        #expect(try await applied().map(\.value) == Array(0...7))
    }

    @Test("an event that throws is found among thousands with two transactions for each halving")
    func halving() async throws {
        let database = MortalDatabase(bench.consumer)
        let bus = bench.bus()
        let consumer = Consumer(
            handler: box, database: database, bus: bus, context: bench.consuming, logger: bench.logger, maximumBatch: 2048)
        try await consumer.prepare()
        box.breaks(at: 1234)
        let before = database.life.transactions
        try await bench.say((0..<2048).map { (key: $0, number: Int64($0)) }, on: bus)
        await consumer.drain(limit: 2048)
        #expect(try await applied().count == 2047)
        // Eleven halvings: one try of each half, and the parking. At the longest pause between commits, 30 ms, that is 0.7 s.
        #expect(database.life.transactions - before <= 2 * 11 + 2)
    }

    @Test("it holds for real processes and files")
    func realProcesses() async throws {
        let folder = TemporaryPath()
        defer { folder.remove() }
        let path = folder.path
        try await RealProcess.say(at: path)
        // Two attempts in company, one alone, one from the parking.
        for _ in 0..<4 {
            await #expect(processExitsWith: .failure) { [path = path as String] in try await RealProcess.live(at: path) }
        }
        await #expect(processExitsWith: .success) { [path = path as String] in try await RealProcess.live(at: path) }
        let consumer = try RealProcess.open("consumer", at: path)
        #expect(try await ToyBox.applied(in: consumer) == [.init(key: 1, value: 1), .init(key: 3, value: 3), .init(key: 2, value: 4)])
        let letter = SQL("SELECT attempts, error FROM dead_letters")
        let found = try await consumer.read { try $0.query(letter) { [$0.text(1), "\($0.integer(0))"] } }
        #expect(found == [["the process ended while this event was handled", "4"]])
        await consumer.close()
    }
}

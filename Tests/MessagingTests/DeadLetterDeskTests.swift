import Storage
import Testing
import Wire

@testable import Messaging

@Suite("Dead letter desk", .timeLimit(.minutes(1)))
struct DeadLetterDeskTests {
    let bench: Workbench
    let bus: EventBus
    let consumer: Consumer
    let desk: any DeadLetterDesk
    private let box: AnsweringBox

    init() async throws {
        bench = try await Workbench()
        bus = bench.bus()
        box = AnsweringBox(bus)
        consumer = try await bench.makeConsumer(box, on: bus)
        desk = consumer.deadLetters
    }

    /// Lets toys die; the first is the oldest.
    private func die(_ toys: [(key: Int, number: Int64)]) async throws -> [DeadLetter] {
        box.breaks.withLock { $0 = true }
        for toy in toys {
            try await bench.say([toy], on: bus)
            await consumer.drain()
            for _ in 0..<3 {
                bench.clock.advance(by: .seconds(4))
                while try await consumer.retryParked() > 0 {}
            }
        }
        box.breaks.withLock { $0 = false }
        return try await desk.oldest(DeadLetterFilter(), after: nil, limit: 1000)
    }

    private func applied() async throws -> [Int64] { try await ToyBox.applied(in: bench.consumer).map(\.value) }

    private func refusal<T>(_ result: Result<T, DeadLetterRefusal>) -> String {
        switch result {
        case .success: "none"
        case .failure(.unknown): "unknown"
        case .failure(.closed): "closed"
        case .failure(.changed): "changed"
        case .failure(.behind(let id)): "behind \(id)"
        case .failure(.unfit(let pointer, _)): "unfit \(pointer)"
        case .failure(.failed): "failed"
        }
    }

    /// The event of a letter with another number.
    private func edited(_ letter: DeadLetter, number: Int64, version: Int64? = nil) -> DeadLetterEdit {
        let text = String(decoding: letter.body, as: UTF8.self)
        let old = (try? JSONParser.parse(letter.body))?["number"]?.integer ?? 0
        return DeadLetterEdit(body: Array(text.replacing("\"number\":\(old)", with: "\"number\":\(number)").utf8), version: version)
    }

    @Test("an event is redriven once, with its effects, and the letter says by whom")
    func redrive() async throws {
        let letter = try #require(try await die([(1, 5)]).first)
        #expect(consumer.backlog.deadLetters == 1)
        let done = try await desk.redrive(letter.eventID, edit: nil, by: "ada", note: "fixed").get()
        #expect(done.state == .redriven && done.closedBy == "ada" && done.closedBecause == "fixed" && done.closedAt == bench.clock.now())
        #expect(try await applied() == [5])
        #expect(try await bench.count(Workbench.outboxRows, in: bench.consumer) == 1)
        #expect(refusal(try await desk.redrive(letter.eventID, edit: nil, by: "bob", note: nil)) == "closed")
        #expect(try await applied() == [5])
        #expect(try await desk.list(DeadLetterFilter(), after: nil, limit: 10).isEmpty)
        #expect(consumer.backlog.deadLetters == 0 && consumer.backlog.parked == 0)
        let actions = try await desk.actions(AdminActionFilter(), before: nil, limit: 10)
        #expect(actions.map(\.actor) == ["ada"])
        #expect(actions.map(\.action) == ["dead-letter.redrive"])
        #expect(actions.map(\.subject) == [letter.id.description])
        #expect(try JSONParser.parse(actions[0].before ?? [])["state"] == .string("open"))
        #expect(try JSONParser.parse(actions[0].after ?? [])["state"] == .string("redriven"))
    }

    @Test("a redrive that fails changes nothing but the letter's history, and is on record")
    func failedRedrive() async throws {
        let letter = try #require(try await die([(1, -5)]).first)
        #expect(refusal(try await desk.redrive(letter.eventID, edit: nil, by: "ada", note: nil)) == "failed")
        let file = try #require(try await desk.find(letter.eventID))
        #expect(file.letter.state == .open && file.letter.attempts == 5 && file.letter.version == 2)
        #expect(file.attempts.map(\.attempt) == [1, 2, 3, 4, 5])
        #expect(try await applied().isEmpty)
        #expect(try await bench.count(Workbench.outboxRows, in: bench.consumer) == 0)
        let action = try #require(try await desk.actions(AdminActionFilter(), before: nil, limit: 10).first)
        #expect(try JSONParser.parse(action.after ?? [])["failed"] == .bool(true))
        #expect(consumer.backlog.deadLetters == 1)
    }

    @Test("what ends the process during a redrive has been counted")
    func countedRedrive() async throws {
        let letter = try #require(try await die([(1, 5)]).first)
        let mortal = ToyBox()
        mortal.ends(at: 5)
        let doomed = try await bench.makeConsumer(mortal, on: bench.bus(), database: MortalDatabase(bench.consumer)).deadLetters
        await #expect(throws: StorageError.closed) { try await doomed.redrive(letter.eventID, edit: nil, by: "ada", note: nil) }
        let file = try #require(try await desk.find(letter.eventID))
        #expect(file.letter.state == .open)
        #expect(file.attempts.last == .init(attempt: 5, at: bench.clock.now(), error: "the process ended while this event was handled"))
        #expect(try await desk.redrive(letter.eventID, edit: nil, by: "ada", note: nil).get().state == .redriven)
        #expect(try await applied() == [5])
    }

    @Test("of one order the oldest dead letter comes first")
    func order() async throws {
        let letters = try await die([(1, 1), (1, 2), (2, 3)])
        #expect(refusal(try await desk.redrive(letters[1].eventID, edit: nil, by: "ada", note: nil)) == "behind \(letters[0].id)")
        #expect(try await desk.find(letters[1].eventID)?.behind == letters[0].id)
        _ = try await desk.redrive(letters[2].eventID, edit: nil, by: "ada", note: nil).get()
        _ = try await desk.archive(letters[0].eventID, reason: "obsolete", by: "ada").get()
        _ = try await desk.redrive(letters[1].eventID, edit: nil, by: "ada", note: nil).get()
        #expect(try await applied() == [3, 2])
    }

    @Test("of fifty who edit the same letter one wins, and his is the event that is applied")
    func oneWinner() async throws {
        let letter = try #require(try await die([(1, 5)]).first)
        let results = try await withThrowingTaskGroup(of: (Int64, Result<DeadLetter, DeadLetterRefusal>).self) { group in
            for number in 100..<150 as Range<Int64> {
                group.addTask { (number, try await desk.redrive(letter.eventID, edit: edited(letter, number: number), by: "editor \(number)", note: nil)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let winners = results.filter { if case .success = $0.1 { true } else { false } }
        #expect(winners.count == 1)
        #expect(results.filter { refusal($0.1) == "closed" }.count == 49)
        let winner = try #require(winners.first)
        #expect(try await applied() == [winner.0])
        let kept = try #require(try await desk.find(letter.eventID)).letter
        #expect(kept.original == letter.body)
        #expect(kept.body == edited(letter, number: winner.0).body)
        let actions = try await desk.actions(AdminActionFilter(), before: nil, limit: 100)
        #expect(actions.map(\.actor) == ["editor \(winner.0)"])
        let changes = try JSONParser.parse(actions[0].after ?? [])["changes"]
        #expect(
            changes
                == .array([
                    .object(
                        JSONObject(members: [
                            .init(key: "pointer", value: .string("/number")), .init(key: "before", value: .number("5")),
                            .init(key: "after", value: .number("\(winner.0)")),
                        ]))
                ]))
    }

    @Test("an edit of a version that is no more is refused, and so is one that makes it another event")
    func unfitEdits() async throws {
        let letter = try #require(try await die([(1, -5)]).first)
        _ = try await desk.redrive(letter.eventID, edit: nil, by: "ada", note: nil)
        #expect(refusal(try await desk.redrive(letter.eventID, edit: edited(letter, number: 1, version: 1), by: "ada", note: nil)) == "changed")
        func edit(_ old: String, _ new: String) async throws -> String {
            let body = Array(String(decoding: letter.body, as: UTF8.self).replacing(old, with: new).utf8)
            #expect(body != letter.body)
            return refusal(try await desk.redrive(letter.eventID, edit: DeadLetterEdit(body: body, version: nil), by: "ada", note: nil))
        }
        let other = bench.producing.newID()
        #expect(try await edit("\"eventId\":\"\(letter.eventID)\"", "\"eventId\":\"\(other)\"") == "unfit /eventId")
        #expect(try await edit("\(letter.key)", "\(other)") == "unfit /orderId")
        #expect(try await edit("\"Toy\"", "\"Noise\"") == "unfit /type")
        #expect(try await edit("\"number\":-5", "\"number\":\"five\"") == "unfit /number")
        #expect(try await edit("{", "[") == "unfit ")
        #expect(try await desk.find(letter.eventID)?.letter.attempts == 5, "what cannot be tried is not an attempt")
        #expect(try await desk.redrive(letter.eventID, edit: edited(letter, number: 1, version: 2), by: "ada", note: nil).get().state == .redriven)
        #expect(try await applied() == [1])
    }

    @Test("a dry run predicts what the redrive then does, and does nothing")
    func rehearsal() async throws {
        let letter = try #require(try await die([(1, 5)]).first)
        let rehearsal = try await desk.rehearse(letter.eventID, edit: nil).get()
        #expect(rehearsal.error == nil)
        #expect(rehearsal.writes.map { "\($0.operation) \($0.table) \($0.rows)" } == ["INSERT applied 1", "INSERT outbox 1"])
        #expect(rehearsal.jobs.isEmpty)
        #expect(try await applied().isEmpty)
        #expect(try await bench.count(Workbench.outboxRows, in: bench.consumer) == 0)
        #expect(try await desk.find(letter.eventID)?.letter.version == 1)
        #expect(try await desk.actions(AdminActionFilter(), before: nil, limit: 10).isEmpty)

        _ = try await desk.redrive(letter.eventID, edit: nil, by: "ada", note: nil).get()
        let told = try await bench.consumer.read { try $0.query(SQL("SELECT body FROM outbox")) { try JSONParser.parse($0.bytes(0)) } }
        let predicted = try rehearsal.events.map { try JSONParser.parse($0) }
        // The clock and the source of identifiers go on: these two, and nothing else, may differ.
        let differences = zip(told, predicted).flatMap { JSONDifference.between($0, $1).map(\.pointer) }
        #expect(told.count == predicted.count && Set(differences).isSubset(of: ["/eventId", "/timestamp"]))
        #expect(refusal(try await desk.rehearse(letter.eventID, edit: nil)) == "closed")
    }

    @Test("a dry run of what would fail tells the error, also of an edit")
    func failingRehearsal() async throws {
        let letter = try #require(try await die([(1, 5)]).first)
        let rehearsal = try await desk.rehearse(letter.eventID, edit: edited(letter, number: -1)).get()
        #expect(rehearsal.error?.hasPrefix("toy -1 of ") == true)
        #expect(rehearsal.writes.isEmpty && rehearsal.events.isEmpty)
        #expect(refusal(try await desk.rehearse(bench.producing.newID(), edit: nil)) == "unknown")
        #expect(try await desk.find(letter.eventID)?.letter.attempts == 4)
    }

    @Test("errors are kept without addresses and card numbers, and counted without what differs from event to event")
    func errors() async throws {
        let letters = try await die([(1, 1), (2, 2), (3, 3)])
        for letter in letters {
            #expect(letter.error.contains("j***@example.com"))
            #expect(!letter.error.contains("jane") && !letter.error.contains("4242"))
            #expect(letter.error.contains("\(letter.eventID)"))
        }
        let groups = try await desk.groups(DeadLetterFilter())
        #expect(groups.map(\.count) == [3])
        #expect(groups.first?.errorGroup == "toy # of j***@example.com (#) is broken, card ***")
        #expect(groups.first?.example == letters.last?.eventID)
    }

    @Test("lists are filtered and paged")
    func lists() async throws {
        let letters = try await die((1...5).map { (key: $0, number: Int64($0)) })
        var filter = DeadLetterFilter()
        #expect(try await desk.list(filter, after: nil, limit: 10).map(\.eventID) == letters.reversed().map(\.eventID))
        #expect(try await desk.list(filter, after: letters[3].id, limit: 2).map(\.eventID) == [letters[2].eventID, letters[1].eventID])
        // The same event in a consumer that stands before or behind ours in the list.
        let (early, late) = (DeadLetterID(consumer: "a", eventID: letters[3].eventID), DeadLetterID(consumer: "z", eventID: letters[3].eventID))
        #expect(try await desk.list(filter, after: early, limit: 1).map(\.eventID) == [letters[3].eventID])
        #expect(try await desk.list(filter, after: late, limit: 1).map(\.eventID) == [letters[2].eventID])
        #expect(try await desk.oldest(filter, after: letters[1], limit: 2).map(\.eventID) == [letters[2].eventID, letters[3].eventID])
        filter.error = "TOY 2"
        #expect(try await desk.list(filter, after: nil, limit: 10).map(\.eventID) == [letters[1].eventID])
        filter.error = "100%"
        #expect(try await desk.list(filter, after: nil, limit: 10).isEmpty)
        filter = DeadLetterFilter()
        filter.key = letters[4].key
        #expect(try await desk.list(filter, after: nil, limit: 10).count == 1)
        filter = DeadLetterFilter()
        (filter.from, filter.to) = (letters[1].diedAt, letters[3].diedAt)
        #expect(try await desk.list(filter, after: nil, limit: 10).map(\.eventID) == [letters[2].eventID, letters[1].eventID])
        filter.type = "Noise"
        #expect(try await desk.list(filter, after: nil, limit: 10).isEmpty)
    }

    @Test("closed letters are kept for thirty days, open ones for ever, the record of actions too")
    func pruning() async throws {
        let letters = try await die([(1, 1), (2, 2), (3, 3)])
        _ = try await desk.archive(letters[0].eventID, reason: "obsolete", by: "ada").get()
        #expect(refusal(try await desk.archive(letters[0].eventID, reason: "again", by: "bob")) == "closed")
        let janitor = Janitor(database: bench.consumer, bus: bus, context: bench.consuming, logger: bench.logger)
        try await janitor.step(isAgeRound: true)
        #expect(try await bench.count(Workbench.deadRows, in: bench.consumer) == 3)
        bench.clock.advance(by: .seconds(31 * 86_400))
        _ = try await desk.redrive(letters[1].eventID, edit: nil, by: "ada", note: nil).get()
        try await janitor.step(isAgeRound: true)
        var all = DeadLetterFilter()
        all.state = nil
        #expect(try await desk.oldest(all, after: nil, limit: 10).map(\.eventID) == [letters[1].eventID, letters[2].eventID])
        #expect(try await bench.count(SQL("SELECT count(*) FROM attempts"), in: bench.consumer) == 8)
        #expect(try await desk.actions(AdminActionFilter(subject: letters[0].id.description), before: nil, limit: 10).count == 1)
    }

    @Test("the letters of an order stay in order when the clock is set back")
    func clockSetBack() async throws {
        let first = try #require(try await die([(1, 1)]).first)
        bench.clock.advance(by: .seconds(-60))
        let letters = try await die([(1, 2)])
        #expect(letters.count == 2)
        #expect(letters.first?.eventID == first.eventID)
        let second = try #require(letters.last)
        #expect(refusal(try await desk.redrive(second.eventID, edit: nil, by: "ops", note: nil)) == "behind \(first.id)")
    }

    @Test("a body that is broken holds up its order only, and dies")
    func broken() async throws {
        let toy = bench.toys([(1, 4)])[0]
        let body = Array(String(decoding: toy.body, as: UTF8.self).replacing("\"number\"", with: "\"lumber\"").utf8)
        box.breaks.withLock { $0 = false }
        try await bench.say([(1, 1)], on: bench.bus())
        try await bench.producer.write { _ = try $0.execute(Outbox.insert, [.text("Toy"), .id(toy.key), .bytes(body)]) }
        try await bench.say([(1, 2), (2, 3)], on: bench.bus())
        let bus = bench.bus()
        let late = try await bench.makeConsumer(ToyBox(), on: bus)
        await late.drain()
        #expect(try await applied() == [1, 3])
        for _ in 0..<3 {
            bench.clock.advance(by: .seconds(4))
            while try await late.retryParked() > 0 {}
        }
        #expect(try await applied() == [1, 3, 2])
        let letter = try #require(try await late.deadLetters.list(DeadLetterFilter(), after: nil, limit: 10).first)
        #expect(letter.eventID == toy.id && letter.type == "Toy" && letter.attempts == 4)
        #expect(bus.appliedByAll(from: "producer") == 4)
    }
}

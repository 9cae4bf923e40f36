import Testing
import Wire

@testable import Messaging

@Suite("Event feed")
struct EventFeedTests {
    private let clock = ManualClock()

    private func events(_ numbers: ClosedRange<Int64>) throws -> [Envelope] {
        let context = ServiceContext(service: "a", clock: clock, seed: 1)
        return try numbers.map { number in
            let event = context.envelope(Toy(number), key: Identifier(high: 0, low: 1))
            return try Envelope(body: event.body, registry: EventRegistry([Toy.self]), sequence: number)
        }
    }

    private func numbers(_ work: EventFeed.Work?) -> [Int64]? {
        guard case .apply(let events) = work else { return nil }
        return events.map(\.sequence)
    }

    @Test("an offer that does not fit is left to the outbox, from the last event that was taken")
    func overflow() throws {
        let feed = EventFeed(consumer: "c", types: nil, capacity: 3)
        feed.begin("a", applied: 0, announced: 0)
        try feed.offer(events(1...2), from: "a")
        try feed.offer(events(3...4), from: "a")
        try feed.offer(events(5...5), from: "a")
        #expect(numbers(feed.take(limit: 10)) == [1, 2], "what is in memory comes first; nothing is put behind the gap")
        guard case .catchUp(source: "a", after: 2, announced: _) = feed.take(limit: 10) else { throw Refused(number: 1) }
        try feed.completed(events(1...2))
        feed.caughtUp("a", events: 2, through: 4)
        try feed.completed(events(3...4))
        guard case .catchUp(source: "a", after: 4, announced: _) = feed.take(limit: 10) else { throw Refused(number: 2) }
        #expect(!feed.isIdle)
        feed.caughtUp("a", events: 1, through: 5)
        #expect(feed.applied(from: "a") == 4, "an event that is being applied is not applied")
        try feed.completed(events(5...5))
        #expect(feed.isIdle)
        #expect(feed.applied(from: "a") == 5)
        try feed.offer(events(6...6), from: "a")
        #expect(numbers(feed.take(limit: 10)) == [6])
    }

    @Test("what waits, and for how long, is told for what is in memory and for what is not")
    func waiting() throws {
        let feed = EventFeed(consumer: "c", types: nil, capacity: 3)
        feed.begin("a", applied: 0, announced: 0)
        #expect(feed.waiting.events == 0 && feed.waiting.since == nil)
        let begin = clock.now()
        try feed.offer(events(1...2), from: "a")
        clock.advance(by: .seconds(1))
        try feed.offer(events(3...3), from: "a")
        #expect(feed.waiting.events == 3 && feed.waiting.since == begin)
        #expect(numbers(feed.take(limit: 2)) == [1, 2])
        #expect(feed.waiting.events == 3 && feed.waiting.since == clock.now(), "what is being applied waits no more, but is not done")
        clock.advance(by: .seconds(1))
        let overflow = clock.now()
        try feed.offer(events(4...9), from: "a")
        #expect(numbers(feed.take(limit: 9)) == [3])
        #expect(feed.waiting.events == 9 && feed.waiting.since == overflow, "what is only in the outbox waits as well")
        try feed.completed(events(1...3))
        feed.caughtUp("a", events: 6, through: 9)
        #expect(feed.waiting.events == 6 && feed.waiting.since == nil)
        try feed.completed(events(4...9))
        #expect(feed.waiting.events == 0 && feed.isIdle)
    }

    @Test("events committed while the outbox is read are read as well")
    func lateAnnouncement() throws {
        let feed = EventFeed(consumer: "c", types: nil, capacity: 3)
        feed.begin("a", applied: 2, announced: 4)
        guard case .catchUp(source: "a", after: 2, announced: _) = feed.take(limit: 10) else { throw Refused(number: 1) }
        try feed.offer(events(5...5), from: "a")
        feed.caughtUp("a", events: 2, through: 4)
        guard case .catchUp(source: "a", after: 4, announced: _) = feed.take(limit: 10) else { throw Refused(number: 2) }
    }

    @Test("an outbox found empty because it was pruned does not hide what is committed meanwhile")
    func prunedOutbox() throws {
        let feed = EventFeed(consumer: "c", types: nil, capacity: 3)
        feed.begin("a", applied: 2, announced: 4)
        guard case .catchUp(source: "a", after: 2, let announced) = feed.take(limit: 10) else { throw Refused(number: 1) }
        try feed.offer(events(5...5), from: "a")
        feed.caughtUp("a", events: 0, through: announced)
        guard case .catchUp(source: "a", after: 4, announced: 5) = feed.take(limit: 10) else { throw Refused(number: 2) }
    }

    @Test("types that nobody asked for count as applied as soon as nothing is left to do")
    func otherTypes() throws {
        let feed = EventFeed(consumer: "c", types: ["Other"], capacity: 9)
        feed.begin("a", applied: 0, announced: 0)
        try feed.offer(events(1...9), from: "a")
        guard case nil = feed.take(limit: 10) else { throw Refused(number: 1) }
        #expect(feed.isIdle)
        #expect(feed.applied(from: "a") == 9)
    }

    @Test("an event that can wait wakes nobody: it comes with the next one that cannot, or after a while", .timeLimit(.minutes(1)))
    func patience() async throws {
        let feed = EventFeed(consumer: "c", types: nil) { $0.sequence <= 2 || $0.sequence == 5 }
        feed.begin("a", applied: 0, announced: 0)
        try feed.offer(events(1...2), from: "a")
        #expect(feed.backlog == 2 && feed.hasWork)
        async let work = feed.next(limit: 3)
        try feed.offer(events(3...4), from: "a")
        #expect(numbers(await work) == [1, 2, 3])
        #expect(numbers(await feed.next(limit: 3)) == [4])
        try feed.offer(events(5...5), from: "a")
        async let late = feed.next(limit: 3)
        feed.hurry()
        #expect(numbers(await late) == [5])
        feed.hurry()
        try feed.offer(events(6...6), from: "a")
        #expect(numbers(await feed.next(limit: 3)) == [6])
    }

    @Test("an event whose number does not follow is read from the outbox with those before it, where numbers follow commits", arguments: [true, false])
    func missingNumber(isExact: Bool) throws {
        let feed = EventFeed(consumer: "c", types: nil)
        feed.begin("a", applied: 0, announced: 0, isExact: isExact)
        try feed.offer(events(1...2), from: "a")
        try feed.offer(events(4...4), from: "a")
        guard isExact else { return #expect(numbers(feed.take(limit: 10)) == [1, 2, 4]) }
        #expect(numbers(feed.take(limit: 10)) == [1, 2])
        guard case .catchUp(source: "a", after: 2, announced: 4) = feed.take(limit: 10) else { throw Refused(number: 1) }
    }

    @Test("events of a source that was not begun are not taken")
    func unknownSource() throws {
        let feed = EventFeed(consumer: "c", types: nil)
        try feed.offer(events(1...1), from: "stranger")
        #expect(numbers(feed.take(limit: 1)) == nil)
        #expect(feed.applied(from: "stranger") == 0)
    }

    @Test("a stopped feed gives no more work, also to one who waits")
    func stopping() async {
        let feed = EventFeed(consumer: "c", types: nil)
        feed.begin("a", applied: 0, announced: 0)
        async let work = feed.next(limit: 1)
        feed.stop()
        guard case .stop = await work else {
            Issue.record("a stopped feed gave work")
            return
        }
    }
}

import Contracts
import Logging
import Storage
import Synchronization
import Testing
import Web
import Wire

@testable import Messaging
@testable import Operations

/// Dead letters in memory that are redriven or fail as they are told.
private final class FakeDesk: DeadLetterDesk {
    let consumer: String
    let letters: [DeadLetter]
    let failing = Mutex<Set<Identifier>>([])
    let redriven = Mutex<[Identifier]>([])

    init(_ consumer: String, count: Int, context: ServiceContext) {
        self.consumer = consumer
        letters = (0..<count).map { index in
            DeadLetter(
                consumer: consumer, eventID: context.newID(), key: context.newID(), type: "OrderCreated", topic: "orders.DLQ", body: [], original: nil,
                attempts: 4, error: "broken", errorGroup: "broken", parkedAt: context.now, diedAt: context.now.advanced(byMilliseconds: Int64(index) - 1000),
                state: .open, version: 1, closedAt: nil, closedBy: nil, closedBecause: nil)
        }
    }

    func list(_ filter: DeadLetterFilter, after place: DeadLetterID?, limit: Int) async throws -> [DeadLetter] { [] }
    func oldest(_ filter: DeadLetterFilter, after place: DeadLetter?, limit: Int) async throws -> [DeadLetter] {
        let rest = letters.drop { letter in place.map { letter.diedAt <= $0.diedAt } ?? false }
        return Array(rest.filter { letter in filter.to.map { letter.diedAt < $0 } ?? true }.prefix(limit))
    }
    func groups(_ filter: DeadLetterFilter) async throws -> [DeadLetterGroup] {
        guard let first = letters.first, let last = letters.last else { return [] }
        return [
            DeadLetterGroup(
                consumer: consumer, type: "OrderCreated", errorGroup: "broken", count: Int64(letters.count), oldest: first.diedAt, newest: last.diedAt,
                example: first.eventID)
        ]
    }
    func find(_ event: Identifier) async throws -> DeadLetterFile? { nil }
    func redrive(_ event: Identifier, edit: DeadLetterEdit?, by actor: String, note: String?) async throws -> Result<DeadLetter, DeadLetterRefusal> {
        guard let letter = letters.first(where: { $0.eventID == event }) else { return .failure(.unknown) }
        if failing.withLock({ $0.contains(event) }) { return .failure(.failed(letter)) }
        redriven.withLock { $0.append(event) }
        return .success(letter)
    }
    func rehearse(_ event: Identifier, edit: DeadLetterEdit?) async throws -> Result<Rehearsal, DeadLetterRefusal> { .failure(.unknown) }
    func archive(_ event: Identifier, reason: String, by actor: String) async throws -> Result<DeadLetter, DeadLetterRefusal> { .failure(.unknown) }
    func actions(_ filter: AdminActionFilter, before id: Identifier?, limit: Int) async throws -> [AdminAction] { [] }
}

@Suite struct DeadLetterBulkRedriveTests {
    let fixture: ServiceFixture
    private let first: FakeDesk
    private let second: FakeDesk
    let bulk: DeadLetterBulkRedrive

    init() async throws {
        fixture = try ServiceFixture("operations")
        try await fixture.migrate(OperationsService(fixture.environment))
        (first, second) = (FakeDesk("a", count: 10, context: fixture.context), FakeDesk("b", count: 3, context: fixture.context))
        bulk = DeadLetterBulkRedrive(
            desks: DeadLetterDesks([second, first]), database: fixture.database, context: fixture.context,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func query(_ consumer: String? = nil) -> DeadLetterQuery {
        let body = consumer.map { JSONObject(members: [.init(key: "consumer", value: .string($0))]) } ?? JSONObject(members: [])
        return DeadLetterQuery(BodyReader(body), desks: DeadLetterDesks([first, second]), now: fixture.clock.now())
    }

    @discardableResult
    private func drive() async -> [Duration] {
        var pauses: [Duration] = []
        while let pause = await bulk.step() { pauses.append(pause) }
        return pauses
    }

    private func actions() async throws -> [AdminAction] {
        try await fixture.database.read { try AdminLog.list(AdminActionFilter(), before: nil, limit: 10, in: $0) }
    }

    @Test func `All of all consumers are redriven oldest first, at the rate that was asked for`() async throws {
        let run = try await bulk.start(query(), total: 13, rate: 20, stopAfter: 5, by: "ada").run
        let pauses = await drive()
        #expect(pauses.filter { $0 == .milliseconds(50) }.count == 13)
        #expect(first.redriven.withLock { $0 } == first.letters.map(\.eventID))
        #expect(second.redriven.withLock { $0 } == second.letters.map(\.eventID))
        let end = try #require(try await bulk.run(run.id))
        #expect(end.state == .finished && end.redriven == 13 && end.failed == 0 && end.finishedAt != nil)
        #expect(try await actions().map(\.action) == ["dead-letters.redrive-end", "dead-letters.redrive"])
        #expect(try await actions().allSatisfy { $0.actor == "ada" && $0.subject == "redrive:\(run.id)" })
    }

    @Test func `It stops when too many fail in a row, and not when as many fail in between`() async throws {
        first.failing.withLock { failing in for index in [1, 2, 4, 5, 6, 7] { failing.insert(first.letters[index].eventID) } }
        let run = try await bulk.start(query("a"), total: 10, rate: 1000, stopAfter: 3, by: "ada").run
        await drive()
        let end = try #require(try await bulk.run(run.id))
        #expect(end.state == .stopped && end.redriven == 2 && end.failed == 5)
        #expect(end.lastError == "broken")
        #expect(first.redriven.withLock { $0.count } == 2)
    }

    @Test func `One runs at a time, and it can be ended`() async throws {
        let run = try await bulk.start(query(), total: 13, rate: 10, stopAfter: 5, by: "ada").run
        _ = await bulk.step()
        let other = try await bulk.start(query(), total: 13, rate: 10, stopAfter: 5, by: "bob")
        #expect(!other.isNew && other.run.id == run.id)
        #expect(try await bulk.cancel(run.id, by: "bob")?.state == .cancelled)
        #expect(try await actions().map(\.actor) == ["bob", "ada"])
        #expect(await bulk.step() == nil)
        #expect(first.redriven.withLock { $0.count } == 1)
        #expect(try await bulk.start(query("b"), total: 3, rate: 10, stopAfter: 5, by: "bob").isNew)
    }

    @Test func `Another process tells of it, refuses a second one, and can end it`() async throws {
        let other = DeadLetterBulkRedrive(
            desks: DeadLetterDesks([first, second]), database: fixture.database, context: fixture.context,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, isAlone: false)
        let run = try await bulk.start(query("a"), total: 10, rate: 10, stopAfter: 5, by: "ada").run
        _ = await bulk.step()
        let seen = try #require(try await other.run(run.id))
        #expect(seen.state == .running && seen.redriven == 1 && seen.query.consumer == "a" && seen.total == 10)
        #expect(try await other.all().map(\.id) == [run.id])
        let second = try await other.start(query(), total: 13, rate: 10, stopAfter: 5, by: "bob")
        #expect(!second.isNew && second.run.id == run.id)
        #expect(await other.step() == nil, "it is done where it was begun")
        #expect(try await other.cancel(run.id, by: "bob")?.redriven == 1)
        #expect(await bulk.step() == nil)
        #expect(first.redriven.withLock { $0.count } == 1)
        #expect(try await bulk.run(run.id)?.state == .cancelled)
        #expect(try await other.start(query("b"), total: 3, rate: 10, stopAfter: 5, by: "bob").isNew)
    }

    @Test func `A run whose process is gone is over, and makes way for another`() async throws {
        let run = try await bulk.start(query("a"), total: 10, rate: 10, stopAfter: 5, by: "ada").run
        _ = try await fixture.database.write { try $0.execute(SQL("UPDATE redrives SET seen_at = seen_at - 61000")) }
        #expect(try await bulk.run(run.id)?.state == .interrupted)
        let other = DeadLetterBulkRedrive(
            desks: DeadLetterDesks([first, second]), database: fixture.database, context: fixture.context,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, isAlone: false)
        #expect(try await other.start(query("b"), total: 3, rate: 10, stopAfter: 5, by: "bob").isNew)
        #expect(await bulk.step() == nil, "who had stood still for so long does not go on")
        #expect(first.redriven.withLock { $0.isEmpty })
    }

    @Test func `What dies while it runs is left for another time`() async throws {
        let early = FakeDesk("late", count: 3, context: fixture.context)
        fixture.clock.set(early.letters[1].diedAt)
        let bulk = DeadLetterBulkRedrive(
            desks: DeadLetterDesks([early]), database: fixture.database, context: fixture.context,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let run = try await bulk.start(query(), total: 3, rate: 10, stopAfter: 5, by: "ada").run
        while await bulk.step() != nil {}
        #expect(try await bulk.run(run.id)?.redriven == 2)
    }

    @Test(arguments: [("90s", 90_000), ("10m", 600_000), ("2h", 7_200_000), ("7d", 604_800_000), ("0s", 0)] as [(String, Int64)])
    func `An age is read`(text: String, milliseconds: Int64) { #expect(DeadLetterQuery.milliseconds(text) == milliseconds) }

    @Test(arguments: ["", "s", "10", "-1s", "1.5h", "1w", "99999999999999999999d", "10001d", "9223372036854775807d"])
    func `What is no age is refused`(text: String) { #expect(DeadLetterQuery.milliseconds(text) == nil) }
}

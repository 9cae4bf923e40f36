import Contracts
import Messaging
import Storage
import Synchronization
import Testing
import Web
import Wire

@testable import Analytics

/// A log that does something while it is read, and may show its end late.
private final class LogUnderTest: EventHistory {
    private struct State {
        var events: [Envelope] = []
        /// Events that come into the log only after its end was reached so often.
        var late: [Envelope] = []
        var emptyPagesBeforeLate = 2
        var pages = 0
        var failsAtPage: Int?
        var meanwhile: (@Sendable (Int) async throws -> Void)?
    }
    private let state = Mutex(State())

    func set(_ events: [Envelope], late: [Envelope] = []) { state.withLock { ($0.events, $0.late) = (events, late) } }
    func fail(atPage page: Int?) { state.withLock { ($0.failsAtPage, $0.pages) = (page, 0) } }
    func meanwhile(_ body: @escaping @Sendable (Int) async throws -> Void) { state.withLock { $0.meanwhile = body } }

    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] {
        let (pages, meanwhile, fails) = state.withLock { state in
            state.pages += 1
            return (state.pages, state.meanwhile, state.failsAtPage == state.pages)
        }
        try await meanwhile?(pages)
        if fails { throw StorageError.failed("the log cannot be read") }
        return state.withLock { state in
            if sequence >= state.events.count, !state.late.isEmpty {
                if state.emptyPagesBeforeLate == 0 {
                    state.events += state.late
                    state.late = []
                } else {
                    state.emptyPagesBeforeLate -= 1
                }
            }
            let start = Int(sequence)
            guard start < state.events.count else { return [] }
            // Small pages, so that a rebuild has many moments at which something can happen.
            return state.events[start..<min(start + 25, state.events.count)].enumerated().map { (sequence + Int64($0.offset) + 1, $0.element) }
        }
    }
}

@Suite struct RebuildAggregatesTests {
    private let fixture: ServiceFixture
    private let service: AnalyticsService
    private let handler: any EventHandler
    private let log = LogUnderTest()

    init() async throws {
        fixture = try ServiceFixture("analytics")
        service = AnalyticsService(fixture.environment, history: log)
        handler = try #require(service.handler)
        try await fixture.migrate(service)
    }

    private func state() async throws -> (Aggregates, [OrderFact], Progress) {
        try await fixture.database.read { transaction in
            var facts: [OrderFact] = []
            try FactTable.scan(nil, in: transaction) { facts.append($0) }
            return (try AggregateTables.load(products: true, in: transaction), facts.sorted { $0.id < $1.id }, try ProgressTable.load(in: transaction))
        }
    }

    private func rebuild() async throws -> JSONObject { try await service.call("POST", "/analytics/rebuild").json }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `A rebuild comes out the same`(seed: UInt64) async throws {
        let history = try RandomHistory(orders: 40, seed: seed, fixture: fixture)
        var random = RandomSource(seed: seed)
        for batch in history.batches(&random) { try await fixture.deliver(batch, to: handler) }
        let before = try await state()
        log.set(history.log.shuffled(using: &random))
        let answer = try await rebuild()
        let after = try await state()
        #expect(try answer.integer("events") == history.log.count)
        #expect(try answer.integer("missing") == 0 && answer.integer("skipped") == 0)
        #expect(after.0 == before.0 && after.1 == before.1)
        #expect(after.2.updatedThrough == before.2.updatedThrough)
        #expect(after.2.generation == before.2.generation + 1 && !after.2.isRebuilding)
        #expect(try await service.discrepancies() == [])
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `Events that come live meanwhile count once, in the log or not yet in it`(seed: UInt64) async throws {
        let history = try RandomHistory(orders: 60, seed: seed, fixture: fixture)
        var random = RandomSource(seed: seed)
        let batches = history.batches(&random)
        let split = batches.count / 2
        for batch in batches[..<split] { try await fixture.deliver(batch, to: handler) }
        // The log lags: its last third comes in after its end was reached, though much of that was counted live before.
        let all = history.log.shuffled(using: &random)
        log.set(Array(all.prefix(all.count * 2 / 3)), late: Array(all.suffix(all.count - all.count * 2 / 3)))
        let live = Mutex(batches[split...])
        let (fixture, handler) = (self.fixture, self.handler)
        log.meanwhile { _ in
            if let batch = live.withLock({ $0.popFirst() }) { try await fixture.deliver(batch, to: handler) }
        }
        _ = try await rebuild()
        for batch in live.withLock({ $0 }) { try await fixture.deliver(batch, to: handler) }
        let after = try await state()

        let other = try ServiceFixture("other")
        let fresh = AnalyticsService(other.environment, history: log)
        try await other.migrate(fresh)
        try await other.deliver(history.log, to: try #require(fresh.handler))
        let wanted = try await other.database.read { try AggregateTables.load(products: true, in: $0) }
        #expect(after.0 == wanted)
        #expect(try await service.discrepancies() == [])
    }

    @Test func `An event that never comes into the log is told of, and counts when it comes again`() async throws {
        let event = fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: fixture.context.newID(), version: 2)
        try await fixture.deliver([event], to: handler)
        #expect(try await rebuild().integer("missing") == 1)
        #expect(try await state().0 == Aggregates())
        try await fixture.deliverTwice([event], to: handler)
        #expect(try await state().0.statuses == [.reserved: 1])
    }

    @Test func `One rebuild at a time, and the dashboard tells of it`() async throws {
        let history = try RandomHistory(orders: 20, seed: 1, fixture: fixture)
        log.set(history.log)
        let service = self.service
        let seen = Mutex<(conflicts: Int, rebuilding: Int)>((0, 0))
        log.meanwhile { page in
            guard page == 2 else { return }
            let dashboard = try await service.call("GET", "/analytics/dashboard").json
            if try dashboard.bool("rebuilding") { seen.withLock { $0.rebuilding += 1 } }
            do { _ = try await service.call("POST", "/analytics/rebuild") } catch let problem as Problem where problem.status == .conflict {
                seen.withLock { $0.conflicts += 1 }
            }
        }
        _ = try await rebuild()
        #expect(seen.withLock { $0.conflicts == 1 && $0.rebuilding == 1 })
        #expect(try await service.call("GET", "/analytics/dashboard").json.bool("rebuilding") == false)
        _ = try await rebuild()
    }

    @Test func `A rebuild that was cut off is taken up where it was`() async throws {
        let history = try RandomHistory(orders: 60, seed: 5, fixture: fixture)
        try await fixture.deliver(history.log, to: handler)
        let before = try await state()
        log.set(history.log)
        log.fail(atPage: 3)
        await #expect(throws: StorageError.self) { try await rebuild() }
        let cut = try await state()
        #expect(cut.2.isRebuilding && cut.2.replayedThrough == 50 && cut.0 != before.0)
        log.fail(atPage: nil)
        let again = RebuildAggregates(database: fixture.database, context: fixture.context, logger: fixture.environment.logger, history: log)
        let result = try #require(try await again.resume())
        #expect(result.events == Int64(history.log.count - 50))
        let after = try await state()
        #expect(after.0 == before.0 && after.1 == before.1 && !after.2.isRebuilding)
        #expect(try await again.resume() == nil)
    }

    /// A rebuild as another process has it.
    private func process(_ owner: String) -> RebuildAggregates {
        let logger = fixture.environment.logger
        return RebuildAggregates(
            database: fixture.database, context: fixture.context, logger: logger, history: log,
            lease: Lease(name: "rebuild", owner: owner, database: fixture.database, clock: RealTime(), logger: logger))
    }

    @Test func `Of two processes one rebuilds, and the other takes it up only when that one has ended`() async throws {
        let history = try RandomHistory(orders: 60, seed: 6, fixture: fixture)
        try await fixture.deliver(history.log, to: handler)
        let before = try await state()
        log.set(history.log)
        let (one, two) = (process("one"), process("two"))
        let seen = Mutex<[String]>([])
        log.meanwhile { page in
            guard page == 2 else { return }
            do { _ = try await two() } catch let problem as Problem { seen.withLock { $0.append(problem.type) } }
            if try await two.resume() == nil { seen.withLock { $0.append("not cut off") } }
        }
        log.fail(atPage: 3)
        await #expect(throws: StorageError.self) { try await one() }
        #expect(seen.withLock { $0 } == ["rebuild-in-progress", "not cut off"])
        log.meanwhile { _ in }
        log.fail(atPage: nil)
        let result = try #require(try await two.resume())
        #expect(result.events == Int64(history.log.count - 50))
        let after = try await state()
        #expect(after.0 == before.0 && after.1 == before.1 && !after.2.isRebuilding)
    }

    @Test func `A rebuild that has passed to another process changes nothing any more`() async throws {
        let history = try RandomHistory(orders: 60, seed: 7, fixture: fixture)
        try await fixture.deliver(history.log, to: handler)
        log.set(history.log)
        let database = fixture.database
        let steal = SQL("UPDATE leases SET owner = 'another', epoch = epoch + 1, ends_at = ends_at + 60000")
        log.meanwhile { page in if page == 2 { _ = try await database.write { try $0.execute(steal) } } }
        let one = process("one")
        await #expect(throws: Lease.Lost.self) { try await one() }
        let progress = try await state().2
        #expect(progress.isRebuilding && progress.replayedThrough == 25)
    }

    @Test func `An event that cannot be counted does not stop the others`() async throws {
        let pound = try #require(Currency("GBP"))
        let line = OrderLine(productID: nil, sku: "a", quantity: .max, price: Money(minorUnits: 2, currency: pound))
        let poison = OrderCreated(
            customerID: nil, lines: [line], total: Money(minorUnits: 2, currency: pound), shippingCountry: nil, paymentMethod: "card",
            placedAt: Timestamp(milliseconds: 0))
        let history = try RandomHistory(orders: 5, seed: 9, fixture: fixture)
        try await fixture.deliver(history.log, to: handler)
        let before = try await state()
        log.set(history.log + [fixture.event(poison, key: fixture.context.newID(), version: 1)])
        #expect(try await rebuild().integer("skipped") == 1)
        #expect(try await state().0 == before.0)
    }

    @Test func `Old ids are forgotten, but not while a rebuild compares them`() async throws {
        let events = try RandomHistory(orders: 3, seed: 2, fixture: fixture).log
        try await fixture.deliver(events, to: handler)
        fixture.clock.advance(by: .seconds(31 * 86_400))
        let recent = fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: fixture.context.newID(), version: 2)
        try await fixture.deliver([recent], to: handler)
        let rebuild = RebuildAggregates(database: fixture.database, context: fixture.context, logger: fixture.environment.logger, history: log)
        let keeper = KeepAggregates(database: fixture.database, context: fixture.context, logger: fixture.environment.logger, rebuild: rebuild)
        let count = SQL("SELECT count(*) FROM applied")
        func kept() async throws -> Int64? { try await fixture.database.read { try $0.first(count) { $0.integer(0) } } }
        try await fixture.database.write { try ProgressTable.begin(in: $0) }
        try await keeper.forget()
        #expect(try await kept() == Int64(events.count + 1))
        try await fixture.database.write { try ProgressTable.end(in: $0) }
        try await keeper.forget()
        #expect(try await kept() == 1)
    }
}

/// The computer's clock: a lease is renewed by it.
private struct RealTime: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: 0) }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

extension RebuildAggregates.Result: Equatable {
    public static func == (a: RebuildAggregates.Result, b: RebuildAggregates.Result) -> Bool {
        (a.events, a.skipped, a.missing) == (b.events, b.skipped, b.missing)
    }
}

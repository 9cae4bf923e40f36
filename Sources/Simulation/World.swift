import Contracts
import HTTPTypes
import Logging
import Messaging
import Notifications
import PaymentSimulator
import Platform
import Storage
import StorageSQLite
import Wire

/// One run: the platform's process, the provider, the customers, the disk and time, all on one thread, with a tape of choices that decides what comes next.
///
/// Confined to the thread that calls ``run()``; that is what makes it `@unchecked Sendable`.
final class World: @unchecked Sendable {
    /// Milliseconds that an order may take to settle.
    static let deadline: Int64 = 60_000
    /// The same for orders that are paid elsewhere.
    static let offlineDeadline: Int64 = 600_000
    /// How far the wall clock jumps at most.
    static let largestJump: Int64 = 300_000
    static let silent = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    let seed: UInt64
    let plan: SimulationPlan
    let choices: ChoiceTape
    let executor = SimulationExecutor()
    let time = SimulatedTime()
    let media: [String: MemoryMedium]
    let provider: SimulatedPaymentProvider
    let feedCapacity: Int
    private let ledger: SteppedDatabase
    private let outside: ServiceContext
    private(set) var rates: FaultRates
    private(set) var process: SimulatedProcess?
    private var lives = 0
    private var restartAt: Int64 = 0
    private(set) var isHealed = false
    /// Whether the producers are of the next release.
    let isMixed: Bool
    /// Services whose consumers are still of this one.
    private(set) var outdated: Set<String> = []
    /// What those understand who are up to date.
    let registry: EventRegistry
    private(set) var outcome: SimulationOutcome
    private var trace: Trace
    private var calls = 0
    /// How often a consumer still fails for an event.
    private var poisoned: [String: Int] = [:]
    /// Stands there for an event that no consumer ever failed for.
    private static let isHealthy = -1
    private var outage: ClosedRange<Int64>?
    private var unsendable: [Identifier: Int] = [:]
    private var fakeKeys: Int64 = 0
    private var isRestarted = false
    private var mustDie = false
    private var names: [Identifier: String] = [:]
    /// Keys of charges whose answer a caller did not get.
    var unknownCharges: Set<Identifier> = []
    private(set) var customers: [SimulatedCustomer] = []
    private var working = 0

    init(seed: UInt64, plan: SimulationPlan, tape: [UInt32]?, isRecording: Bool) throws {
        (self.seed, self.plan) = (seed, plan)
        let choices = tape.map { ChoiceTape($0) } ?? ChoiceTape(seed: seed)
        self.choices = choices
        rates = FaultRates(plan.faults, choices)
        feedCapacity = rates[.loss] > 0 ? choices.pick([64, 16, 4]) : 8192
        isMixed = rates[.update] > 0 && choices.happens(perMille: 500)
        registry = isMixed ? EventCatalog.registry.updated(with: NextVersions.all) : EventCatalog.registry
        if isMixed { outdated = Set(ServiceAssembly.databases.filter { _ in choices.happens(perMille: 500) }) }
        // Now and then the provider is away for longer than the breaker's patience.
        if rates[.provider] > 0, choices.happens(perMille: 200) { outage = 500...Int64(10_000 + choices.choose(60_000)) }
        trace = Trace(isRecording: isRecording)
        outcome = SimulationOutcome(seed: seed)
        outside = ServiceContext(service: "outside", clock: SimulatedClock(time: time, owner: 0), seed: seed ^ 0x5157)
        media = Dictionary(
            uniqueKeysWithValues: try (ServiceAssembly.databases + ["payment-provider"]).map { ($0, try MemoryMedium()) })
        guard let books = media["payment-provider"] else { throw StorageError.closed }
        ledger = SteppedDatabase(name: "payment-provider", medium: books, isImmediate: true)
        provider = SimulatedPaymentProvider(
            ledger: ledger,
            context: ServiceContext(
                service: "payment-provider", clock: SimulatedClock(time: time, owner: 0), identifiers: IdentifierSource(seed: seed ^ 0xB00C)))
    }

    // What the parts tell and ask

    func note(_ text: String) { trace.note(time.elapsed, text) }
    func mark(_ mark: Mark) { outcome.marks.insert(mark) }
    func count(_ fault: FaultClass) { outcome.faults[fault, default: 0] += 1 }
    func fail(_ promise: String, _ detail: String) {
        note("VIOLATION of \(promise): \(detail)")
        outcome.violations.append(Violation(promise: promise, detail: detail))
    }
    func newID() -> Identifier { outside.newID() }
    func nextCall() -> Int {
        calls += 1
        return calls
    }
    func name(_ id: Identifier, _ name: String) { names[id] = name }
    func name(of id: Identifier) -> String { names[id] ?? "order ?" }
    /// Whether a channel takes a message; some are refused a few times, some always.
    func takes(_ message: Message) -> Bool {
        guard !isHealed else { return true }
        let left = unsendable[message.id] ?? (choices.happens(perMille: rates[.channel]) ? 1 + choices.choose(5) : 0)
        unsendable[message.id] = left - 1
        if left > 0 { count(.channel) }
        return left <= 0
    }
    func accepted() { outcome.accepted += 1 }

    func providerFate() -> ProviderFate {
        var fate = ProviderFate()
        if let outage, !isHealed, outage.contains(time.elapsed) {
            count(.provider)
            fate.reachesProvider = false
            return fate
        }
        guard choices.happens(perMille: rates[.provider] * 3) else {
            fate.requestMilliseconds = choices.pick([5, 20, 200])
            fate.replyMilliseconds = choices.pick([5, 20, 200])
            return fate
        }
        count(.provider)
        switch choices.choose(5) {
        case 0: fate.reachesProvider = false
        case 1: fate.isAnswered = false
        case 2: fate.requestMilliseconds = 12_000 + choices.choose(20_000)
        case 3: fate.replyMilliseconds = 12_000 + choices.choose(20_000)
        default:
            fate.requestMilliseconds = choices.choose(9_000)
            fate.replyMilliseconds = choices.choose(9_000)
        }
        return fate
    }

    /// Called at the points of a commit.
    func reached(_ point: CommitPoint, _ database: String) throws {
        guard !isHealed else { return }
        if point == .beforeCommit, choices.happens(perMille: rates[.storage] / 2) {
            count(.storage)
            mark(.diskFull)
            note("\(database): the commit fails, the disk is full")
            throw StorageError.full("planted by the simulation")
        }
        guard choices.happens(perMille: rates[.crash] / 3) else { return }
        mark(point == .beforeCommit ? .crashBeforeCommit : .crashBeforePublish)
        note("\(database): the process dies \(point == .beforeCommit ? "before" : "after") a commit")
        throw SteppedDatabase.Death()
    }

    /// A body as a producer of the release in force writes it.
    func written(_ body: [UInt8]) throws -> [UInt8] { isMixed ? try NextVersions.all.reduce(body) { try $1.rewrite($0) } : body }

    /// Lets a handler fail for an event: a few times, so that the retries bring it through, or once too often, so that it becomes a dead letter.
    func poison(_ events: [Envelope], consumer: String) throws {
        for event in events {
            let key = "\(consumer) \(event.id)"
            if let left = poisoned[key] {
                if left == 0, !isHealed { mark(.retried) }
                guard left > 0, !isHealed else { continue }
                if events.count == 1 { poisoned[key] = left - 1 }
                throw PlantedFailure()
            }
            guard choices.happens(perMille: rates[.poison] / 4) else {
                if rates[.poison] > 0 { poisoned[key] = World.isHealthy }
                continue
            }
            count(.poison)
            poisoned[key] = choices.choose(6) + (events.count == 1 ? 0 : 1)
            note("\(consumer) fails for \(event.type) of \(name(of: event.key))")
            throw PlantedFailure()
        }
    }

    // The run

    func run() -> SimulationOutcome {
        executor.start { [self] in
            do { try await provider.open() } catch { fail("L4", "the provider cannot start: \(error)") }
        }
        executor.drain()
        startProcess()
        executor.start { [self] in await openShop() }
        while outcome.violations.isEmpty {
            executor.drain()
            outcome.steps += 1
            if !isHealed, outcome.steps > plan.maximumSteps || working == 0 && outcome.steps > 1 { heal() }
            if isHealed, time.elapsed > healedAt + World.deadline + World.offlineDeadline + World.largestJump + 120_000 {
                fail("L1", "not at rest \((time.elapsed - healedAt) / 1000) s after the last fault: \(unrest().joined(separator: ", "))")
                break
            }
            if outcome.steps > plan.maximumSteps * 4 {
                fail("L1", "not at rest after \(outcome.steps) steps: \(unrest().joined(separator: ", "))")
                break
            }
            guard step() || redrive() else { break }
        }
        executor.drain()
        if outcome.violations.isEmpty { audit() }
        outcome.milliseconds = time.elapsed
        outcome.lives = lives
        outcome.traceHash = trace.hash
        outcome.lines = trace.lines
        outcome.tape = choices.taken
        end()
        return outcome
    }

    /// Lets go of everything: whoever still waits is told that it is over, so that nothing of this world outlives it.
    private func end() {
        process?.die()
        process = nil
        time.cancelAll()
        executor.drain()
        customers = []
    }

    private var healedAt: Int64 = 0
    private func heal() {
        isHealed = true
        healedAt = time.elapsed
        rates.heal()
        time.offset = 0
        note("everything is healed; the run goes on until it is at rest")
        guard isMixed else { return }
        note("all consumers are updated")
        outdated = []
        if process != nil { kill() }
    }

    /// Lets the operator work on what is dead; false if nothing is.
    private func redrive() -> Bool {
        guard isHealed, SimulatedOperator(world: self).redrive() else { return false }
        // What that sets in motion has its own deadlines.
        healedAt = time.elapsed
        return true
    }

    private func audit() {
        let audit = SimulationAudit(world: self)
        do { try audit.run() } catch { fail("S1", "the databases cannot be read: \(error)") }
        outcome.events = audit.events
        outcome.statuses = audit.statuses
    }

    private func startProcess() {
        lives += 1
        let process = SimulatedProcess(self, number: lives)
        self.process = process
        note("process \(lives) starts")
        process.start()
    }

    func startFailed(_ error: any Error) {
        note("the process cannot start: \(error)")
        mustDie = true
    }

    private func kill() {
        mustDie = false
        guard let process else { return }
        count(.crash)
        note("process \(process.number) is gone")
        self.process = nil
        isRestarted = true
        restartAt = time.elapsed + Int64(choices.pick([0, 10, 500, 3000]))
        process.die()
        executor.drain()
    }

    /// Stocks the products, then lets all customers in.
    private func openShop() async {
        working += 1
        let desk = ShopDesk(world: self)
        let products = await desk.stock()
        for number in 0..<plan.orders {
            let customer = SimulatedCustomer(world: self, number: number, products: products)
            customers.append(customer)
            working += 1
            executor.start { [self] in
                await customer.shop()
                working -= 1
            }
        }
        working -= 1
    }

    // The scheduler

    private enum Action {
        case commit(SteppedDatabase)
        case handOver(String)
        case deliver(Consumer)
        case work(JobRunner)
        case restart, tick, crash, jump, duplicate, free, prune
    }

    /// Does one thing that can be done; false at rest.
    private func step() -> Bool {
        if mustDie { return perform(.crash) }
        var actions: [Action] = []
        if let process {
            for database in process.databases where database.waiting > 0 { actions += [.commit(database), .commit(database)] }
            if let services = process.services {
                for source in ServiceAssembly.databases where process.handOver[source]?.isEmpty == false { actions.append(.handOver(source)) }
                for consumer in services.consumers where !process.busy.contains("\(consumer)") && consumer.feed.hasWork { actions.append(.deliver(consumer)) }
                for runner in [services.payments.jobRunner, services.notifications.jobs] where runner.hasWork { actions.append(.work(runner)) }
            }
        } else if restartAt <= time.elapsed {
            actions.append(.restart)
        }
        let isBusy = !actions.isEmpty
        if !isHealed, process != nil {
            if choices.happens(perMille: rates[.crash] / 6) { return perform(.crash) }
            if choices.happens(perMille: rates[.clock] / 6) { return perform(.jump) }
            if choices.happens(perMille: rates[.duplicate]) { return perform(.duplicate) }
            if plan.mutant == .holdFreedByInventory, choices.happens(perMille: 20) { return perform(.free) }
            if choices.happens(perMille: 3) { return perform(.prune) }
        }
        // Time passes when there is nothing to do, and now and then also when there is.
        if !isBusy || choices.happens(perMille: 60) { return perform(.tick) || isBusy }
        return perform(choices.pick(actions))
    }

    private func perform(_ action: Action) -> Bool {
        switch action {
        case .commit(let database):
            let count = 1 + choices.choose(database.waiting)
            note("\(database.name) commits \(count) of \(database.waiting)")
            do { try database.commit(first: count) } catch { kill() }
        case .handOver(let source):
            count(.delay)
            note("events of \(source) are handed over")
            process?.handOverNext(from: source)
        case .deliver(let consumer): deliver(consumer)
        case .work(let runner):
            guard let job = runner.take() else { break }
            note("\(runner) begins \(job.kind) of \(name(of: job.key)), attempt \(job.attempts + 1)")
            executor.start { await runner.execute(job) }
        case .restart: startProcess()
        case .tick: return tick()
        case .crash:
            note("the process is killed")
            kill()
        case .jump:
            count(.clock)
            let jump = Int64(choices.choose(Int(2 * World.largestJump))) - World.largestJump
            if jump < 0 { mark(.wallClockBack) }
            time.offset = max(-World.largestJump, min(World.largestJump, time.offset + jump))
            note("the wall clock is \(time.offset) ms off")
        case .duplicate: duplicate()
        case .free: freeHold()
        case .prune:
            guard let process, let services = process.services else { break }
            note("the janitors prune")
            for janitor in services.janitors where process.busy.insert("\(janitor)").inserted {
                executor.start {
                    try? await janitor.step(isAgeRound: false)
                    process.busy.remove("\(janitor)")
                }
            }
        }
        return true
    }

    private func deliver(_ consumer: Consumer) {
        guard let process, var work = consumer.feed.take(limit: 1 + choices.choose(16)) else { return }
        switch work {
        case .apply(let events):
            note("\(consumer) gets \(events.map { "\($0.type) of \(name(of: $0.key))" }.joined(separator: ", "))")
            if choices.happens(perMille: rates[.reorder] * 3) {
                count(.reorder)
                work = .apply(shuffled(events))
            }
            if plan.mutant == .ackBeforeCommit { acknowledge(events, consumer) }
        case .catchUp(let source, let after, _):
            note("\(consumer) reads the outbox of \(source) after \(after)")
            mark(isRestarted ? .redeliveryAfterCrash : .catchUp)
            if feedCapacity < 100 { count(.loss) }
        case .stop: return
        }
        let label = "\(consumer)"
        let next = work
        process.busy.insert(label)
        executor.start {
            _ = await consumer.step(next)
            process.busy.remove(label)
        }
    }

    /// The same events in another order; those of one order keep theirs, and those of one source, which is a log, too.
    private func shuffled(_ events: [Envelope]) -> [Envelope] {
        var rest = events
        var out: [Envelope] = []
        while !rest.isEmpty {
            var keys: Set<Identifier> = []
            var sources: Set<String> = []
            let free = rest.indices.filter { index in
                let isFirst = keys.insert(rest[index].key).inserted
                return sources.insert(rest[index].source).inserted && isFirst
            }
            out.append(rest.remove(at: choices.pick(free)))
        }
        return out
    }

    /// Something that happened of late reaches a consumer once more.
    private func duplicate() {
        guard let process, let services = process.services else { return }
        let sources = ServiceAssembly.databases.filter { process.recent[$0]?.isEmpty == false }
        guard !sources.isEmpty else { return }
        let source = choices.pick(sources)
        guard let recent = process.recent[source], let event = recent.isEmpty ? nil : recent[choices.choose(recent.count)] else { return }
        let consumers = services.consumers.filter { $0.feed.types?.contains(event.type) ?? true }
        guard !consumers.isEmpty else { return }
        let consumer = choices.pick(consumers)
        count(.duplicate)
        outcome.deliveredTwice.insert(event.type)
        note("\(event.type) of \(name(of: event.key)) reaches \(consumer) again")
        consumer.feed.offer([event], from: source)
    }

    /// Moves time on to whatever is due next, and lets everything that looks at the clock look at it.
    private func tick() -> Bool {
        var next: [Int64] = []
        if process == nil { next.append(restartAt) }
        if let wake = time.nextWake { next.append(wake) }
        let now = time.now.milliseconds
        var isDue = false
        for due in dueTimes() {
            if due <= now { isDue = true } else { next.append(time.elapsed + due - now) }
        }
        if isDue { next.append(time.elapsed + 100) }
        guard let target = next.min() else { return false }
        time.advance(to: max(target, time.elapsed))
        guard let process, let services = process.services, isDue || dueTimes().contains(where: { $0 <= time.now.milliseconds }) else { return true }
        func start(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
            guard process.busy.insert(name).inserted else { return }
            executor.start {
                try? await body()
                process.busy.remove(name)
            }
        }
        for consumer in services.consumers { start("retry \(consumer)") { _ = try await consumer.retryParked() } }
        for runner in [services.payments.jobRunner, services.notifications.jobs] { start("poll \(runner)") { try await runner.poll() } }
        for runner in services.orders.runners {
            guard let timers = runner as? TimerRunner else { continue }
            start("timers") {
                guard try await timers.step() > 0 else { return }
                self.mark(.deadline)
                self.note("timers fire")
            }
        }
        return true
    }

    private static let dueTimers = SQL("SELECT due_at FROM timers")
    private static let dueParked = SQL("SELECT due_at FROM parked")
    private static let dueJobs = SQL("SELECT due_at FROM jobs")

    /// When rows of the databases become due, by the wall clock. Jobs at work are due as well: looking at them again does no harm.
    private func dueTimes() -> [Int64] {
        var times: [Int64] = []
        for name in ServiceAssembly.databases {
            guard let medium = media[name] else { continue }
            times += (try? medium.read { try $0.query(World.dueTimers) { $0.integer(0) } + $0.query(World.dueParked) { $0.integer(0) } }) ?? []
            let held = process?.services.map { name == "payments" ? $0.payments.jobRunner.backlog : name == "notifications" ? $0.notifications.jobs.backlog : 0 } ?? 0
            let jobs = (try? medium.read { try $0.query(World.dueJobs) { $0.integer(0) } }) ?? []
            // Jobs that the process holds come back by themselves.
            times += jobs.sorted().dropFirst(held)
        }
        return times
    }

    /// What still goes on, in words.
    private func unrest() -> [String] {
        var words: [String] = []
        if working > 0 { words.append("\(working) customers") }
        guard let process, let services = process.services else { return words + ["no process"] }
        for database in process.databases where database.waiting > 0 { words.append("\(database.waiting) writes of \(database.name)") }
        for consumer in services.consumers where !consumer.feed.isIdle { words.append("\(consumer)") }
        words.append("\(dueTimes().count) timers, jobs and parked events")
        return words
    }

    // Planted bugs

    private static let positions = SQL("INSERT INTO positions (source, sequence) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence")
    private static let newest = SQL("SELECT max(sequence) FROM outbox")

    private func acknowledge(_ events: [Envelope], _ consumer: Consumer) {
        guard let medium = media[consumer.feed.consumer] else { return }
        var last: [String: Int64] = [:]
        for event in events { last[event.source] = event.sequence }
        try? medium.write { transaction in
            try transaction.execute(World.positions, each: last.sorted { $0.key < $1.key }.map { [.text($0.key), .integer($0.value)] })
        }
    }

    private static let held = SQL("SELECT order_id FROM reservations WHERE state = 1 ORDER BY order_id LIMIT 1")
    private static let heldLines = SQL("SELECT product_id, quantity FROM reservation_lines WHERE order_id = $1")
    private static let giveBack = SQL("UPDATE products SET available = available + $2, reserved = reserved - $2 WHERE id = $1")
    private static let released = SQL("UPDATE reservations SET state = 3 WHERE order_id = $1")

    private func freeHold() {
        try? media["inventory"]?.write { transaction in
            guard let order = try transaction.first(World.held, [], { $0.id(0) }) else { return }
            note("Inventory frees what it held for \(name(of: order))")
            try transaction.execute(World.giveBack, each: try transaction.query(World.heldLines, [.id(order)]) { [.id($0.id(0)), .integer($0.integer(1))] })
            try transaction.execute(World.released, [.id(order)])
        }
    }

    /// Watches the statements of a database, for marks and planted bugs.
    func observe(_ transaction: any Transaction, database: String) -> any Transaction {
        ObservedTransaction(transaction) { [self] sql, rows, base in try verdict(sql, rows, base, database) }
    }

    private func verdict(_ sql: SQL, _ rows: [[SQLValue]], _ base: any Transaction, _ database: String) throws -> ObservedTransaction.Verdict {
        if sql.text.hasPrefix("UPDATE jobs ") {
            if rows.contains(where: { $0.last == .text("the circuit breaker is open") }) { mark(.breakerOpen) }
            return .run
        }
        guard sql.text.hasPrefix("INSERT INTO ") else { return .run }
        let rest = sql.text.dropFirst(12)
        if rest.hasPrefix("reservations ") {
            if plan.mutant == .noTombstone { return .replace(rows.filter { $0[1] != .integer(4) }) }
        } else if rest.hasPrefix("payments ") {
            if rows.contains(where: { $0[2] == .integer(2) }) { mark(.cancelWhileCharging) }
            if rows.contains(where: { $0[2] == .integer(5) && $0[4] == .null }) { mark(.cancelOvertakes) }
            if rows.contains(where: { $0[2] == .integer(6) }) { mark(.refundAfterCapture) }
            if plan.mutant == .noTombstone { return .replace(rows.filter { $0[2] != .integer(5) || $0[4] != .null }) }
        } else if rest.hasPrefix("inbox ") {
            if plan.mutant == .noInbox { return .claimChanged }
        } else if rest.hasPrefix("parked ") {
            if rows.contains(where: { $0.contains { if case .text(let text) = $0 { text.contains("until this program is updated") } else { false } } }) {
                count(.update)
                mark(.tooNew)
            }
        } else if rest.hasPrefix("dead_letters ") {
            mark(.retryExhausted)
        } else if rest.hasPrefix("outbox ") {
            if rows.contains(where: { $0[0] == .text("InventoryInsufficient") }) { mark(.lastUnitContested) }
            if plan.mutant == .dualWrite {
                return .pretend(
                    keys: rows.map { _ in
                        fakeKeys += 1
                        return fakeKeys
                    })
            }
            if isMixed {
                return .replace(
                    try rows.map { row in
                        guard case .bytes(let body) = row[2] else { return row }
                        return [row[0], row[1], .bytes(try written(body))]
                    })
            }
        } else if rest.hasPrefix("positions "), plan.mutant == .cursorOutbox {
            return .replace(
                try rows.map { row in
                    guard case .text(let source) = row[0], let medium = media[source], source != database else { return row }
                    return [row[0], .integer(try medium.read { try $0.first(World.newest) { $0.optionalInteger(0) ?? 0 } ?? 0 })]
                })
        }
        return .run
    }
}

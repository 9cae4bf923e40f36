import Contracts
import HTTPTypes
import Logging
import Messaging
import Notifications
import Operations
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
    let ledger: SteppedDatabase
    let outside: ServiceContext
    var rates: FaultRates
    var process: SimulatedProcess?
    var lives = 0
    var restartAt: Int64 = 0
    var isHealed = false
    /// Whether the producers are of the next release.
    let isMixed: Bool
    /// Services whose consumers are still of this one.
    var outdated: Set<String> = []
    /// What those understand who are up to date.
    let registry: EventRegistry
    var outcome: SimulationOutcome
    var trace: Trace
    var calls = 0
    /// How often a consumer still fails for an event.
    var poisoned: [String: Int] = [:]
    /// Stands there for an event that no consumer ever failed for.
    static let isHealthy = -1
    var outage: ClosedRange<Int64>?
    var unsendable: [Identifier: Int] = [:]
    var fakeKeys: Int64 = 0
    var isRestarted = false
    var mustDie = false
    var names: [Identifier: String] = [:]
    /// Keys of charges whose answer a caller did not get.
    var unknownCharges: Set<Identifier> = []
    var customers: [SimulatedCustomer] = []
    var working = 0

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
        for name in ServiceAssembly.databases { try media[name]?.write { try $0.execute(SimulatedHandler.witness) } }
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
    func end() {
        process?.die()
        process = nil
        time.cancelAll()
        executor.drain()
        customers = []
    }

    var healedAt: Int64 = 0
    func heal() {
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
    func redrive() -> Bool {
        guard isHealed, SimulatedOperator(world: self).redrive() else { return false }
        // What that sets in motion has its own deadlines.
        healedAt = time.elapsed
        return true
    }

    func audit() {
        let audit = SimulationAudit(world: self)
        do { try audit.run() } catch { fail("S1", "the databases cannot be read: \(error)") }
        outcome.events = audit.events
        outcome.statuses = audit.statuses
        // The product's own auditor must agree; it knows this release's events only.
        guard outcome.violations.isEmpty, !isMixed, let auditor = process?.services?.audit.auditor else { return }
        executor.start { [self] in
            do {
                for finding in try await auditor.audit(AuditScope(isStill: true)).findings { fail(finding.rule, "the auditor finds: \(finding)") }
            } catch { fail("S1", "the auditor cannot work: \(error)") }
        }
        executor.drain()
    }

    func startProcess() {
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

    func kill() {
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
    func openShop() async {
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
}

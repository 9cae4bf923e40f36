import Contracts
import Messaging
import Platform
import Storage
import StorageSQLite
import Wire

/// What happens next, as the tape says.
extension World {
    enum Action {
        case commit(SteppedDatabase)
        case handOver(String)
        case deliver(Consumer)
        case work(JobRunner)
        case restart, tick, crash, jump, duplicate, free, prune
    }

    /// Does one thing that can be done; false at rest.
    func step() -> Bool {
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
            if choices.happens(perMille: rates[.crash] / (process?.isReady == true ? 6 : 40)) { return perform(.crash) }
            if choices.happens(perMille: rates[.clock] / 6) { return perform(.jump) }
            if choices.happens(perMille: rates[.duplicate]) { return perform(.duplicate) }
            if plan.mutant == .holdFreedByInventory, choices.happens(perMille: 20) { return perform(.free) }
            if choices.happens(perMille: 3) { return perform(.prune) }
        }
        // Time passes when there is nothing to do, and now and then also when there is.
        if !isBusy || choices.happens(perMille: 60) { return perform(.tick) || isBusy }
        return perform(choices.pick(actions))
    }

    func perform(_ action: Action) -> Bool {
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

    func deliver(_ consumer: Consumer) {
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
    func shuffled(_ events: [Envelope]) -> [Envelope] {
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
    func duplicate() {
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
    func tick() -> Bool {
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

    static let dueTimers = SQL("SELECT due_at FROM timers")
    static let dueParked = SQL("SELECT due_at FROM parked")
    static let dueJobs = SQL("SELECT due_at FROM jobs")

    /// When rows of the databases become due, by the wall clock. Jobs at work are due as well: looking at them again does no harm.
    func dueTimes() -> [Int64] {
        var times: [Int64] = []
        for name in ServiceAssembly.databases {
            guard let medium = media[name] else { continue }
            times += (try? medium.read { try $0.query(World.dueTimers) { $0.integer(0) } + $0.query(World.dueParked) { $0.integer(0) } }) ?? []
            let held =
                process?.services.map { name == "payments" ? $0.payments.jobRunner.backlog : name == "notifications" ? $0.notifications.jobs.backlog : 0 } ?? 0
            let jobs = (try? medium.read { try $0.query(World.dueJobs) { $0.integer(0) } }) ?? []
            // Jobs that the process holds come back by themselves.
            times += jobs.sorted().dropFirst(held)
        }
        return times
    }

    /// What still goes on, in words.
    func unrest() -> [String] {
        var words: [String] = []
        if working > 0 { words.append("\(working) customers") }
        guard let process, let services = process.services else { return words + ["no process"] }
        for database in process.databases where database.waiting > 0 { words.append("\(database.waiting) writes of \(database.name)") }
        for consumer in services.consumers where !consumer.feed.isIdle { words.append("\(consumer)") }
        words.append("\(dueTimes().count) timers, jobs and parked events")
        return words
    }
}

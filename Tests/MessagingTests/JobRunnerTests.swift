import Storage
import Synchronization
import Testing
import Wire

@testable import Messaging

@Suite("Job runner", .timeLimit(.minutes(1)))
struct JobRunnerTests {
    /// Performs a job by writing its number down; fails, or waits, where it is told to.
    final class Call: JobHandler {
        let kind = "call"
        let performed = Mutex<[Int64]>([])
        private let failing = Mutex<Set<Int64>>([])
        let unrecordable = Mutex<Set<Int64>>([])
        private let gates = Mutex<[Int64: AsyncStream<Void>]>([:])

        func fails(at numbers: some Sequence<Int64>) { failing.withLock { $0 = Set(numbers) } }
        /// Makes the call of a number wait until the returned gate is finished.
        func gate(_ number: Int64) -> AsyncStream<Void>.Continuation {
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            gates.withLock { $0[number] = stream }
            return continuation
        }

        func perform(_ job: Job, context: ServiceContext) async throws -> Int64 {
            let number = Int64(job.payload) ?? -1
            performed.withLock { $0.append(number) }
            if let gate = gates.withLock({ $0[number] }) { for await _ in gate {} }
            if failing.withLock({ $0.contains(number) }) { throw Refused(number: number) }
            return number
        }

        func record(_ finished: [FinishedJob<Int64>], in transaction: any Transaction, context: ServiceContext) throws {
            for entry in finished {
                if unrecordable.withLock({ $0.contains(entry.outcome) }) { throw Refused(number: entry.outcome) }
                try ToyBox.write(entry.outcome, entry.job.key, in: transaction)
            }
        }
    }

    let bench: Workbench
    let call = Call()
    let runner: JobRunner
    let queue: JobQueue

    init() async throws {
        bench = try await Workbench()
        runner = JobRunner(handlers: [call], database: bench.consumer, context: bench.consuming, logger: bench.logger)
        queue = JobQueue { [runner] in runner.offer($0) }
    }

    private func job(_ number: Int64) -> Job {
        Job(id: bench.consuming.newID(), kind: "call", key: Identifier(high: 0, low: UInt64(number)), payload: String(number))
    }
    private func enqueue(_ jobs: [Job]) async throws {
        let now = bench.clock.now()
        try await bench.consumer.write { [queue] in try queue.enqueue(jobs, at: now, in: $0) }
    }
    private func due() async throws -> [Job] {
        let now = bench.clock.now()
        return try await bench.consumer.read { try JobQueue.due(at: now, limit: 100, in: $0) }
    }
    private func recorded() async throws -> [Int64] { try await ToyBox.applied(in: bench.consumer).map(\.value) }
    private func performed() -> [Int64] { call.performed.withLock { $0 } }

    @Test("a job is offered after its commit, not before and not after a rollback")
    func offering() async throws {
        let jobs = [job(1), job(2)]
        await #expect(throws: Refused.self) {
            try await bench.consumer.write { [queue] in
                try queue.enqueue(jobs, at: Timestamp(milliseconds: 0), in: $0)
                throw Refused(number: 0)
            }
        }
        #expect(runner.backlog == 0)
        try await enqueue(jobs)
        #expect(runner.backlog == 2)
        try await runner.poll()
        #expect(runner.backlog == 2, "what is held already is not taken again")
    }

    @Test("an outcome is recorded once, though the job was performed twice")
    func once() async throws {
        let one = job(1)
        try await enqueue([one])
        await runner.execute(one)
        await runner.execute(one)
        #expect(performed() == [1, 1])
        #expect(try await recorded() == [1])
        #expect(try await bench.count(Workbench.jobRows, in: bench.consumer) == 0)
    }

    @Test("outcomes that are ready together are recorded together, and one that cannot be recorded holds up no other")
    func togetherOrAlone() async throws {
        let jobs = (1...6).map { job(Int64($0)) }
        try await enqueue(jobs)
        call.unrecordable.withLock { $0 = [1, 4] }
        await withDiscardingTaskGroup { group in for job in jobs { group.addTask { [runner] in await runner.execute(job) } } }
        #expect(try await recorded().sorted() == [2, 3, 5, 6])
        #expect(try await bench.count(Workbench.jobRows, in: bench.consumer) == 2)
        call.unrecordable.withLock { $0 = [] }
        bench.clock.advance(by: .seconds(60))
        for job in try await due() { await runner.execute(job) }
        #expect(try await recorded().sorted() == [1, 2, 3, 4, 5, 6])
    }

    @Test("a job that fails is tried again later, with a growing wait, until it succeeds")
    func retries() async throws {
        let one = job(1)
        try await enqueue([one])
        call.fails(at: [1])
        var next = one
        for attempt in 1...4 as ClosedRange<Int64> {
            await runner.execute(next)
            let select = SQL("SELECT attempts, due_at, error FROM jobs")
            let row = try await bench.consumer.read { try $0.first(select) { ($0.integer(0), $0.integer(1), $0.text(2)) } }
            let (attempts, dueAt, error) = try #require(row)
            #expect(attempts == attempt)
            #expect(error == "toy 1 is broken")
            let wait = dueAt - bench.clock.now().milliseconds
            #expect((0...(1000 << (attempt - 1))).contains(wait))
            bench.clock.set(Timestamp(milliseconds: max(dueAt, bench.clock.now().milliseconds + 16_000)))
            next = try #require(try await due().first)
        }
        call.fails(at: [])
        await runner.execute(next)
        #expect(try await recorded() == [1])
        #expect(try await due().isEmpty)
    }

    @Test("a job is left alone until it is due again")
    func notYetDue() async throws {
        let one = job(1)
        try await bench.consumer.write { [queue, clock = bench.clock] in try queue.enqueue([one], at: clock.now().advanced(byMilliseconds: 500), in: $0) }
        #expect(try await due().isEmpty)
        bench.clock.advance(by: .milliseconds(500))
        #expect(try await due().map(\.id) == [one.id])
    }

    @Test("a new runner takes up what the last one left in the table")
    func recovery() async throws {
        try await enqueue([job(1), job(2), job(3)])
        let second = JobRunner(handlers: [call], database: bench.consumer, context: bench.consuming, logger: bench.logger)
        for _ in 0..<2 { try await second.poll() }
        #expect(second.backlog == 3)
        let task = Task { try await second.run() }
        while try await recorded().count < 3 { await Task.yield() }
        task.cancel()
        try await task.value
        #expect(Set(try await recorded()) == [1, 2, 3])
        #expect(performed().count == 3)
        #expect(second.backlog == 0)
    }

    @Test("a job that is done while the table is looked through is not done again")
    func doneMeanwhile() async throws {
        let slow = SlowReads(bench.consumer)
        let runner = JobRunner(handlers: [call], database: slow, context: bench.consuming, logger: bench.logger)
        try await enqueue([job(1), job(2)])
        try await runner.poll()
        let taken = try #require(runner.take())
        // The look sees both jobs, and by the time that it ends the first is done.
        slow.meanwhile { await runner.execute(taken) }
        try await runner.poll()
        #expect(runner.backlog == 1 && performed() == [1])
        let other = try #require(runner.take())
        #expect(runner.take() == nil)
        await runner.execute(other)
        #expect(performed() == [1, 2])
        #expect(try await recorded() == [1, 2])
    }

    /// A database in which something happens between a read and its answer, once.
    private final class SlowReads: Database {
        private let inner: any Database
        private let action = Mutex<(@Sendable () async -> Void)?>(nil)
        var name: String { inner.name }

        init(_ inner: any Database) { self.inner = inner }

        func meanwhile(_ action: @escaping @Sendable () async -> Void) { self.action.withLock { $0 = action } }

        func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T { try await inner.write(body) }
        func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
            let answer = try await inner.read(body)
            let action: (@Sendable () async -> Void)? = self.action.withLock { action in
                defer { action = nil }
                return action
            }
            await action?()
            return answer
        }
        func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
        func close() async { await inner.close() }
    }

    @Test("after five failures the breaker opens: nothing is called and no attempt is counted until a probe is due")
    func breaker() async throws {
        let jobs = (1...7).map { job($0) }
        try await enqueue(jobs)
        call.fails(at: 1...5)
        for job in jobs.prefix(5) { await runner.execute(job) }
        #expect(performed() == [1, 2, 3, 4, 5])
        await runner.execute(jobs[5])
        #expect(performed().count == 5)
        let select = SQL("SELECT attempts, due_at, error FROM jobs WHERE id = $1")
        let id = jobs[5].id
        let row = try await bench.consumer.read { try $0.first(select, [.id(id)]) { ($0.integer(0), $0.time(1), $0.text(2)) } }
        let refused = try #require(row)
        #expect(refused.0 == 0)
        #expect(refused.1 == bench.clock.now().advanced(byMilliseconds: 30_000))
        #expect(refused.2 == "the circuit breaker is open")
        bench.clock.advance(by: .seconds(30))
        await runner.execute(jobs[5])
        await runner.execute(jobs[6])
        #expect(performed() == [1, 2, 3, 4, 5, 6, 7], "the probe succeeded, so the breaker is closed")
        #expect(try await recorded() == [6, 7])
    }

    @Test("the late answer to a call from before the breaker opened does not close it in the probe's stead")
    func lateAnswer() async throws {
        let jobs = (1...8).map { job($0) }
        try await enqueue(jobs)
        let (slow, probe) = (call.gate(1), call.gate(7))
        let runner = self.runner
        async let first: Void = runner.execute(jobs[0])
        while performed().isEmpty { await Task.yield() }
        bench.clock.advance(by: .seconds(1))
        call.fails(at: 2...6)
        for job in jobs[1...5] { await runner.execute(job) }
        bench.clock.advance(by: .seconds(30))
        async let second: Void = runner.execute(jobs[6])
        while performed().count < 7 { await Task.yield() }
        slow.finish()
        await first
        await runner.execute(jobs[7])
        #expect(performed() == [1, 2, 3, 4, 5, 6, 7], "the probe has not been answered yet")
        probe.finish()
        await second
        await runner.execute(jobs[7])
        #expect(performed().last == 8)
    }

    @Test("a job that nobody can perform stays in the table")
    func unknownKind() async throws {
        let strange = Job(id: bench.consuming.newID(), kind: "strange", key: Identifier(high: 0, low: 1), payload: "{}")
        try await enqueue([strange])
        for _ in 0..<2 { await runner.execute(strange) }
        #expect(try await bench.count(Workbench.jobRows, in: bench.consumer) == 1)
    }
}

import DequeModule
import Logging
import Metrics
import Resilience
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Performs one kind of job.
public protocol JobHandler: Sendable {
    /// What a performed job leads to.
    associatedtype Outcome: Sendable
    /// The kind it performs.
    var kind: String { get }
    /// Calls the outside with the job's id as idempotency key and a timeout of its own. Throwing means *unknown*, never *failed*: the job is tried again.
    func perform(_ job: Job, context: ServiceContext) async throws -> Outcome
    /// Writes outcomes, each once; the jobs' rows go in the same transaction.
    func record(_ finished: [FinishedJob<Outcome>], in transaction: any Transaction, context: ServiceContext) throws
}

/// A job that was performed, and what came of it.
public struct FinishedJob<Outcome: Sendable>: Sendable {
    /// What was to be done.
    public let job: Job
    /// What came of it.
    public let outcome: Outcome
    public init(_ job: Job, _ outcome: Outcome) { (self.job, self.outcome) = (job, outcome) }
}

/// A handler, with what its calls share.
private protocol JobDesk: Sendable {
    func perform(_ job: Job, context: ServiceContext, answered: (Bool) -> Void) async throws
}

/// Performs jobs of one kind; outcomes that are ready at the same time are written together.
private struct JobDeskOf<Handler: JobHandler>: JobDesk {
    let handler: Handler
    let outcomes: SharedWrite<FinishedJob<Handler.Outcome>, Void>

    init(_ handler: Handler, _ database: any Database, _ context: ServiceContext) {
        self.handler = handler
        outcomes = SharedWrite(database) { finished, transaction in
            let isLeft = try JobQueue.finish(finished.map(\.job), in: transaction)
            let first = zip(finished, isLeft).compactMap { $1 ? $0 : nil }
            if !first.isEmpty { try handler.record(first, in: transaction, context: context) }
            return finished.map { _ in () }
        }
    }

    /// - Parameter answered: told whether the outside answered, before anything is recorded.
    func perform(_ job: Job, context: ServiceContext, answered: (Bool) -> Void) async throws {
        let outcome: Handler.Outcome
        do { outcome = try await handler.perform(job, context: context) } catch {
            answered(false)
            throw error
        }
        answered(true)
        CrashPoint.afterCall.reached(in: context.service)
        try await outcomes.add(FinishedJob(job, outcome))
    }
}

/// Works off the jobs of one service: straight after their commit, or from the table after a restart, an overflow or a failure.
public final class JobRunner: Service, CustomStringConvertible {
    private struct State {
        var waiting: Deque<Job> = []
        /// Jobs that wait here or run; the table may be read meanwhile.
        var held: Set<Identifier> = []
        /// Looks into the table that have begun and not ended, and the jobs that were let go meanwhile: what such a look has seen of these is out of date.
        var looks = 0
        var released: Set<Identifier> = []
        var running = 0
        var breakers: [String: CircuitBreaker] = [:]
        var waiter: CheckedContinuation<Void, Never>?
        var isStopped = false
    }

    private let desks: [String: any JobDesk]
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let maximumRunning: Int
    private let claimMilliseconds: Int64
    private let maximumWaiting = 4096
    private let state = Mutex(State())
    private let performed: Counter
    private let failed: Counter

    public var description: String { "jobs \(context.service)" }

    /// A runner of these handlers.
    /// - Parameter claimMilliseconds: as its ``JobQueue``'s.
    public init(
        handlers: [any JobHandler], database: any Database, context: ServiceContext, logger: Logger, maximumRunning: Int = 256, claimMilliseconds: Int64 = 0
    ) {
        self.claimMilliseconds = claimMilliseconds
        func desk(_ handler: some JobHandler) -> any JobDesk { JobDeskOf(handler, database, context) }
        desks = Dictionary(handlers.map { ($0.kind, desk($0)) }, uniquingKeysWith: { first, _ in first })
        (self.database, self.context, self.logger, self.maximumRunning) = (database, context, logger, maximumRunning)
        performed = Counter(label: "waybill_jobs_performed", dimensions: [("service", context.service)])
        failed = Counter(label: "waybill_jobs_failed", dimensions: [("service", context.service)])
    }

    /// Jobs held in memory; a gauge.
    public var backlog: Int { state.withLock { $0.held.count } }

    /// Whether ``take()`` would give something.
    package var hasWork: Bool { state.withLock { !$0.waiting.isEmpty && $0.running < maximumRunning } }

    /// Takes a job, unless it is held already or there is no room: then the table keeps it for later.
    public func offer(_ job: Job) { offer(job, isFromTable: false) }

    private func offer(_ job: Job, isFromTable: Bool) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            if isFromTable, state.released.contains(job.id) { return nil }
            guard state.waiting.count < maximumWaiting, state.held.insert(job.id).inserted else { return nil }
            state.waiting.append(job)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Works until the process is shut down; running calls are finished.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                let poll = Poll(self)
                group.addTask { await poll.run() }
                while let job = await self.next() {
                    group.addTask { await self.execute(job) }
                }
                poll.stop()
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    private func next() async -> Job? {
        while true {
            if let job = take() { return job }
            if state.withLock({ $0.isStopped }) { return nil }
            await waitForWork()
        }
    }

    /// The next job to perform, if there is one and room for it: the step that a simulation drives. Whoever takes a job must ``execute(_:)`` it.
    package func take() -> Job? {
        state.withLock { state in
            guard !state.isStopped, state.running < maximumRunning, let job = state.waiting.popFirst() else { return nil }
            state.running += 1
            return job
        }
    }

    private func waitForWork() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.isStopped || !state.waiting.isEmpty && state.running < maximumRunning { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            stop()
        }
    }

    private func stop() {
        let waiter = state.withLock { state in
            state.isStopped = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Performs one job and records its outcome: the step that a simulation drives.
    package func execute(_ job: Job) async {
        defer { release(job) }
        guard let desk = desks[job.kind] else {
            logger.critical("no handler for a job", metadata: ["kind": "\(job.kind)"])
            return
        }
        let now = context.now.milliseconds
        let admission = state.withLock { $0.breakers[job.kind, default: CircuitBreaker()].admission(at: now) }
        if case .refused(let wait) = admission {
            return await postpone(job, attempts: job.attempts, by: wait, error: "the circuit breaker is open")
        }
        do {
            try await execute(job, desk)
            performed.increment()
        } catch {
            failed.increment()
            logger.warning(
                "a job failed and will be tried again",
                metadata: ["kind": "\(job.kind)", "key": "\(job.key)", "attempt": "\(job.attempts + 1)", "error": "\(error)"])
            await postpone(
                job, attempts: job.attempts + 1, by: Backoff().delayMilliseconds(afterAttempt: Int(job.attempts) + 1, random: context.random()),
                error: ErrorText.of(error))
        }
    }

    private func execute(_ job: Job, _ desk: any JobDesk) async throws {
        // Many calls are in flight: the outcome of one that was begun before the breaker opened must not pass for the probe's.
        let begun = context.now.milliseconds
        CrashPoint.beforeCall.reached(in: context.service)
        try await desk.perform(job, context: context) { isAnswered in
            let now = context.now.milliseconds
            state.withLock { state in
                if isAnswered {
                    state.breakers[job.kind]?.recordSuccess(at: now, begunAt: begun)
                } else {
                    state.breakers[job.kind]?.recordFailure(at: now, begunAt: begun)
                }
            }
        }
        CrashPoint.afterRecord.reached(in: context.service)
    }

    private func postpone(_ job: Job, attempts: Int64, by milliseconds: Int64, error: String) async {
        let due = context.now.advanced(byMilliseconds: milliseconds)
        do {
            try await database.write { try JobQueue.postpone(job, attempts: attempts, until: due, error: error, in: $0) }
        } catch {
            logger.error("a job could not be postponed; it stays due", metadata: ["kind": "\(job.kind)", "error": "\(error)"])
        }
    }

    private func release(_ job: Job) {
        let waiter = state.withLock { state in
            state.running -= 1
            state.held.remove(job.id)
            if state.looks > 0 { state.released.insert(job.id) }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Offers due jobs of the table that nobody holds: the step that a simulation drives.
    package func poll() async throws {
        state.withLock { $0.looks += 1 }
        defer {
            state.withLock { state in
                state.looks -= 1
                if state.looks == 0 { state.released = [] }
            }
        }
        for job in try await look() { offer(job, isFromTable: true) }
    }

    /// The due jobs of the table.
    private func look() async throws -> [Job] {
        let now = context.now
        let limit = state.withLock { $0.held.count } + 500
        let due = try await database.read { try JobQueue.due(at: now, limit: limit, in: $0) }
        guard claimMilliseconds > 0, !due.isEmpty else { return due }
        let end = now.advanced(byMilliseconds: claimMilliseconds)
        let room = max(0, maximumWaiting - state.withLock { $0.waiting.count })
        return try await database.write { try JobQueue.claim(at: now, until: end, limit: min(room, 500), in: $0) }
    }

    /// Looks into the table every quarter of a second.
    private final class Poll: Sendable {
        private let runner: JobRunner
        private let isStopped = Atomic<Bool>(false)
        init(_ runner: JobRunner) { self.runner = runner }
        func stop() { isStopped.store(true, ordering: .relaxed) }
        func run() async {
            while !isStopped.load(ordering: .relaxed), !Task.isCancelled {
                do { try await runner.poll() } catch StorageError.closed { return } catch {
                    runner.logger.error("cannot read the jobs", metadata: ["error": "\(error)"])
                }
                try? await runner.context.clock.sleep(for: .milliseconds(250))
            }
        }
    }
}

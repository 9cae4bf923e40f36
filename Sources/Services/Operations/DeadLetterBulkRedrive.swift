import Logging
import Messaging
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Redrives many dead letters, one after the other at a bounded rate, oldest first, and stops when they keep failing: what broke thousands of events breaks them
/// again as long as it is there. One run at a time, whichever process began it. A run ends with its process, lest an event that ends processes be redriven by one after the other;
/// what it had not reached is still open.
final class DeadLetterBulkRedrive: Service, CustomStringConvertible {
    let description = "bulk redrive"
    private let desks: DeadLetterDesks
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let isAlone: Bool
    /// The run that this process does.
    private let current = Mutex<DeadLetterRun?>(nil)
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// - Parameter isAlone: whether a run that is under way at the start cannot be another process's.
    init(desks: DeadLetterDesks, database: any Database, context: ServiceContext, logger: Logger, isAlone: Bool = true) {
        (self.desks, self.database, self.context, self.logger, self.isAlone) = (desks, database, context, logger, isAlone)
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// All runs that are remembered, newest first.
    func all() async throws -> [DeadLetterRun] { try await database.read { try DeadLetterRunTable.list(in: $0) } }

    func run(_ id: Identifier) async throws -> DeadLetterRun? { try await database.read { try DeadLetterRunTable.find(id, in: $0) } }

    /// Begins a run, unless one is under way; it is returned then.
    /// - Parameter total: how many are meant.
    func start(_ query: DeadLetterQuery, total: Int64, rate: Int, stopAfter: Int, by actor: String) async throws -> (run: DeadLetterRun, isNew: Bool) {
        let now = context.now
        var query = query
        // What dies from now on is not meant.
        let end = now.advanced(byMilliseconds: 1)
        query.filter.to = min(query.filter.to ?? end, end)
        let run = DeadLetterRun(
            id: context.newID(at: now), actor: actor, query: query, ratePerSecond: rate, stopAfter: stopAfter, startedAt: now, total: total)
        let log = AdminLog(context: context)
        let other: DeadLetterRun? = try await database.write { transaction in
            if try !DeadLetterRunTable.begin(run, in: transaction) {
                // It may have ended since.
                guard let other = try DeadLetterRunTable.running(in: transaction) else { throw TransactionConflict() }
                return other
            }
            try run.record("dead-letters.redrive", by: run.actor, log, in: transaction)
            return nil
        }
        if let other { return (other, false) }
        current.withLock { $0 = run }
        wake.yield()
        return (run, true)
    }

    /// Ends a run, whoever does it; what it has redriven stays so.
    func cancel(_ id: Identifier, by actor: String) async throws -> DeadLetterRun? {
        let (now, log) = (context.now, AdminLog(context: context))
        return try await database.write { transaction in
            guard var run = try DeadLetterRunTable.lock(id, in: transaction) else { return nil }
            guard run.state == .running else { return run }
            (run.state, run.finishedAt) = (.cancelled, now)
            if try DeadLetterRunTable.save(run, in: transaction) { try run.record("dead-letters.redrive-end", by: actor, log, in: transaction) }
            return run
        }
    }

    func run() async throws {
        if isAlone {
            do { try await database.write { try DeadLetterRunTable.interrupt(silentFor: 0, in: $0) } } catch {
                logger.error("what a former process did cannot be closed", metadata: ["error": "\(error)"])
            }
        }
        await cancelWhenGracefulShutdown {
            for await _ in self.wakes {
                while let pause = await self.step() {
                    do { try await self.context.clock.sleep(for: pause) } catch { break }
                }
            }
            if let run = self.current.withLock({ $0 }) { await self.finish(run, .interrupted) }
        }
    }

    /// Redrives the next letter of the run that is under way here: the step that a test drives.
    /// - Returns: how long to wait before the next one; nil when there is nothing to do.
    func step() async -> Duration? {
        guard var run = current.withLock({ $0 }) else { return nil }
        do {
            guard try await self.run(run.id)?.state == .running else { return leave() }
            let desks = desks.of(run.query.consumer)
            guard run.desk < desks.count else {
                await finish(run, .finished)
                return nil
            }
            guard let letter = try await desks[run.desk].oldest(run.query.filter, after: run.place, limit: 1).first else {
                (run.desk, run.place) = (run.desk + 1, nil)
                keep(run)
                return .zero
            }
            run.count(try await desks[run.desk].redrive(letter.eventID, edit: nil, by: run.actor, note: "bulk redrive \(run.id)"))
            run.place = letter
            let pause: Duration = .milliseconds(1000 / run.ratePerSecond)
            if run.failedInARow >= run.stopAfter {
                await finish(run, .stopped)
                return pause
            }
            let counted = run
            guard try await database.write({ try DeadLetterRunTable.save(counted, in: $0) }) else { return leave() }
            keep(run)
            return pause
        } catch {
            run.lastError = "the storage is not available"
            logger.error("a bulk redrive stops", metadata: ["run": "\(run.id)", "error": "\(error)"])
            await finish(run, .stopped)
            return nil
        }
    }

    private func keep(_ run: DeadLetterRun) { current.withLock { $0 = run } }

    /// Somebody has ended the run.
    private func leave() -> Duration? {
        current.withLock { $0 = nil }
        return nil
    }

    private func finish(_ run: DeadLetterRun, _ state: DeadLetterRun.State) async {
        current.withLock { $0 = nil }
        var finished = run
        (finished.state, finished.finishedAt) = (state, context.now)
        let log = AdminLog(context: context)
        do {
            try await database.write { [finished] transaction in
                guard try DeadLetterRunTable.save(finished, in: transaction) else { return }
                try finished.record("dead-letters.redrive-end", by: finished.actor, log, in: transaction)
            }
        } catch {
            logger.error("the end of a bulk redrive is not on record", metadata: ["run": "\(run.id)", "error": "\(error)"])
        }
    }
}

extension DeadLetterRun {
    fileprivate func record(_ action: String, by actor: String, _ log: AdminLog, in transaction: any Transaction) throws {
        try log.record(actor: actor, action: action, subject: "redrive:\(id)", before: nil, after: JSONWriter.object { write(to: &$0) }, in: transaction)
    }

    /// Counts how one redrive ended. One that somebody else has dealt with, or that is behind another, says nothing about the cause.
    fileprivate mutating func count(_ result: Result<DeadLetter, DeadLetterRefusal>) {
        switch result {
        case .success:
            redriven += 1
            failedInARow = 0
        case .failure(.failed(let letter)):
            failed += 1
            failedInARow += 1
            lastError = letter.error
        case .failure(.unfit(_, let detail)):
            failed += 1
            failedInARow += 1
            lastError = detail
        case .failure(.unknown), .failure(.closed), .failure(.changed), .failure(.behind): skipped += 1
        }
    }
}

import Logging
import Messaging
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Redrives many dead letters, one after the other at a bounded rate, oldest first, and stops when they keep failing: what broke thousands of events breaks them
/// again as long as it is there. One run at a time. A run that a restart ends is over; what it had not reached is still open.
final class DeadLetterBulkRedrive: Service, CustomStringConvertible {
    private static let remembered = 20

    let description = "bulk redrive"
    private let desks: DeadLetterDesks
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    /// The last runs, the newest last.
    private let runs = Mutex<[DeadLetterRun]>([])
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(desks: DeadLetterDesks, database: any Database, context: ServiceContext, logger: Logger) {
        (self.desks, self.database, self.context, self.logger) = (desks, database, context, logger)
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// All runs that are remembered, newest first.
    var all: [DeadLetterRun] { runs.withLock { $0.reversed() } }

    func run(_ id: Identifier) -> DeadLetterRun? { runs.withLock { $0.first { $0.id == id } } }

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
        let current: DeadLetterRun? = runs.withLock { runs in
            if let current = runs.last, current.state == .running { return current }
            runs = runs.suffix(DeadLetterBulkRedrive.remembered - 1) + [run]
            return nil
        }
        if let current { return (current, false) }
        do { try await record(run, "dead-letters.redrive") } catch {
            runs.withLock { $0.removeAll { $0.id == run.id } }
            throw error
        }
        wake.yield()
        return (run, true)
    }

    /// Ends a run; what it has redriven stays so.
    func cancel(_ id: Identifier, by actor: String) async -> DeadLetterRun? {
        await finish(id, .cancelled, by: actor)
        return run(id)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in self.wakes {
                while let pause = await self.step() {
                    do { try await self.context.clock.sleep(for: pause) } catch { break }
                }
            }
            if let current = self.all.first, current.state == .running { await self.finish(current.id, .interrupted) }
        }
    }

    /// Redrives the next letter of the run that is under way: the step that a test drives.
    /// - Returns: how long to wait before the next one; nil when there is nothing to do.
    func step() async -> Duration? {
        guard let run = all.first, run.state == .running else { return nil }
        let desks = desks.of(run.query.consumer)
        guard run.desk < desks.count else {
            await finish(run.id, .finished)
            return nil
        }
        do {
            guard let letter = try await desks[run.desk].oldest(run.query.filter, after: run.place, limit: 1).first else {
                update(run.id) { ($0.desk, $0.place) = ($0.desk + 1, nil) }
                return .zero
            }
            let result = try await desks[run.desk].redrive(letter.eventID, edit: nil, by: run.actor, note: "bulk redrive \(run.id)")
            update(run.id) { run in
                run.place = letter
                run.count(result)
            }
            if let now = self.run(run.id), now.failedInARow >= now.stopAfter { await finish(run.id, .stopped) }
            return .milliseconds(1000 / run.ratePerSecond)
        } catch {
            update(run.id) { $0.lastError = "the storage is not available" }
            logger.error("a bulk redrive stops", metadata: ["run": "\(run.id)", "error": "\(error)"])
            await finish(run.id, .stopped)
            return nil
        }
    }

    private func update(_ id: Identifier, _ change: (inout DeadLetterRun) -> Void) {
        runs.withLock { runs in
            if let index = runs.firstIndex(where: { $0.id == id }) { change(&runs[index]) }
        }
    }

    /// - Parameter actor: who ended it, if it did not end by itself.
    private func finish(_ id: Identifier, _ state: DeadLetterRun.State, by actor: String? = nil) async {
        let now = context.now
        var finished: DeadLetterRun?
        update(id) { run in
            guard run.state == .running else { return }
            (run.state, run.finishedAt) = (state, now)
            finished = run
        }
        guard let finished else { return }
        do { try await record(finished, "dead-letters.redrive-end", by: actor) } catch {
            logger.error("the end of a bulk redrive is not on record", metadata: ["run": "\(id)", "error": "\(error)"])
        }
    }

    private func record(_ run: DeadLetterRun, _ action: String, by actor: String? = nil) async throws {
        let log = AdminLog(context: context)
        let after = JSONWriter.object { run.write(to: &$0) }
        try await database.write {
            try log.record(actor: actor ?? run.actor, action: action, subject: "redrive:\(run.id)", before: nil, after: after, in: $0)
        }
    }
}

extension DeadLetterRun {
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

import Contracts
import Logging
import Messaging
import Storage
import Synchronization
import Web
import Wire

/// `POST /analytics/rebuild`: throws all sums away and counts the log anew, while live events keep coming.
///
/// Facts do not care in which order they are learnt, and an event counts once per generation, so live and replayed events may mix freely. An event that had
/// been counted live may not be in the log yet when its end is reached; the rebuild waits until all that had been counted before is counted again. How far it
/// is stands in the database: a rebuild that is cut off is taken up again (``resume()``). Of several processes one rebuilds: the one that has the lease, which every page checks.
final class RebuildAggregates: Sendable {
    struct Result: Sendable {
        /// Events read from the log.
        var events: Int64 = 0
        /// Events that could not be counted, as they could not be when they came live.
        var skipped: Int64 = 0
        /// Events that had been counted before and are not in the log.
        var missing: Int64 = 0
        var milliseconds: Int64 = 0
    }

    private static let pageSize = 1000
    /// How long the log may lag behind the live events.
    private static let patienceMilliseconds: Int64 = 30_000
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let history: any EventHistory
    private let idempotent: IdempotentWrite
    private let isActive = Mutex(false)
    /// Nil where this process is the only one.
    private let lease: Lease?

    init(database: any Database, context: ServiceContext, logger: Logger, history: any EventHistory, lease: Lease? = nil) {
        (self.database, self.context, self.logger, self.history, self.lease) = (database, context, logger, history, lease)
        idempotent = IdempotentWrite(database: database, context: context)
    }

    /// Begins anew and returns when everything is counted.
    /// - Throws: ``Problem`` 409 while another rebuild runs; ``StorageError``, and what the log throws: then it is taken up again later.
    func callAsFunction() async throws -> Result {
        let result = try await alone {
            try await write { transaction in
                try ProgressTable.begin(in: transaction)
                try AggregateTables.clear(in: transaction)
                try FactTable.clear(in: transaction)
            }
            return try await replay()
        }
        guard let result else { throw Problem(.conflict, "rebuild-in-progress", "A rebuild is under way; the dashboard tells when it is done.") }
        return result
    }

    /// Takes up a rebuild that was cut off; nil when there is none.
    func resume() async throws -> Result? {
        guard try await isCutOff() else { return nil }
        return try await alone {
            // Whoever was at it may have come to the end meanwhile.
            guard try await isCutOff() else { return Result() }
            logger.notice("a rebuild that was cut off is taken up again")
            return try await replay()
        }
    }

    private func isCutOff() async throws -> Bool { try await database.read { try ProgressTable.load(in: $0) }.isRebuilding }

    /// `POST /analytics/rebuild`.
    func handle(_ request: WebRequest) async throws -> WebResponse {
        return try await idempotent.runRepeatable(request) {
            let result: Result
            do { result = try await self() } catch is Lease.Lost {
                throw Problem.unavailable("Another process goes on with the rebuild; the dashboard tells when it is done.", retryAfterSeconds: 30)
            }
            return .json { json in
                json.member("events", result.events)
                json.member("skipped", result.skipped)
                json.member("missing", result.missing)
                json.member("seconds", decimal: Double(result.milliseconds) / 1000)
            }
        }
    }

    /// Does something while nobody else rebuilds, in this process or another.
    /// - Returns: nil if somebody does.
    private func alone(_ body: () async throws -> Result) async throws -> Result? {
        let isFree = isActive.withLock { isActive in
            defer { isActive = true }
            return !isActive
        }
        guard isFree else { return nil }
        defer { isActive.withLock { $0 = false } }
        guard let lease else { return try await body() }
        try await lease.step()
        guard lease.isHeld else { return nil }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // Renewed as long as the work lasts, and given back at its end.
            group.addTask { try await lease.run() }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// A step of the work; undone if the work has passed to another process.
    private func write(_ body: @escaping @Sendable (any Transaction) throws -> Void) async throws {
        let lease = self.lease
        try await database.write { transaction in
            try lease?.check(in: transaction)
            try body(transaction)
        }
    }

    private func replay() async throws -> Result {
        let start = context.now.milliseconds
        var waitingSince: Int64?
        var result = Result()
        var after = try await database.read { try ProgressTable.load(in: $0) }.replayedThrough
        while true {
            try Task.checkCancellation()
            let page = try await history.page(after: after, limit: RebuildAggregates.pageSize)
            if let last = page.last?.sequence {
                result.skipped += try await count(page.map(\.event), through: last)
                result.events += Int64(page.count)
                after = last
                waitingSince = nil
                continue
            }
            result.missing = try await database.read { try ProgressTable.missing(in: $0) }
            let now = context.now.milliseconds
            if result.missing == 0 || now - (waitingSince ?? now) > RebuildAggregates.patienceMilliseconds { break }
            waitingSince = waitingSince ?? now
            try await context.clock.sleep(for: .milliseconds(200))
        }
        try await write { try ProgressTable.end(in: $0) }
        result.milliseconds = context.now.milliseconds - start
        if result.missing > 0 { logger.error("a rebuild misses events that are not in the log", metadata: ["events": "\(result.missing)"]) }
        return result
    }

    /// Counts a page; if it throws, its events one by one, so that one that cannot be counted does not stop the others.
    /// - Returns: how many could not be counted.
    private func count(_ events: [Envelope], through last: Int64) async throws -> Int64 {
        do {
            try await write { transaction in
                try AggregateEvents.apply(events, in: transaction)
                try ProgressTable.replayed(through: last, in: transaction)
            }
            return 0
        } catch is ImplausibleOrder {
            var skipped: Int64 = 0
            for event in events {
                do { try await write { try AggregateEvents.apply([event], in: $0) } } catch let error as ImplausibleOrder {
                    skipped += 1
                    logger.warning("an event cannot be counted", metadata: ["id": "\(event.id)", "type": "\(event.type)", "error": "\(error)"])
                }
            }
            try await write { try ProgressTable.replayed(through: last, in: $0) }
            return skipped
        }
    }
}

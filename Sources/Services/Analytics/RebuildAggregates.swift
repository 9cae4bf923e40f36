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
/// is stands in the database: a rebuild that is cut off is taken up again (``resume()``).
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

    init(database: any Database, context: ServiceContext, logger: Logger, history: any EventHistory) {
        (self.database, self.context, self.logger, self.history) = (database, context, logger, history)
        idempotent = IdempotentWrite(database: database, context: context)
    }

    /// Begins anew and returns when everything is counted.
    /// - Throws: ``Problem`` 409 while another rebuild runs; ``StorageError``, and what the log throws: then it is taken up again later.
    func callAsFunction() async throws -> Result {
        guard activate() else { throw Problem(.conflict, "rebuild-in-progress", "A rebuild is under way; the dashboard tells when it is done.") }
        defer { deactivate() }
        try await database.write { transaction in
            try ProgressTable.begin(in: transaction)
            try AggregateTables.clear(in: transaction)
            try FactTable.clear(in: transaction)
        }
        return try await replay()
    }

    /// Takes up a rebuild that was cut off; nil when there is none.
    func resume() async throws -> Result? {
        guard activate() else { return nil }
        defer { deactivate() }
        guard try await database.read({ try ProgressTable.load(in: $0) }).isRebuilding else { return nil }
        logger.notice("a rebuild that was cut off is taken up again")
        return try await replay()
    }

    /// `POST /analytics/rebuild`.
    func handle(_ request: WebRequest) async throws -> WebResponse {
        try request.allow()
        return try await idempotent.runRepeatable(request) {
            let result = try await self()
            return .json { json in
                json.member("events", result.events)
                json.member("skipped", result.skipped)
                json.member("missing", result.missing)
                json.member("seconds", decimal: Double(result.milliseconds) / 1000)
            }
        }
    }

    private func activate() -> Bool {
        isActive.withLock { isActive in
            defer { isActive = true }
            return !isActive
        }
    }

    private func deactivate() { isActive.withLock { $0 = false } }

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
        try await database.write { try ProgressTable.end(in: $0) }
        result.milliseconds = context.now.milliseconds - start
        if result.missing > 0 { logger.error("a rebuild misses events that are not in the log", metadata: ["events": "\(result.missing)"]) }
        return result
    }

    /// Counts a page; if it throws, its events one by one, so that one that cannot be counted does not stop the others.
    /// - Returns: how many could not be counted.
    private func count(_ events: [Envelope], through last: Int64) async throws -> Int64 {
        do {
            try await database.write { transaction in
                try AggregateEvents.apply(events, in: transaction)
                try ProgressTable.replayed(through: last, in: transaction)
            }
            return 0
        } catch is ImplausibleOrder {
            var skipped: Int64 = 0
            for event in events {
                do { try await database.write { _ = try AggregateEvents.apply([event], in: $0) } } catch let error as ImplausibleOrder {
                    skipped += 1
                    logger.warning("an event cannot be counted", metadata: ["id": "\(event.id)", "type": "\(event.type)", "error": "\(error)"])
                }
            }
            try await database.write { try ProgressTable.replayed(through: last, in: $0) }
            return skipped
        }
    }
}

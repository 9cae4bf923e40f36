import Logging
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Something that is to happen at a time, unless it is cancelled before; a row, so that a restart forgets none.
public struct DueTimer: Sendable, Equatable {
    /// When it fires.
    public let due: Timestamp
    /// What is to happen, by its name in the service.
    public let kind: String
    /// What it is to happen to: an order.
    public let key: Identifier
    public init(due: Timestamp, kind: String, key: Identifier) { (self.due, self.kind, self.key) = (due, kind, key) }
}

/// The timers table of one service's database.
public enum Timers {
    private static let insert = SQL("INSERT INTO timers (due_at, kind, key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
    private static let delete = SQL("DELETE FROM timers WHERE due_at = $1 AND kind = $2 AND key = $3")
    private static let select = SQL("SELECT due_at, kind, key FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT $2")
    private static let count = SQL("SELECT count(*) FROM timers")

    public static func set(_ timers: [DueTimer], in transaction: any Transaction) throws {
        try transaction.execute(insert, each: timers.map { [.time($0.due), .text($0.kind), .id($0.key)] })
    }
    public static func cancel(_ timers: [DueTimer], in transaction: any Transaction) throws {
        try transaction.execute(delete, each: timers.map { [.time($0.due), .text($0.kind), .id($0.key)] })
    }
    /// Removes timers and returns those that were still set, so that one cancelled meanwhile does not fire.
    static func take(_ timers: [DueTimer], in transaction: any Transaction) throws -> [DueTimer] {
        let counts = try transaction.executeCounting(delete, each: timers.map { [.time($0.due), .text($0.kind), .id($0.key)] })
        return zip(timers, counts).compactMap { $1 == 1 ? $0 : nil }
    }
    static func due(at now: Timestamp, limit: Int, in transaction: any ReadTransaction) throws -> [DueTimer] {
        try transaction.query(select, [.time(now), .integer(Int64(limit))]) { DueTimer(due: $0.time(0), kind: $0.text(1), key: $0.id(2)) }
    }
}

/// Fires the due timers of one service, each batch in one transaction with its effects.
public final class TimerRunner: Service, CustomStringConvertible {
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let fire: @Sendable ([DueTimer], any Transaction, ServiceContext) throws -> Void

    public var description: String { "timers \(context.service)" }

    /// A runner that calls `fire` with what is due.
    public init(
        database: any Database, context: ServiceContext, logger: Logger,
        fire: @escaping @Sendable ([DueTimer], any Transaction, ServiceContext) throws -> Void
    ) {
        (self.database, self.context, self.logger, self.fire) = (database, context, logger, fire)
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { while try await self.step() == 200 {} } catch StorageError.closed { return } catch {
                    self.logger.error("cannot fire timers", metadata: ["error": "\(error)"])
                }
                try? await self.context.clock.sleep(for: .milliseconds(250))
            }
        }
    }

    /// Fires what is due; if a batch throws, each timer alone, and the guilty one again in a minute. The step that a simulation drives.
    /// - Returns: how many were due.
    public func step() async throws -> Int {
        let now = context.now
        let due = try await database.read { try Timers.due(at: now, limit: 200, in: $0) }
        guard !due.isEmpty else { return 0 }
        do { try await fire(due) } catch {
            for timer in due {
                do { try await fire([timer]) } catch {
                    logger.error("a timer failed", metadata: ["kind": "\(timer.kind)", "key": "\(timer.key)", "error": "\(error)"])
                    let later = DueTimer(due: now.advanced(byMilliseconds: 60_000), kind: timer.kind, key: timer.key)
                    try await database.write { transaction in
                        if try !Timers.take([timer], in: transaction).isEmpty { try Timers.set([later], in: transaction) }
                    }
                }
            }
        }
        return due.count
    }

    private func fire(_ timers: [DueTimer]) async throws {
        let (fire, context) = (self.fire, self.context)
        try await database.write { transaction in
            let timers = try Timers.take(timers, in: transaction)
            if !timers.isEmpty { try fire(timers, transaction, context) }
        }
    }
}

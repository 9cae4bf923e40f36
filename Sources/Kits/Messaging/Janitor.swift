import Logging
import ServiceLifecycle
import Storage
import Wire

/// Prunes what has served: outbox rows that all consumers have applied, inbox ids, idempotency keys and closed dead letters beyond their age. In small transactions, so that it
/// delays nobody.
public final class Janitor: Service, CustomStringConvertible {
    /// How long an event can still be delivered again; inbox ids are kept longer than that.
    public static let inboxAge: Int64 = 7 * 86_400_000
    /// How long an Idempotency-Key is remembered: 24 hours.
    public static let idempotencyAge: Int64 = 86_400_000
    /// How long a dead letter is kept after it was redriven or archived: 30 days.
    public static let closedLetterAge: Int64 = 30 * 86_400_000

    private static let chunk = 2000
    private static let pruneKeys = SQL(
        "DELETE FROM idempotency_keys WHERE created_at < $1 AND (scope, key) IN (SELECT scope, key FROM idempotency_keys WHERE created_at < $1 LIMIT $2)")
    private let database: any Database
    private let bus: EventBus?
    private let context: ServiceContext
    private let logger: Logger
    private let keepsClosedLetters: Bool

    public var description: String { "janitor \(context.service)" }

    /// A janitor of one service's database.
    /// - Parameters:
    ///   - bus: whose consumers decide what may leave the outbox; nil where a relay deletes what it has published.
    ///   - keepsClosedLetters: whether redriven and archived dead letters stay for ever.
    public init(database: any Database, bus: EventBus?, context: ServiceContext, logger: Logger, keepsClosedLetters: Bool = false) {
        (self.database, self.bus, self.context, self.logger, self.keepsClosedLetters) = (database, bus, context, logger, keepsClosedLetters)
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var round = 0
            while !Task.isCancelled {
                try? await self.context.clock.sleep(for: .seconds(2))
                do { try await self.step(isAgeRound: round % 300 == 0) } catch StorageError.closed { return } catch {
                    self.logger.error("cannot prune", metadata: ["error": "\(error)"])
                }
                round += 1
            }
        }
    }

    /// One round of pruning: the step that a simulation drives.
    public func step(isAgeRound: Bool) async throws {
        if let bus {
            let applied = bus.appliedByAll(from: context.service)
            CrashPoint.beforePrune.reached(in: context.service)
            while try await database.write({ try Outbox.prune(through: applied, limit: Janitor.chunk, in: $0) }) == Janitor.chunk {}
            CrashPoint.afterPrune.reached(in: context.service)
        }
        guard isAgeRound else { return }
        let now = context.now
        let inboxLimit = now.advanced(byMilliseconds: -Janitor.inboxAge)
        while try await database.write({ try Inbox.prune(before: inboxLimit, limit: Janitor.chunk, in: $0) }) == Janitor.chunk {}
        let keyLimit = now.advanced(byMilliseconds: -Janitor.idempotencyAge)
        while try await database.write({ try $0.executeCounting(Janitor.pruneKeys, [.time(keyLimit), .integer(Int64(Janitor.chunk))]) }) == Janitor.chunk {}
        if keepsClosedLetters { return }
        let letterLimit = now.advanced(byMilliseconds: -Janitor.closedLetterAge)
        while try await database.write({ try DeadLetters.prune(closedBefore: letterLimit, limit: Janitor.chunk, in: $0) }) == Janitor.chunk {}
    }
}

import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// Looks now and then at what nothing in this process shows: how many events the broker has for a service's consumer, and how long the oldest transaction in its database has been open.
///
/// The outbox cannot tell of such a transaction: its rows are not there until it commits, and what has been relayed meanwhile is gone. Where a service runs in several processes, the one
/// that has the lease looks, and the others report nothing.
public final class DeliveryWatch: Service, CustomStringConvertible {
    /// How often it looks: each look is a question to the broker and to the database server.
    static let interval: Duration = .seconds(10)
    /// A transaction that is open for longer is worth a line in the log.
    public static let longTransaction: Duration = .seconds(60)
    /// How often such a line is repeated while it stays open.
    private static let reminder: Duration = .seconds(60)

    /// What the last look saw.
    private struct Sight {
        var lag = 0
        var oldest: Duration = .zero
        /// When the log was last told of a long transaction.
        var reported: ContinuousClock.Instant?
    }

    /// The service whose consumer and database it looks at.
    public let service: String
    private let transactions: (any TransactionWatch)?
    private let broker: (any EventBroker)?
    private let lease: Lease?
    private let clock: any WallClock
    private let logger: Logger
    private let sight = Mutex(Sight())

    public var description: String { "watch \(service)" }

    /// - Parameters:
    ///   - transactions: the service's database, where it can tell of transactions.
    ///   - broker: where the service's consumer has its events from; nil where it has none, or not from a broker.
    ///   - lease: who holds it looks; nil where the service runs in one process only.
    public init(
        service: String, transactions: (any TransactionWatch)?, broker: (any EventBroker)?, lease: Lease?, clock: any WallClock, logger: Logger
    ) {
        (self.service, self.transactions, self.broker, self.lease) = (service, transactions, broker, lease)
        (self.clock, self.logger) = (clock, logger)
    }

    /// Whether there is a consumer whose lag it looks at.
    public var watchesLag: Bool { broker != nil }
    /// Whether there is a server that tells of transactions.
    public var watchesTransactions: Bool { transactions != nil }
    /// How many events the service's consumer has not acknowledged, in all processes, as the broker last said. 0 where another process looks.
    public var lag: Int { sight.withLock { $0.lag } }
    /// For how long the oldest transaction had been open at the last look. Zero where another process looks.
    public var oldestTransaction: Duration { sight.withLock { $0.oldest } }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.step()
                try? await self.clock.sleep(for: DeliveryWatch.interval)
            }
        }
    }

    /// One look. What cannot be told stays as it was last seen: whoever does not answer is reported by those who need the answer.
    func step() async {
        guard lease?.isHeld ?? true else { return sight.withLock { $0 = Sight() } }
        if let transactions {
            do { note(try await transactions.oldestTransactionAge()) } catch { complain("its transactions", error) }
        }
        if let broker {
            do { if let lag = try await broker.lag(of: service) { sight.withLock { $0.lag = lag } } } catch { complain("its lag", error) }
        }
    }

    private func complain(_ what: String, _ error: any Error) {
        logger.debug("cannot find out about a service's delivery", metadata: ["service": "\(service)", "unknown": "\(what)", "error": "\(error)"])
    }

    private func note(_ age: Duration) {
        let isDue = sight.withLock { sight in
            sight.oldest = age
            guard age > DeliveryWatch.longTransaction else {
                sight.reported = nil
                return false
            }
            if let reported = sight.reported, reported.duration(to: .now) < DeliveryWatch.reminder { return false }
            sight.reported = .now
            return true
        }
        guard isDue else { return }
        logger.warning(
            "a transaction stays open; what it has written is invisible, and the queues in this database become slow: find it in pg_stat_activity",
            metadata: ["database": "\(service)", "seconds": "\(age.components.seconds)"])
    }
}

import Logging
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// The right to do what only one process of a service may do at a time: relay the outbox, try parked events again. A row in the service's database, so that whoever can write there
/// can have it, and nobody else.
///
/// Time is the database's own, so that clocks that differ do no harm. A holder that stood still for longer than its lease may believe that it holds it still; that is what the
/// epoch is for: whoever takes a lease over gets a higher one, and ``check(in:)`` inside the write transaction refuses what a former holder does.
public final class Lease: Service, CustomStringConvertible {
    /// A holder that was one before: what it was about to write is rolled back.
    public struct Lost: Error, CustomStringConvertible {
        let name: String
        public var description: String { "the lease \"\(name)\" has passed to another process" }
    }

    /// How long a lease lasts without being renewed.
    static let milliseconds: Int64 = 10_000
    /// How often it is renewed, and how often others look whether it is free.
    private static let interval: Duration = .milliseconds(2500)

    private static let take = SQL(
        """
        INSERT INTO leases (name, owner, epoch, ends_at) VALUES ($1, $2, 1, {now} + $3) ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,
        epoch = leases.epoch + CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END, ends_at = excluded.ends_at
        WHERE leases.owner = excluded.owner OR leases.ends_at < {now}
        """)
    private static let epoch = SQL("SELECT epoch FROM leases WHERE name = $1 AND owner = $2")
    private static let isHeld = SQL("SELECT 1 FROM leases WHERE name = $1 AND owner = $2 AND epoch = $3 {forShare}")
    private static let giveBack = SQL("UPDATE leases SET ends_at = 0 WHERE name = $1 AND owner = $2")

    /// What the lease is for, unique in the service.
    public let name: String
    private let owner: String
    private let database: any Database
    private let clock: any WallClock
    private let logger: Logger

    private struct State {
        var epoch: Int64?
        /// Until when the holder may rely on it, by the clock that nobody sets.
        var reliableUntil: ContinuousClock.Instant = .now
    }
    private let state = Mutex(State())

    public var description: String { "lease \(database.name) \(name)" }

    /// A lease that nobody has asked for yet.
    /// - Parameter owner: this process, by a name that no other process has and that it never had before.
    public init(name: String, owner: String, database: any Database, clock: any WallClock, logger: Logger) {
        (self.name, self.owner, self.database, self.clock, self.logger) = (name, owner, database, clock, logger)
    }

    /// Whether this process holds it, as far as it knows.
    public var isHeld: Bool { state.withLock { $0.epoch != nil && $0.reliableUntil > .now } }

    /// Makes sure, inside a write transaction, that nobody has taken the lease over; nobody can until the transaction ends.
    /// - Throws: an error that rolls the transaction back.
    public func check(in transaction: any ReadTransaction) throws {
        guard let epoch = state.withLock({ $0.epoch }),
            try transaction.first(Lease.isHeld, [.text(name), .text(owner), .integer(epoch)], { _ in true }) == true
        else { throw Lost(name: name) }
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await self.step() } catch StorageError.closed { return } catch {
                    self.logger.warning("cannot renew a lease", metadata: ["lease": "\(self.name)", "error": "\(error)"])
                }
                try? await self.clock.sleep(for: Lease.interval)
            }
        }
        let (name, owner) = (self.name, self.owner)
        // Others need not wait until it ends. If this fails, they do.
        if isHeld { _ = try? await database.write { try $0.execute(Lease.giveBack, [.text(name), .text(owner)]) } }
        state.withLock { $0.epoch = nil }
    }

    /// Takes or renews the lease, if nobody else has it.
    public func step() async throws {
        let begun = ContinuousClock.now
        let (name, owner) = (self.name, self.owner)
        let epoch: Int64? = try await database.write { transaction in
            guard try transaction.executeCounting(Lease.take, [.text(name), .text(owner), .integer(Lease.milliseconds)]) == 1 else { return nil }
            return try transaction.first(Lease.epoch, [.text(name), .text(owner)]) { $0.integer(0) }
        }
        let before = state.withLock { state in
            defer {
                state.epoch = epoch
                // A fifth less than it lasts, counted from before it was asked for.
                state.reliableUntil = begun + .milliseconds(Lease.milliseconds * 4 / 5)
            }
            return state.epoch
        }
        if before != epoch {
            logger.info(
                epoch == nil ? "another process has the lease" : "this process has the lease", metadata: ["lease": "\(name)", "epoch": "\(epoch ?? 0)"])
        }
    }
}

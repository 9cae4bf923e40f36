import Messaging
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// How much waits in a service's outbox, also in a process that does not relay it: there the table is looked at now and then.
final class OutboxWatch: Service, CustomStringConvertible {
    /// Behind so many rows an event waits because there are too many: those before it may be held up for reasons of their own.
    private static let held = 500
    private static let interval: Duration = .seconds(2)

    private let replica: ServiceReplica
    private let database: any Database
    private let clock: any WallClock
    private let seen = Mutex<Timestamp?>(nil)

    var description: String { "outbox \(database.name)" }

    init(_ replica: ServiceReplica, database: any Database, clock: any WallClock) { (self.replica, self.database, self.clock) = (replica, database, clock) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look()
                try? await self.clock.sleep(for: OutboxWatch.interval)
            }
        }
    }

    /// Looks at the table, unless this process relays it and knows anyway.
    func look() async {
        guard !replica.replicas.lease.isHeld else { return seen.withLock { $0 = nil } }
        // A database that is away tells nothing; its service can accept nothing either.
        let time = try? await database.read { try Outbox.time(behind: OutboxWatch.held, in: $0) }
        seen.withLock { $0 = time }
    }

    /// Events that wait to be published, and when the oldest of them was decided. An order that is held back because the broker refuses it is no reason to refuse others.
    var waiting: (events: Int, since: Timestamp?) {
        if replica.replicas.lease.isHeld { return replica.relay.pending }
        let since = seen.withLock { $0 }
        return (since == nil ? 0 : OutboxWatch.held, since)
    }
}

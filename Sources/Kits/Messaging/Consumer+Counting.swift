import Logging
import Storage

/// What is parked and what is dead, where several processes change it.
extension Consumer {
    private static let countInterval: Duration = .seconds(5)

    func countLoop() async {
        while !Task.isCancelled {
            do { try await countBacklog() } catch StorageError.closed { return } catch {
                logger.debug("cannot count what is parked and dead", metadata: ["error": "\(error)"])
            }
            try? await context.clock.sleep(for: Consumer.countInterval)
        }
    }

    /// Reads both numbers, if this process has the lease; whoever has not shows none.
    func countBacklog() async throws {
        guard let replicas else { return }
        guard replicas.lease.isHeld else { return backlog.set(parked: 0, deadLetters: 0) }
        let (parked, dead) = try await database.read { (try Parking.count(in: $0), try DeadLetters.openCount(in: $0)) }
        backlog.set(parked: parked, deadLetters: dead)
    }
}

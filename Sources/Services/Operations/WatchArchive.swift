import Logging
import Messaging
import ServiceLifecycle
import Storage

/// Wakes those who follow the events when another process has added to the archive; the commits of this one wake them by themselves.
final class WatchArchive: Service, CustomStringConvertible {
    private static let interval: Duration = .milliseconds(100)
    private let database: any Database
    private let live: LiveEvents
    private let clock: any WallClock
    private let logger: Logger
    let description = "watch archive"

    init(database: any Database, live: LiveEvents, clock: any WallClock, logger: Logger) {
        (self.database, self.live, self.clock, self.logger) = (database, live, clock, logger)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var last: Int64 = 0
            while !Task.isCancelled {
                try? await self.clock.sleep(for: WatchArchive.interval)
                guard self.live.watchers > 0 else { continue }
                do {
                    let newest = try await self.database.read { try EventArchive.last(in: $0) }
                    if newest != last { self.live.wakeAll() }
                    last = newest
                } catch StorageError.closed { return } catch {
                    self.logger.warning("cannot watch the archive", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}

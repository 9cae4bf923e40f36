import Messaging
import ServiceLifecycle

/// Gives idle streams a sign of life every 15 seconds, so that proxies do not cut them, and ends them when the process shuts down.
final class KeepStreamsAlive: Service, CustomStringConvertible {
    private let live: LiveEvents
    private let clock: any WallClock
    let description = "keep streams alive"

    init(live: LiveEvents, clock: any WallClock) { (self.live, self.clock) = (live, clock) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await self.clock.sleep(for: .seconds(15))
                self.live.tick()
            }
        }
        live.close()
    }
}

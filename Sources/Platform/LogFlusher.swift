import Foundation
import Messaging
import Observability
import ServiceLifecycle

/// Makes sure that a log line is seen soon after it was written, although lines are written in bundles.
struct LogFlusher: Service, CustomStringConvertible {
    let clock: any WallClock
    var description: String { "log" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await self.clock.sleep(for: .milliseconds(100))
                LogWriter.standardError.flush()
            }
        }
    }
}

/// Asks this process to stop as an operator would.
func raiseTermination() { kill(getpid(), SIGTERM) }

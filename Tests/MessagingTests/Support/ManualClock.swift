import Messaging
import Synchronization
import Wire

/// A clock that stands still until somebody sets it or sleeps by it: sleeping advances it at once, so that no test waits.
final class ManualClock: WallClock {
    private let time: Mutex<Timestamp>

    init(_ start: Timestamp = Timestamp(milliseconds: 1_763_730_000_000)) { time = Mutex(start) }

    func now() -> Timestamp { time.withLock { $0 } }

    func set(_ now: Timestamp) { time.withLock { $0 = now } }

    func advance(by duration: Duration) {
        let (seconds, attoseconds) = duration.components
        time.withLock { $0 = $0.advanced(byMilliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000) }
    }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        advance(by: duration)
        await Task.yield()
    }
}

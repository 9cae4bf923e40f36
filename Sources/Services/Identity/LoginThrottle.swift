import Storage
import Synchronization
import Wire

/// Slows down who guesses passwords: after some failures for a name it takes twice as long after each more until the next attempt is looked at.
///
/// It counts for names that do not exist as well, so that it tells nobody which do. A minute is the most, because it also hits the user himself.
final class LoginThrottle: Sendable {
    private static let freeAttempts = 5
    private static let longestSeconds: Int64 = 60
    /// Names that are remembered; those whose last failure is longest ago are forgotten first.
    private static let capacity = 10_000
    /// After this time without a failure all is forgotten.
    private static let memoryMilliseconds: Int64 = 900_000

    private struct Failures {
        var count: Int
        var last: Timestamp
    }
    private let table = Mutex(RecencyTable<String, Failures>())

    init() {}

    /// How many seconds it takes until an attempt for this name is looked at; 0 for at once.
    func wait(for name: String, at now: Timestamp) -> Int64 {
        table.withLock { table in
            guard let failures = table.use(name), failures.count >= LoginThrottle.freeAttempts else { return 0 }
            let pause = min(LoginThrottle.longestSeconds, 1 << min(failures.count - LoginThrottle.freeAttempts, 10))
            // A clock that was set back locks nobody out for longer than the pause.
            let passed = max(0, now.milliseconds - failures.last.milliseconds) / 1000
            return max(0, pause - passed)
        }
    }

    /// An attempt has begun. It counts as a failure until it has succeeded, so that attempts at the same moment do not slip through.
    func begin(_ name: String, at now: Timestamp) {
        table.withLock { table in
            var failures = table.use(name) ?? Failures(count: 0, last: now)
            if now.milliseconds - failures.last.milliseconds > LoginThrottle.memoryMilliseconds { failures.count = 0 }
            failures.count = min(failures.count + 1, 1000)
            failures.last = now
            table.set(name, failures)
            if table.count > LoginThrottle.capacity { _ = table.removeOldest() }
        }
    }

    func succeed(_ name: String) { table.withLock { _ = $0.remove(name) } }
}

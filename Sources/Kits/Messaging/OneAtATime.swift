import DequeModule
import Synchronization

/// Lets one task at a time through, in the order in which they came.
///
/// All consumers of a process handle suspicious events behind the same one: if the process ends, there is one event that did it, and no event of another
/// consumer is blamed because it happened to be in flight.
final class OneAtATime: Sendable {
    private struct State {
        var isTaken = false
        var waiters: Deque<CheckedContinuation<Void, Never>> = []
    }
    private let state = Mutex(State())

    func alone<T>(_ body: () async throws -> T) async rethrows -> T {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if !state.isTaken {
                    state.isTaken = true
                    return true
                }
                state.waiters.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        defer {
            let next = state.withLock { state in
                let next = state.waiters.popFirst()
                if next == nil { state.isTaken = false }
                return next
            }
            next?.resume()
        }
        return try await body()
    }
}

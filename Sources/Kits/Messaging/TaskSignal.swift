import Synchronization

/// Lets tasks wait until something may have changed, without missing a change between their look and their wait:
///
///     let mark = signal.mark
///     if let work = look() { return work }
///     await signal.wait(after: mark)
package final class TaskSignal: Sendable {
    private struct State {
        var mark: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter: UInt64 = 0
    }
    private let state = Mutex(State())

    package init() {}

    /// Where the signal stands: another number after every ``give()``.
    package var mark: UInt64 { state.withLock { $0.mark } }

    /// Wakes everybody who waits, or is about to with a mark of before.
    package func give() {
        let waiters = state.withLock { state in
            state.mark += 1
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until the signal was given after the mark was taken, or the task is cancelled.
    package func wait(after mark: UInt64) async {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.mark != mark || Task.isCancelled { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }
}

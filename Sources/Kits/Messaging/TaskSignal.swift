import Synchronization

/// Lets one task wait until something may have changed. A signal that nobody waits for is kept for the next wait; several are one.
package final class TaskSignal: Sendable {
    private struct State {
        var isGiven = false
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    package init() {}

    /// Wakes the task that waits, or the next one that would.
    package func give() {
        let waiter = state.withLock { state in
            state.isGiven = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits for a signal and takes it. Returns at once when the task is cancelled; a second task that waits at the same time wakes the first.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready: [CheckedContinuation<Void, Never>] = state.withLock { state in
                    defer { state.isGiven = false }
                    if state.isGiven || Task.isCancelled { return [continuation] }
                    defer { state.waiter = continuation }
                    return [state.waiter].compactMap(\.self)
                }
                for waiter in ready { waiter.resume() }
            }
        } onCancel: {
            give()
        }
    }
}

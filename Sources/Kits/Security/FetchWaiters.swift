import Synchronization

/// Those who wait for a fetch to end, each for a bounded time.
final class FetchWaiters: Sendable {
    private struct State {
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Tickets whose time was over before they waited.
        var released: Set<Int> = []
    }
    private let state = Mutex(State())
    private let capacity: Int

    /// - Parameter capacity: how many may wait; others go on at once.
    init(capacity: Int) { self.capacity = capacity }

    /// Waits until another fetch than number `load` has ended, or the time is over, or the task is cancelled.
    /// - Parameter current: how many fetches have ended.
    func wait(for load: Int, atMost limit: Duration, current: @escaping @Sendable () -> Int) async {
        let ticket = state.withLock { state in
            state.next &+= 1
            return state.next
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withCheckedContinuation { continuation in
                    let mustGoOn = self.state.withLock { state in
                        // Asked under the lock: a fetch that ends now either is seen here or sees this one waiting.
                        if state.released.remove(ticket) != nil || current() != load || state.waiting.count >= self.capacity { return true }
                        state.waiting[ticket] = continuation
                        return false
                    }
                    if mustGoOn { continuation.resume() }
                }
            }
            group.addTask {
                // Ends early when the group or the request is cancelled; then nobody has to wait either.
                try? await Task.sleep(for: limit)
                self.release(ticket)
            }
            await group.next()
            group.cancelAll()
        }
        state.withLock { _ = $0.released.remove(ticket) }
    }

    func releaseAll() {
        let continuations = state.withLock { state in
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in continuations { continuation.resume() }
    }

    private func release(_ ticket: Int) {
        let continuation = state.withLock { state in
            let continuation = state.waiting.removeValue(forKey: ticket)
            if continuation == nil { state.released.insert(ticket) }
            return continuation
        }
        continuation?.resume()
    }
}

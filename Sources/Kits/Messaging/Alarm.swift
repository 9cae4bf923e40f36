import Synchronization

/// Wakes one task that waits for work; a ring while nobody waits is remembered.
final class Alarm: Sendable {
    private struct State {
        var isRung = false
        var isStopped = false
        var waiter: CheckedContinuation<Void, Never>?
        /// Which wait the waiter belongs to, so that the end of an earlier one wakes nobody.
        var number = 0
    }
    private let state = Mutex(State())

    /// Whether it has been stopped: nothing is waited for any more.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    func ring() { change { $0.isRung = true } }
    func stop() { change { $0.isStopped = true } }

    private func change(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state in
            body(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when it rings, is stopped, the time is over or the task is cancelled.
    func wait(atMost duration: Duration) async {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(number) }
            group.addTask {
                try? await Task.sleep(for: duration)
                self.end(number)
            }
            await group.next()
            self.end(number)
            group.cancelAll()
        }
        state.withLock { $0.isRung = false }
    }

    private func wait(_ number: Int) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isRung || state.isStopped || state.number != number { return true }
                state.waiter = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Ends a wait that nothing has ended.
    private func end(_ number: Int) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.number == number else { return nil }
            state.number += 1
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}

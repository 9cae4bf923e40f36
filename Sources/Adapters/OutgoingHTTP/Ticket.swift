import Synchronization
import Web

/// A request and whoever waits for its answer. It is answered once; what comes later is of no interest.
final class Ticket: Sendable {
    typealias Outcome = Result<OutgoingAnswer, OutgoingFailure>

    private struct State {
        var waiter: CheckedContinuation<Outcome, Never>?
        var outcome: Outcome?
    }

    let request: OutgoingRequest
    /// When nobody waits any more.
    let deadline: ContinuousClock.Instant
    private let state = Mutex(State())

    init(_ request: OutgoingRequest) {
        self.request = request
        deadline = .now + request.timeout
    }

    /// Whether nobody waits for the answer any more.
    var isOver: Bool { state.withLock { $0.outcome != nil } }

    /// Has a continuation resumed with the outcome, which may be there already.
    func wait(_ continuation: CheckedContinuation<Outcome, Never>) {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.waiter = continuation }
            return state.outcome
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    func finish(_ outcome: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: outcome)
    }
}

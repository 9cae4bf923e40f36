import NIOCore
import NIOHTTP1
import Synchronization

/// What carries an exchange over the network.
protocol ExchangeCarrier: AnyObject, Sendable {
    /// Ends the transfer if it still carries this exchange, whose caller has gone. May be called from any thread.
    func abandon(_ exchange: Exchange)
}

/// One request on its way to one answer, shared by the caller, the pool's queue and a connection.
///
/// Whoever comes first (response, failure, deadline, cancellation) ends it; the later ones find it ended and do nothing.
final class Exchange: Sendable {
    private struct State {
        var continuation: CheckedContinuation<ClientResponse, any Error>?
        var carrier: (any ExchangeCarrier)?
        var isEnded = false
        var isRepeated = false
    }

    let request: ClientRequest
    let head: HTTPRequestHead
    /// The whole time that the caller gave it.
    let timeout: Duration
    /// The end of all waiting: for a connection, for the response, and for a repetition.
    let deadline: NIODeadline
    private let state = Mutex(State())

    init(request: ClientRequest, head: HTTPRequestHead, timeout: Duration) {
        self.request = request
        self.head = head
        self.timeout = timeout
        deadline = .now() + TimeAmount(timeout)
    }

    /// True once the caller has its answer; the pool drops such an exchange from its queue.
    var isEnded: Bool { state.withLock { $0.isEnded } }

    /// Hands over the caller's continuation. False if the caller was cancelled before that: then it is resumed here.
    func install(_ continuation: CheckedContinuation<ClientResponse, any Error>) -> Bool {
        let isEnded = state.withLock { state in
            if !state.isEnded { state.continuation = continuation }
            return state.isEnded
        }
        if isEnded { continuation.resume(throwing: CancellationError()) }
        return !isEnded
    }

    /// Notes what carries the exchange, so that a cancellation can end it. False if the exchange has ended meanwhile.
    func assign(_ carrier: any ExchangeCarrier) -> Bool {
        state.withLock { state in
            if !state.isEnded { state.carrier = carrier }
            return !state.isEnded
        }
    }

    /// Answers the caller, once.
    func end(_ result: Result<ClientResponse, any Error>) {
        let continuation = state.withLock { state in
            state.isEnded = true
            state.carrier = nil
            return state.continuation.take()
        }
        continuation?.resume(with: result)
    }

    /// Ends the exchange for a cancelled caller. A connection in use is closed, for its response would meet the next request.
    func cancel() {
        let carrier = state.withLock { state in
            state.isEnded = true
            return state.carrier.take()
        }
        // The continuation may not be installed yet; `install` then answers.
        end(.failure(CancellationError()))
        carrier?.abandon(self)
    }

    /// True the first time, and only if the request may be sent a second time.
    func claimRepetition() -> Bool {
        guard request.mayBeRepeated else { return false }
        return state.withLock { state in
            guard !state.isRepeated, !state.isEnded else { return false }
            state.isRepeated = true
            state.carrier = nil
            return true
        }
    }
}

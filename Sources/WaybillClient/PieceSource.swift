import NIOHTTP1
import Synchronization

/// Sends the request of a ``StreamedResponse``.
struct PieceSource: Sendable {
    let buffer: PieceBuffer
    let head: HTTPRequestHead
    let body: [UInt8]
    let timeout: Duration
    let transport: any Transport

    /// Sends the request and waits for the head of the response. When it throws, the stream has ended.
    func open() async throws -> HTTPResponseHead {
        let answer = FirstResult<HTTPResponseHead>()
        // Whoever ends the stream otherwise says why first: only the client's shutdown does not.
        buffer.onEnd { answer.settle(.failure(ClientError.shutDown)) }
        transport.open(StreamCall(head: head, body: body, timeout: timeout, sink: PieceSink(buffer, answer: answer)))
        return try await withTaskCancellationHandler {
            try await answer.value()
        } onCancel: {
            answer.settle(.failure(CancellationError()))
            buffer.end(.failure(CancellationError()))
        }
    }
}

/// A result that several may bring and one waits for: the first counts.
final class FirstResult<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var waiter: CheckedContinuation<Value, any Error>?
    }
    private let state = Mutex(State())

    func settle(_ result: Result<Value, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            return state.waiter.take()
        }
        waiter?.resume(with: result)
    }

    /// Waits for the first result. For one caller.
    func value() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let result { continuation.resume(with: result) }
        }
    }
}

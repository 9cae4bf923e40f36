import NIOHTTP1
import Synchronization

/// What is told of a streamed response by whatever carries it, one call after the other.
protocol StreamSink: AnyObject, Sendable {
    /// Gives it what it may hold up and close. False if nobody waits for the response any more.
    func attach(_ carrier: any StreamCarrier) -> Bool
    /// The response has begun.
    func begin(_ head: HTTPResponseHead)
    /// Bytes of the body.
    func take(_ bytes: UnsafeRawBufferPointer)
    /// Hands over what has come. False if the connection should not be read until the carrier is asked.
    func deliver() -> Bool
    /// The response is complete.
    func complete()
    /// There will be no more. After ``complete()`` this does nothing.
    func fail(_ error: any Error)
}

/// Cuts the body of a response into lines for a ``LineBuffer``.
final class LineSink: StreamSink {
    private struct State {
        var splitter = LineSplitter()
        var arrived: [String] = []
        /// The status and the beginning of the body of a response that is no success.
        var refusal: (status: Int, body: [UInt8])?
    }

    private static let maximumRefusalBytes = 4096
    private let buffer: LineBuffer
    private let state = Mutex(State())

    init(_ buffer: LineBuffer) { self.buffer = buffer }

    func attach(_ carrier: any StreamCarrier) -> Bool { buffer.attach(carrier) }

    func begin(_ head: HTTPResponseHead) {
        if !(200..<300).contains(head.status.code) { state.withLock { $0.refusal = (Int(head.status.code), []) } }
    }

    func take(_ bytes: UnsafeRawBufferPointer) {
        let isFine = state.withLock { state in
            guard let refusal = state.refusal else { return state.splitter.split(bytes, into: &state.arrived) }
            state.refusal?.body.append(contentsOf: bytes.prefix(max(0, LineSink.maximumRefusalBytes - refusal.body.count)))
            return true
        }
        if !isFine { buffer.end(.failure(ClientError.tooLarge(limitBytes: LineSplitter.maximumLineBytes))) }
    }

    func deliver() -> Bool {
        let arrived = state.withLock { state in
            defer { state.arrived.removeAll(keepingCapacity: true) }
            return state.arrived
        }
        return buffer.add(arrived)
    }

    func complete() {
        let refusal = state.withLock { state in
            if state.refusal == nil, let rest = state.splitter.finish() { state.arrived.append(rest) }
            return state.refusal
        }
        if let refusal {
            return buffer.end(.failure(ClientError.unexpectedStatus(refusal.status, body: String(decoding: refusal.body, as: UTF8.self))))
        }
        _ = deliver()
        buffer.end(.success(()))
    }

    func fail(_ error: any Error) { buffer.end(.failure(error)) }
}

/// Puts the body of a response into a ``PieceBuffer``, and its head where it is waited for.
final class PieceSink: StreamSink {
    private let buffer: PieceBuffer
    private let answer: FirstResult<HTTPResponseHead>
    private let arrived = Mutex<[[UInt8]]>([])

    init(_ buffer: PieceBuffer, answer: FirstResult<HTTPResponseHead>) { (self.buffer, self.answer) = (buffer, answer) }

    func attach(_ carrier: any StreamCarrier) -> Bool { buffer.attach(carrier) }
    func begin(_ head: HTTPResponseHead) { answer.settle(.success(head)) }
    func take(_ bytes: UnsafeRawBufferPointer) { arrived.withLock { $0.append(Array(bytes)) } }

    func deliver() -> Bool {
        let pieces = arrived.withLock { arrived in
            defer { arrived.removeAll(keepingCapacity: true) }
            return arrived
        }
        return buffer.add(pieces)
    }

    func complete() {
        _ = deliver()
        buffer.end(.success(()))
    }

    func fail(_ error: any Error) {
        answer.settle(.failure(error))
        buffer.end(.failure(error))
    }
}

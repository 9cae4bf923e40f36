import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Opens the connection of a ``StreamedResponse``.
struct PieceSource: Sendable {
    let buffer: PieceBuffer
    let head: HTTPRequestHead
    let body: [UInt8]
    let base: BaseURL
    let timeout: Duration
    let group: MultiThreadedEventLoopGroup

    /// Sends the request and waits for the head of the response. When it throws, the stream has ended.
    func open() async throws -> HTTPResponseHead {
        let answer = FirstResult<HTTPResponseHead>()
        // Whoever ends the stream otherwise says why first: only the client's shutdown does not.
        buffer.onEnd { answer.settle(.failure(ClientError.shutDown)) }
        connect(answer)
        return try await withTaskCancellationHandler {
            try await answer.value()
        } onCancel: {
            answer.settle(.failure(CancellationError()))
            buffer.end(.failure(CancellationError()))
        }
    }

    private func connect(_ answer: FirstResult<HTTPResponseHead>) {
        let connectTimeout = min(timeout, HTTPClient.connectTimeout)
        ClientBootstrap.plain(group: group.next(), connectTimeout: TimeAmount(connectTimeout))
            .noticingLostPeers()
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
                    try channel.pipeline.syncOperations.addHandler(PieceHandler(self, answer: answer))
                }
            }
            .connect(host: base.host, port: base.port)
            .whenComplete { result in
                switch result {
                case .success(let channel): if !buffer.attach(channel) { channel.close(promise: nil) }
                case .failure(let error): fail(ClientError(connecting: error, to: base, within: connectTimeout), answer)
                }
            }
    }

    func fail(_ error: any Error, _ answer: FirstResult<HTTPResponseHead>) {
        answer.settle(.failure(error))
        buffer.end(.failure(error))
    }
}

/// Puts the body of one response into a ``PieceBuffer``. Everything here happens on the channel's event loop.
private final class PieceHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let source: PieceSource
    private let answer: FirstResult<HTTPResponseHead>
    private var timer: Scheduled<Void>?
    private var arrived: [[UInt8]] = []

    init(_ source: PieceSource, answer: FirstResult<HTTPResponseHead>) { (self.source, self.answer) = (source, answer) }

    func channelActive(context: ChannelHandlerContext) {
        let (source, answer) = (self.source, self.answer)
        timer = context.eventLoop.scheduleTask(in: TimeAmount(source.timeout)) {
            source.fail(ClientError.timedOut(.response, after: source.timeout), answer)
        }
        context.write(wrapOutboundOut(.head(source.head)), promise: nil)
        if !source.body.isEmpty { context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: source.body)))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            answer.settle(.success(head))
        case .body(let content): arrived.append(Array(content.readableBytesView))
        case .end:
            deliver()
            source.buffer.end(.success(()))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if deliver() { context.read() }
    }

    @discardableResult
    private func deliver() -> Bool {
        defer { arrived.removeAll(keepingCapacity: true) }
        return source.buffer.add(arrived)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState: source.fail(ClientError.connectionClosed, answer)
        case let error as HTTPParserError: source.fail(ClientError.malformedResponse(String(describing: error)), answer)
        default: break
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        // After a complete response this does nothing.
        source.fail(ClientError.connectionClosed, answer)
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

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Opens the connection of a line stream when the first line is asked for, and ends it when the stream is dropped.
final class LineSource: Sendable {
    private let buffer: LineBuffer
    private let request: ClientRequest
    private let base: BaseURL
    private let timeout: Duration
    private let group: MultiThreadedEventLoopGroup
    private let isStarted = Mutex(false)

    init(buffer: LineBuffer, request: ClientRequest, base: BaseURL, timeout: Duration, group: MultiThreadedEventLoopGroup) {
        self.buffer = buffer
        self.request = request
        self.base = base
        self.timeout = timeout
        self.group = group
    }

    deinit { buffer.end(.failure(CancellationError())) }

    func next() async throws -> String? {
        let isFirst = isStarted.withLock { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        if isFirst { connect(try request.head(for: base)) }
        return try await withTaskCancellationHandler {
            try await buffer.next()
        } onCancel: {
            buffer.end(.failure(CancellationError()))
        }
    }

    private func connect(_ head: HTTPRequestHead) {
        let (buffer, timeout) = (self.buffer, self.timeout)
        let connectTimeout = min(timeout, HTTPClient.connectTimeout)
        ClientBootstrap.plain(group: group.next(), connectTimeout: TimeAmount(connectTimeout))
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
                    try channel.pipeline.syncOperations.addHandler(LineHandler(buffer: buffer, head: head, timeout: timeout))
                }
            }
            .connect(host: base.host, port: base.port)
            .whenComplete { [base] result in
                switch result {
                case .success(let channel): if !buffer.attach(channel) { channel.close(promise: nil) }
                case .failure(let error): buffer.end(.failure(ClientError(connecting: error, to: base, within: connectTimeout)))
                }
            }
    }
}

/// Cuts the body of one response into lines for a ``LineBuffer``. Everything here happens on the channel's event loop.
private final class LineHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let buffer: LineBuffer
    private let head: HTTPRequestHead
    private let timeout: Duration
    private var timer: Scheduled<Void>?
    private var splitter = LineSplitter()
    private var arrived: [String] = []
    /// The status and the beginning of the body of a response that is no success.
    private var refusal: (status: Int, body: [UInt8])?

    init(buffer: LineBuffer, head: HTTPRequestHead, timeout: Duration) {
        self.buffer = buffer
        self.head = head
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        let (buffer, timeout) = (self.buffer, self.timeout)
        timer = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            buffer.end(.failure(ClientError.timedOut(.response, after: timeout)))
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            if !(200..<300).contains(head.status.code) { refusal = (Int(head.status.code), []) }
        case .body(let content):
            if let refusal {
                let room = max(0, 4096 - refusal.body.count)
                self.refusal?.body.append(contentsOf: content.readableBytesView.prefix(room))
            } else if !splitter.split(content.readableBytesView, into: &arrived) {
                buffer.end(.failure(ClientError.tooLarge(limitBytes: LineSplitter.maximumLineBytes)))
            }
        case .end:
            if let refusal {
                let error = ClientError.unexpectedStatus(refusal.status, body: String(decoding: refusal.body, as: UTF8.self))
                return buffer.end(.failure(error))
            }
            if let rest = splitter.finish() { arrived.append(rest) }
            deliver()
            buffer.end(.success(()))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if deliver() { context.read() }
    }

    @discardableResult
    private func deliver() -> Bool {
        defer { arrived.removeAll(keepingCapacity: true) }
        return buffer.add(arrived)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState: buffer.end(.failure(ClientError.connectionClosed))
        case let error as HTTPParserError: buffer.end(.failure(ClientError.malformedResponse(String(describing: error))))
        default: break
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        // After a complete response this does nothing.
        buffer.end(.failure(ClientError.connectionClosed))
    }
}

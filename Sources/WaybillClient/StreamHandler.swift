import NIOCore
import NIOHTTP1
import NIOPosix

/// A connection as a stream sees it.
struct ChannelCarrier: StreamCarrier {
    let channel: any Channel
    func read() { channel.read() }
    func close() { channel.close(promise: nil) }
}

/// Carries a ``StreamCall`` over plain HTTP/1.1. Everything here happens on the channel's event loop.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let call: StreamCall
    private var timer: Scheduled<Void>?

    private init(_ call: StreamCall) { self.call = call }

    /// Opens a connection and sends the request.
    static func connect(_ call: StreamCall, to base: BaseURL, group: MultiThreadedEventLoopGroup) {
        ClientBootstrap.plain(group: group.next(), connectTimeout: TimeAmount(call.connectTimeout))
            .noticingLostPeers()
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
                    try channel.pipeline.syncOperations.addHandler(StreamHandler(call))
                }
            }
            .connect(host: base.host, port: base.port)
            .whenComplete { result in
                switch result {
                case .success(let channel): if !call.sink.attach(ChannelCarrier(channel: channel)) { channel.close(promise: nil) }
                case .failure(let error): call.sink.fail(ClientError(connecting: error, to: base, within: call.connectTimeout))
                }
            }
    }

    func channelActive(context: ChannelHandlerContext) {
        let call = self.call
        timer = context.eventLoop.scheduleTask(in: TimeAmount(call.timeout)) { call.sink.fail(ClientError.timedOut(.response, after: call.timeout)) }
        context.write(wrapOutboundOut(.head(call.head)), promise: nil)
        if !call.body.isEmpty { context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: call.body)))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            call.sink.begin(head)
        case .body(let content): content.withUnsafeReadableBytes { call.sink.take($0) }
        case .end: call.sink.complete()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if call.sink.deliver() { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState: call.sink.fail(ClientError.connectionClosed)
        case let error as HTTPParserError: call.sink.fail(ClientError.malformedResponse(String(describing: error)))
        default: break
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        // After a complete response this does nothing.
        call.sink.fail(ClientError.connectionClosed)
    }
}

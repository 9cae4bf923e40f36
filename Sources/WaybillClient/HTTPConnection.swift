import NIOCore
import NIOHTTP1

/// The pool's view of a connection: may be used from any thread, hops to the connection's event loop.
final class PooledConnection: ExchangeCarrier {
    private let channel: any Channel
    private let handler: NIOLoopBound<HTTPConnection>

    init(channel: any Channel, handler: HTTPConnection) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// Sends the request of an exchange.
    func start(_ exchange: Exchange) { channel.eventLoop.execute { self.handler.value.begin(exchange) } }

    /// Closes the connection if it still carries this exchange, whose caller has gone.
    func abandon(_ exchange: Exchange) { channel.eventLoop.execute { self.handler.value.abandon(exchange) } }

    func close() { channel.close(promise: nil) }
}

/// Carries one exchange at a time over one channel. Everything here happens on the channel's event loop.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let pool: HTTPConnectionPool
    private let channel: any Channel
    private var handle: PooledConnection?
    private var current: Exchange?
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    /// Why the connection is being closed, if the reason is not the server's closing it.
    private var failure: ClientError?
    private var hasServed = false
    private var isClosed = false
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

    init(pool: HTTPConnectionPool, channel: any Channel) {
        self.pool = pool
        self.channel = channel
    }

    /// Sends a request. On a connection that has just been closed nothing is sent, and the exchange goes back to the pool.
    func begin(_ exchange: Exchange) {
        guard !isClosed else { return pool.submit(exchange) }
        let handle = self.handle ?? PooledConnection(channel: channel, handler: self)
        self.handle = handle
        guard exchange.assign(handle) else { return takeNext() }
        current = exchange
        armTimer(for: exchange)
        channel.pipeline.syncOperations.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        if !exchange.request.body.isEmpty {
            let content = channel.allocator.buffer(bytes: exchange.request.body)
            channel.pipeline.syncOperations.write(wrapOutboundOut(.body(.byteBuffer(content))), promise: nil)
        }
        channel.pipeline.syncOperations.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func abandon(_ exchange: Exchange) {
        if current === exchange { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let content):
            guard body.count + content.readableBytes <= pool.maximumBodyBytes else {
                return fail(.tooLarge(limitBytes: pool.maximumBodyBytes))
            }
            body.append(contentsOf: content.readableBytesView)
        case .end: finishResponse()
        }
    }

    private func finishResponse() {
        guard let exchange = current, let head else { return }
        let response = ClientResponse(head: head, body: body)
        current = nil
        self.head = nil
        body = []
        hasServed = true
        if head.isKeepAlive, failure == nil { takeNext() } else { channel.close(promise: nil) }
        exchange.end(.success(response))
    }

    /// The next request is written before the last caller is woken: the wire is kept busy.
    private func takeNext() {
        guard let handle, let next = pool.next(for: handle) else { return }
        begin(next)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState: fail(.connectionClosed)
        case let error as HTTPParserError: fail(.malformedResponse(String(describing: error)))
        default: channel.close(promise: nil)
        }
    }

    private func fail(_ error: ClientError) {
        failure = failure ?? error
        channel.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard !isClosed else { return }
        isClosed = true
        timer?.task.cancel()
        let exchange = current
        current = nil
        let isStale = hasServed && head == nil && failure == nil
        let handle = self.handle ?? PooledConnection(channel: channel, handler: self)
        if let exchange, isStale, exchange.claimRepetition() {
            pool.closed(handle, repeating: exchange)
        } else {
            pool.closed(handle, repeating: nil)
            exchange?.end(.failure(failure ?? .connectionClosed))
        }
        self.handle = nil
    }

    /// One timer per connection, not per request: when it fires too early for the exchange of that moment, it is set again. Only for a request whose time is up
    /// before the timer fires is it set anew.
    private func armTimer(for exchange: Exchange) {
        if let timer {
            guard exchange.deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let task = channel.eventLoop.assumeIsolated().scheduleTask(deadline: exchange.deadline) {
            self.timer = nil
            guard let exchange = self.current else { return }
            guard exchange.deadline <= .now() else { return self.armTimer(for: exchange) }
            self.fail(.timedOut(.response, after: exchange.timeout))
        }
        timer = (exchange.deadline, task)
    }
}

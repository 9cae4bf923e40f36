#if ENGINE_TLS
    import HTTPTypes
    import HummingbirdCore
    import NIOCore
    import Web

    /// What the ``RequestGuard`` is to a connection of HTTP/1.1, this is to a stream of HTTP/2, whose framing leaves no doubt: what it says must mean the same when it is
    /// passed on in HTTP/1.1 (RFC 9113, 10.3), and it may not take for ever.
    final class StreamGuard: ChannelDuplexHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPConnectionStateHandler.InboundIn
        typealias InboundOut = HTTPConnectionStateHandler.InboundIn
        typealias OutboundIn = HTTPConnectionStateHandler.OutboundIn
        typealias OutboundOut = HTTPConnectionStateHandler.OutboundOut

        private let limits: EntryLimits
        private let finish: AnswerFinish
        private var isRefused = false
        private var isReading = false
        private var patience: Scheduled<Void>?
        private var stall: Scheduled<Void>?

        init(limits: EntryLimits, finish: AnswerFinish) { (self.limits, self.finish) = (limits, finish) }

        func handlerRemoved(context: ChannelHandlerContext) { end() }

        func channelInactive(context: ChannelHandlerContext) {
            end()
            context.fireChannelInactive()
        }

        private func end() {
            patience?.cancel()
            stall?.cancel()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if isRefused { return }
            switch unwrapInboundIn(data) {
            case .head(let request):
                guard StreamGuard.isPlain(request) else { return refuse(request, context) }
                isReading = true
            case .body: break
            case .end:
                isReading = false
                patience?.cancel()
            }
            context.fireChannelRead(data)
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            if isReading, patience == nil {
                let channel = context.channel
                patience = context.eventLoop.scheduleTask(in: TimeAmount(limits.body)) { channel.close(promise: nil) }
            }
            context.fireChannelReadComplete()
        }

        /// A path that means one thing, a host that is one, and no line ends in what becomes lines.
        static func isPlain(_ request: HTTPRequest) -> Bool {
            guard let path = request.path, path.utf8.count <= RequestHead.longestLine, path.utf8.allSatisfy(RequestHead.Line.isTarget),
                path.hasPrefix("/") || path == "*" && request.method == .options, request.method.rawValue.utf8.allSatisfy(RequestFields.isToken)
            else { return false }
            guard let host = request.authority ?? request.headerFields[.init("Host") ?? .via], RequestFields.isHost(Array(host.utf8)) else { return false }
            return request.headerFields.allSatisfy { field in field.value.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 } }
        }

        private func refuse(_ request: HTTPRequest, _ context: ChannelHandlerContext) {
            isRefused = true
            let problem = Problem(.badRequest, "malformed-request", MessageFault.target.detail)
            let answer = finish.refusal(problem, origin: request.headerFields[.origin])
            MessageFault.target.record()
            context.write(wrapOutboundOut(.head(HTTPResponse(status: answer.status, headerFields: answer.headers))), promise: nil)
            if request.method != .head, case .bytes(let bytes) = answer.body {
                context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: bytes))), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        /// What is about the connection has no place in a stream (RFC 9113, 8.2.2).
        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if isRefused { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
            guard case .head(var response) = unwrapOutboundIn(data),
                response.headerFields[.connection] != nil || response.headerFields[.transferEncoding] != nil
            else { return context.write(data, promise: promise) }
            (response.headerFields[.connection], response.headerFields[.transferEncoding]) = (nil, nil)
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        }

        /// Who takes nothing of a long answer is not waited for.
        func channelWritabilityChanged(context: ChannelHandlerContext) {
            stall?.cancel()
            stall = nil
            if !context.channel.isWritable {
                let channel = context.channel
                stall = context.eventLoop.scheduleTask(in: TimeAmount(limits.stall)) { channel.close(promise: nil) }
            }
            context.fireChannelWritabilityChanged()
        }
    }
#endif

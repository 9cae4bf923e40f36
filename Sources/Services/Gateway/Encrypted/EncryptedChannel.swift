#if ENGINE_TLS
    import HummingbirdCore
    import HummingbirdHTTP2
    import Logging
    import NIOCore
    import NIOHTTP2
    import NIOSSL
    import Web

    /// How an encrypted connection is set up: TLS 1.2 or later, and inside of it what the client names in the handshake (RFC 7301), HTTP/2 or HTTP/1.1.
    ///
    /// What HTTP/2 bounds is NIO's own: 100 streams at once, 16 KiB of headers, a few resets, pings, settings and empty frames more than are being answered
    /// (CVE-2023-44487, CVE-2019-9512 and its kin); beyond, the connection is closed.
    struct EncryptedChannel: ServerChildChannel {
        struct Value: ServerChildChannelValue {
            let negotiated: EventLoopFuture<NIONegotiatedHTTPVersion<HTTP1Channel.Value, HTTP2Channel.Value>>
            let channel: any Channel
        }

        /// Longer than stopping may take.
        private static let parting: Duration = .seconds(30)

        private let plain: GatewayChannel
        private let http2: HTTP2Channel
        private let certificates: CertificateStore
        private let limits: EntryLimits

        /// - Parameter plain: what serves HTTP/1.1, encrypted or not.
        init(_ plain: GatewayChannel, responder: @escaping HTTPChannelHandler.Responder, certificates: CertificateStore, limits: EntryLimits) {
            (self.plain, self.certificates, self.limits) = (plain, certificates, limits)
            let finish = plain.finish
            http2 = HTTP2Channel(
                responder: responder,
                configuration: .init(
                    idleTimeout: limits.idle, gracefulCloseTimeout: .seconds(5),
                    streamConfiguration: .init(
                        additionalChannelHandlers: [StreamGuard(limits: limits, finish: finish)], idleTimeout: TimeAmount(limits.idle))))
        }

        func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
            // To tell a surplus client so would cost a handshake, of which there are too many already.
            guard plain.count(channel), let context = certificates.context else { return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
            do { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) } catch {
                return channel.eventLoop.makeFailedFuture(error)
            }
            let patience = channel.eventLoop.scheduleTask(in: TimeAmount(limits.head)) { channel.close(promise: nil) }
            return channel.configureHTTP2AsyncSecureUpgrade { [plain] channel in
                plain.setup(channel: channel, isSurplus: false, logger: logger)
            } http2ConnectionInitializer: { [http2, limits] channel in
                http2.setup(channel: channel, logger: logger).flatMapThrowing { value in
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        Parting(patience: TimeAmount(min(limits.body, EncryptedChannel.parting))),
                        position: .after(pipeline.handler(type: NIOHTTP2Handler.self)))
                    return value
                }
            }.map { negotiated in
                negotiated.whenComplete { _ in patience.cancel() }
                return Value(negotiated: negotiated, channel: channel)
            }
        }

        func handle(value: Value, logger: Logger) async {
            // A handshake that fails is a client's affair, and often a scanner's.
            switch try? await value.negotiated.get() {
            case .http1_1(let connection): await plain.handle(value: connection, logger: logger)
            case .http2(let connection): await http2.handle(value: connection, logger: logger)
            case nil: try? await value.channel.close()
            }
        }
    }

    /// Closes a connection some time after its client was told to go. Hummingbird waits for the client's word that it has heard, which one who only wants to keep the
    /// connection never gives.
    private final class Parting: ChannelOutboundHandler, RemovableChannelHandler {
        typealias OutboundIn = HTTP2Frame
        typealias OutboundOut = HTTP2Frame

        private let patience: TimeAmount
        private var timer: Scheduled<Void>?

        /// - Parameter patience: how long the client may take to go; answers under way have to end within it.
        init(patience: TimeAmount) { self.patience = patience }

        func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if timer == nil, case .goAway = unwrapOutboundIn(data).payload {
                let channel = context.channel
                timer = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
            }
            context.write(data, promise: promise)
            // Hummingbird closes at once where there are too many pings, before the word that says so is on its way.
            if case .goAway(_, let error, _) = unwrapOutboundIn(data).payload, error != .noError { context.flush() }
        }
    }
#endif

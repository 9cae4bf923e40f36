#if ENGINE_TLS
    import NIOCore
    import NIOPosix
    import NIOSSL
    import Synchronization

    /// A connection of HTTP/2 on which a test sends the frames it likes, one by one (RFC 9113, 4.1): no client library would send these.
    final class FrameConnection: Sendable {
        enum Kind: UInt8 { case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation }

        /// What came, as far as it matters here.
        struct Received: Sendable {
            var bytes: [UInt8] = []
            /// Error codes of GOAWAY frames.
            var farewells: [UInt32] = []
            /// Streams that were reset.
            var resets: Set<UInt32> = []
            /// Streams of which headers came.
            var answered: Set<UInt32> = []
            /// Bytes of content, of all streams.
            var content = 0
            var isClosed = false
        }

        private final class Box: Sendable { let value = Mutex(Received()) }

        private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        private let channel: any Channel
        private let box: Box

        private init(_ channel: any Channel, _ box: Box) { (self.channel, self.box) = (channel, box) }

        /// Shakes hands and says the preface.
        /// - Parameter settings: names and values (RFC 9113, 6.5.2).
        static func open(_ port: Int, settings: [(UInt16, UInt32)] = []) async throws -> FrameConnection {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            configuration.applicationProtocols = ["h2"]
            let (context, box) = (try NIOSSLContext(configuration: configuration), Box())
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
                        try channel.pipeline.syncOperations.addHandler(Reader(box))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            channel.closeFuture.whenComplete { _ in box.value.withLock { $0.isClosed = true } }
            let connection = FrameConnection(channel, box)
            let values = settings.flatMap { name, value in big(UInt32(name), 2) + big(value, 4) }
            try await connection.send(preface + frame(.settings, 0, 0, values))
            return connection
        }

        static func frame(_ kind: Kind, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
            big(UInt32(payload.count), 3) + [kind.rawValue, flags] + big(stream, 4) + payload
        }

        static func big(_ number: UInt32, _ count: Int) -> [UInt8] { (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> UInt32($0 * 8)) } }

        func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

        /// Sends frames until there are no more or the server has had enough.
        func flood(_ frames: [[UInt8]]) async {
            var batch: [UInt8] = []
            for frame in frames {
                batch += frame
                if batch.count > 8_000 {
                    do { try await send(batch) } catch { return }
                    batch = []
                }
            }
            try? await send(batch)
        }

        var received: Received { box.value.withLock { $0 } }
        func close() async { try? await channel.close() }

        private final class Reader: ChannelInboundHandler, Sendable {
            typealias InboundIn = ByteBuffer
            private let box: Box
            init(_ box: Box) { self.box = box }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let buffer = unwrapInboundIn(data)
                box.value.withLock { state in
                    state.bytes += buffer.readableBytesView
                    while FrameConnection.takeFrame(&state) {}
                }
            }
            func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
        }

        private static func takeFrame(_ state: inout Received) -> Bool {
            guard state.bytes.count >= 9 else { return false }
            let length = state.bytes[0..<3].reduce(0) { $0 << 8 | Int($1) }
            guard state.bytes.count >= 9 + length else { return false }
            let (kind, payload) = (Kind(rawValue: state.bytes[3]), Array(state.bytes[9..<(9 + length)]))
            let stream = state.bytes[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            switch kind {
            case .goAway where length >= 8: state.farewells.append(payload[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
            case .reset: state.resets.insert(stream)
            case .headers: state.answered.insert(stream)
            case .data: state.content += length
            default: break
            }
            state.bytes.removeFirst(9 + length)
            return true
        }
    }
#endif

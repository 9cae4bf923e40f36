import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on the loopback address whose answers a closure makes: the outside that the platform sends requests to.
public final class Receiver: Sendable {
    public struct Request: Sendable {
        public let method: String
        public let path: String
        public let headers: [(name: String, value: String)]
        public let body: [UInt8]

        /// The value of a header, whatever the case of its name.
        public func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
    }

    public enum Answer: Sendable {
        case status(Int, headers: [(String, String)] = [], body: String = "")
        /// None at all, for as long as the client waits.
        case nothing
        /// The connection is closed instead.
        case closed
        /// These bytes, as they are, and the connection is closed.
        case raw(String)
    }

    private let channel: any Channel
    private let requests = Mutex<[Request]>([])

    private init(channel: any Channel) { self.channel = channel }

    public var port: Int { channel.localAddress?.port ?? 0 }
    public var url: String { "http://127.0.0.1:\(port)" }
    /// What has come so far.
    public var seen: [Request] { requests.withLock { $0 } }

    /// Starts a server on a free port.
    public static func start(_ answer: @escaping @Sendable (Request) -> Answer) async throws -> Receiver {
        let box = Mutex<Receiver?>(nil)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    guard let receiver = box.withLock({ $0 }) else { throw ChannelError.eof }
                    try child.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
                    try child.pipeline.syncOperations.addHandler(
                        ReceiverHandler { request in
                            receiver.requests.withLock { $0.append(request) }
                            return answer(request)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let receiver = Receiver(channel: channel)
        box.withLock { $0 = receiver }
        try await channel.setOption(.autoRead, value: true).get()
        return receiver
    }

    public func stop() async throws { try await channel.close() }
}

private final class ReceiverHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: (Receiver.Request) -> Receiver.Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ answer: @escaping (Receiver.Request) -> Receiver.Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let content): body.append(contentsOf: content.readableBytesView)
        case .end:
            guard let head else { return }
            let headers = head.headers.map { (name: $0.name, value: $0.value) }
            perform(answer(.init(method: head.method.rawValue, path: head.uri, headers: headers, body: body)), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func perform(_ answer: Receiver.Answer, _ context: ChannelHandlerContext) {
        switch answer {
        case .status(let status, let headers, let body):
            var fields = HTTPHeaders(headers)
            fields.replaceOrAdd(name: "content-length", value: "\(body.utf8.count)")
            context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .nothing: return
        case .closed: context.close(promise: nil)
        case .raw(let text):
            let channel = context.channel
            // Past the encoder, which would make a proper answer of it.
            context.pipeline.context(handlerType: HTTPResponseEncoder.self).whenSuccess { encoder in
                encoder.writeAndFlush(NIOAny(ByteBuffer(string: text))).whenComplete { _ in channel.close(promise: nil) }
            }
        }
    }
}

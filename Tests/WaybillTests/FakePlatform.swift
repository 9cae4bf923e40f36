import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server whose answers a closure makes, for commands that talk to a platform.
final class FakePlatform: Sendable {
    struct Request: Sendable {
        let method: String
        let path: String
        let query: String
        let key: String?
        let authorization: String?
        let body: [UInt8]
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [(String, String)] = []
        var body: String
        /// Closes the connection instead of answering, after the request was carried out.
        var isLost = false
    }

    private let channel: any Channel
    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    private init(channel: any Channel) { self.channel = channel }

    static func start(_ answer: @escaping @Sendable (Request) -> Answer) async throws -> FakePlatform {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
                    try child.pipeline.syncOperations.addHandler(FakePlatformHandler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return FakePlatform(channel: channel)
    }

    func stop() async throws { try await channel.close() }
}

private final class FakePlatformHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (FakePlatform.Request) -> FakePlatform.Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ answer: @escaping @Sendable (FakePlatform.Request) -> FakePlatform.Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let content): body.append(contentsOf: content.readableBytesView)
        case .end:
            guard let head else { return }
            let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
            let request = FakePlatform.Request(
                method: head.method.rawValue, path: parts[0], query: parts.count > 1 ? parts[1] : "", key: head.headers.first(name: "idempotency-key"),
                authorization: head.headers.first(name: "authorization"), body: body)
            respond(answer(request), context)
        }
    }

    private func respond(_ answer: FakePlatform.Answer, _ context: ChannelHandlerContext) {
        if answer.isLost { return context.close(promise: nil) }
        var headers = HTTPHeaders(answer.headers)
        headers.add(name: "content-length", value: "\(answer.body.utf8.count)")
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestCertificates

#if ENGINE_TLS
    import NIOSSL
#endif

/// A tiny HTTP server for the client's tests. The path says what it does.
final class TestServer: Sendable {
    private let channel: any Channel
    /// Where `/moved` has moved to.
    let movedTo = Mutex("")
    /// What the server has seen so far.
    let seen = Mutex(Seen())

    struct Seen {
        var connections = 0
        var open = 0
        var mostOpen = 0
        var requests: [String] = []
    }

    private let isEncrypted: Bool

    private init(channel: any Channel, isEncrypted: Bool) { (self.channel, self.isEncrypted) = (channel, isEncrypted) }

    var port: Int { channel.localAddress?.port ?? 0 }
    var url: String { "\(isEncrypted ? "https" : "http")://127.0.0.1:\(port)" }
    var requests: [String] { seen.withLock { $0.requests } }
    var connections: Int { seen.withLock { $0.connections } }

    /// Starts a server on a free port, or on a given one; one that speaks TLS where it gets a certificate.
    static func start(port: Int = 0, certificate: TestCertificate? = nil) async throws -> TestServer {
        let encrypt = try TestServer.encryption(certificate)
        let box = Mutex<TestServer?>(nil)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    guard let server = box.withLock({ $0 }) else { throw ChannelError.eof }
                    try encrypt(child)
                    try child.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
                    try child.pipeline.syncOperations.addHandler(TestServerHandler(server: server))
                }
            }
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: port).get()
        let server = TestServer(channel: channel, isEncrypted: certificate != nil)
        box.withLock { $0 = server }
        try await channel.setOption(.autoRead, value: true).get()
        return server
    }

    func stop() async throws { try await channel.close() }

    private static func encryption(_ certificate: TestCertificate?) throws -> @Sendable (any Channel) throws -> Void {
        #if ENGINE_TLS
            guard let certificate else { return { _ in } }
            let chain = try NIOSSLCertificate.fromPEMFile(certificate.path).map { NIOSSLCertificateSource.certificate($0) }
            let key = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: certificate.key, format: .pem))
            let context = try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: key))
            return { try $0.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
        #else
            return { _ in }
        #endif
    }
}

private final class TestServerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: TestServer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var served = 0

    init(server: TestServer) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
        server.seen.withLock { seen in
            seen.connections += 1
            seen.open += 1
            seen.mostOpen = max(seen.mostOpen, seen.open)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { server.seen.withLock { $0.open -= 1 } }

    /// What it cannot read is answered as servers do, and the connection closed.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError { raw(context, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", close: true) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let content): body.append(contentsOf: content.readableBytesView)
        case .end:
            guard let head else { return }
            served += 1
            server.seen.withLock { $0.requests.append("\(head.method) \(head.uri)") }
            answer(head, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        switch head.uri {
        case "/silent": break
        case "/slam": context.close(promise: nil)
        case "/half":
            write(context, .ok, ["content-length": "10"], ["half"], end: false)
            context.close(promise: nil)
        case "/garbage": raw(context, "SPDY/9 hello\r\n\r\n")
        case "/last":
            // Keep-alive is promised, and then the connection closes: what an idle timeout at a bad moment looks like.
            if served > 1 { context.close(promise: nil) } else { write(context, .ok, ["content-length": "2"], ["ok"]) }
        case "/close": raw(context, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end", close: true)
        case "/big": raw(context, "HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n" + String(repeating: "x", count: 2 << 20))
        case "/chunks": write(context, .ok, [:], ["first\nsec", "ond\r", "\nthird", "", "\nlast"])
        case "/events": write(context, .ok, ["content-type": "text/event-stream"], ["id: 1\ndata: a\n\n", ": hm\ndata: b\n\n"], end: false)
        case "/flood": flood(context)
        case "/moved": write(context, .found, ["content-length": "0", "location": server.movedTo.withLock { $0 }], [])
        case "/refused": write(context, .forbidden, [:], ["not ", "you"])
        default:
            let text = "\(head.method) \(head.uri) " + String(decoding: body, as: UTF8.self)
            // The answer to HEAD says how long the content would be, and has none.
            let headers = ["content-length": "\(text.utf8.count)", "x-host": head.headers.first(name: "host") ?? ""]
            write(context, .ok, headers, head.method == .HEAD ? [] : [text])
        }
    }

    private func write(_ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ headers: [String: String], _ parts: [String], end: Bool = true) {
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: HTTPHeaders(headers.map { ($0.key, $0.value) }))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        for part in parts { context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: part)))), promise: nil) }
        if end { context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil) }
    }

    /// Bytes that do not go through NIO's encoder.
    private func raw(_ context: ChannelHandlerContext, _ text: String, close: Bool = false) {
        guard let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self) else { return }
        encoder.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        if close { context.close(promise: nil) }
    }

    /// Endless lines, as fast as the reader takes them.
    private func flood(_ context: ChannelHandlerContext) {
        write(context, .ok, [:], [], end: false)
        more(context)
    }

    private func more(_ context: ChannelHandlerContext) {
        let lines = ByteBuffer(string: String(repeating: "a line of the flood\n", count: 500))
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handler = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        let promise = context.value.eventLoop.makePromise(of: Void.self)
        context.value.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(lines))), promise: promise)
        promise.futureResult.whenSuccess {
            handler.value.server.seen.withLock { $0.requests.append("flooded") }
            handler.value.more(context.value)
        }
    }
}

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A service's instance on a real socket, which does what the test says: answers, says nothing, dies, streams.
final class FakeUpstream: Sendable {
    /// A request as it came.
    struct Seen: Sendable {
        let method: String
        let target: String
        let headers: [(String, String)]
        let body: [UInt8]
        func header(_ name: String) -> String? { headers.first { $0.0.lowercased() == name.lowercased() }?.1 }
    }

    enum Behaviour: Sendable {
        case answer(Int, [(String, String)] = [], String = "")
        case silence
        /// Closes the connection: politely, or with a reset.
        case close(reset: Bool)
        /// Begins an answer that ``send(_:)`` and ``finish()`` go on with.
        case stream([(String, String)] = [("content-type", "text/event-stream")])
        /// Sends without end, as fast as it is read.
        case flood
    }

    private struct State {
        var behaviour: @Sendable (Seen) -> Behaviour = { _ in .answer(200) }
        var seen: [Seen] = []
        var streams: [ObjectIdentifier: any Channel] = [:]
        var flooded = 0
    }

    private let channel: any Channel
    private let state = Mutex(State())

    private init(channel: any Channel) { self.channel = channel }

    var port: Int { channel.localAddress?.port ?? 0 }
    var url: String { "http://127.0.0.1:\(port)" }
    var seen: [Seen] { state.withLock { $0.seen } }
    /// Streams that neither side has ended.
    var openStreams: Int { state.withLock { $0.streams.count } }
    /// Bytes of a flood that the network has taken.
    var flooded: Int { state.withLock { $0.flooded } }

    func set(_ behaviour: @escaping @Sendable (Seen) -> Behaviour) { state.withLock { $0.behaviour = behaviour } }
    func set(_ behaviour: Behaviour) { set { _ in behaviour } }

    /// Runs one around a closure.
    static func with(
        _ behaviour: Behaviour = .answer(200), port: Int = 0, _ body: (FakeUpstream) async throws -> Void
    ) async throws {
        let box = Mutex<FakeUpstream?>(nil)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    guard let server = box.withLock({ $0 }) else { throw ChannelError.eof }
                    try child.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
                    try child.pipeline.syncOperations.addHandler(FakeUpstreamHandler(server))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let server = FakeUpstream(channel: channel)
        server.set(behaviour)
        box.withLock { $0 = server }
        try await channel.setOption(.autoRead, value: true).get()
        let result: Result<Void, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        server.finish()
        try? await channel.close()
        try result.get()
    }

    /// A port of this machine at which nobody listens.
    static func deadPort() async throws -> Int {
        let port = Mutex(0)
        try await with { server in port.withLock { $0 = server.port } }
        return port.withLock { $0 }
    }

    /// Sends a piece on every open stream.
    func send(_ text: String) {
        for stream in state.withLock({ Array($0.streams.values) }) {
            stream.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))), promise: nil)
        }
    }

    /// Ends every open stream.
    func finish() { for stream in state.withLock({ Array($0.streams.values) }) { stream.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil) } }

    /// Resets the connections of all open streams.
    func cut() {
        for stream in state.withLock({ Array($0.streams.values) }) { FakeUpstream.reset(stream) }
    }

    static func reset(_ channel: any Channel) {
        (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }

    fileprivate func take(_ request: Seen) -> Behaviour {
        let behaviour = state.withLock { state in
            state.seen.append(request)
            return state.behaviour
        }
        return behaviour(request)
    }

    fileprivate func opened(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.streams[id] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in self?.state.withLock { _ = $0.streams.removeValue(forKey: id) } }
    }

    fileprivate func flooded(_ bytes: Int) { state.withLock { $0.flooded += bytes } }
}

private final class FakeUpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: FakeUpstream
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ server: FakeUpstream) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let content): body.append(contentsOf: content.readableBytesView)
        case .end:
            guard let head else { return }
            let request = FakeUpstream.Seen(method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) }, body: body)
            perform(server.take(request), context)
        }
    }

    private func perform(_ behaviour: FakeUpstream.Behaviour, _ context: ChannelHandlerContext) {
        switch behaviour {
        case .answer(let status, let headers, let text):
            var fields = HTTPHeaders(headers)
            fields.add(name: "content-length", value: String(text.utf8.count))
            context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: .init(statusCode: status), headers: fields))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .silence: break
        case .close(let reset): if reset { FakeUpstream.reset(context.channel) } else { context.close(promise: nil) }
        case .stream(let headers):
            server.opened(context.channel)
            context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: HTTPHeaders(headers)))), promise: nil)
        case .flood:
            server.opened(context.channel)
            context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .ok))), promise: nil)
            flood(context)
        }
    }

    private func flood(_ context: ChannelHandlerContext) {
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 << 10)
        let (context, handler) = (NIOLoopBound(context, eventLoop: context.eventLoop), NIOLoopBound(self, eventLoop: context.eventLoop))
        let written = context.value.eventLoop.makePromise(of: Void.self)
        context.value.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece))), promise: written)
        let loop = context.value.eventLoop
        written.futureResult.whenSuccess {
            handler.value.server.flooded(64 << 10)
            // A write that succeeds at once calls back at once: in the next round, or the stack would grow with every piece.
            loop.execute { handler.value.flood(context.value) }
        }
    }
}

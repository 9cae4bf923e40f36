import HTTPTypes
import HummingbirdCore
import NIOCore
import Resilience
import Web

/// Answers on the event loop what would only be refused and the ``Doorman`` did not recognise: before its body is read, without a task, a database or a JSON parser, so
/// that refusing costs a small part of what accepting does. Says goodbye on connections when the platform is being shut down.
///
/// | request | surplus connection | refused by the gate | else |
/// | --- | --- | --- | --- |
/// | outside `/api` (health, metrics) | passed on, then closed | - | passed on |
/// | starts work, and nothing is being answered on this connection | 503, closed | 503, its body is skipped | passed on |
/// | any other | 503, closed | passed on; the responder decides | passed on |
final class EntryHandler: ChannelDuplexHandler, RemovableChannelHandler {
    // NIOHTTPTypes belongs to a package that only Hummingbird depends on: its types are known by the names that Hummingbird gives them.
    typealias InboundIn = HTTPConnectionStateHandler.InboundIn
    typealias InboundOut = HTTPConnectionStateHandler.InboundIn
    typealias OutboundIn = HTTPConnectionStateHandler.OutboundIn
    typealias OutboundOut = HTTPConnectionStateHandler.OutboundIn

    /// How long a surplus connection may take to say what it wants.
    private static let patience: TimeAmount = .seconds(5)

    private let gate: AdmissionGate
    private let starting: StartingRoutes
    private let isSurplus: Bool
    private let finish: AnswerFinish
    /// Requests that were passed on and have not been answered.
    private(set) var answering = 0
    /// Whether an answer has begun and not ended.
    private(set) var isWriting = false
    /// Whether the answer that has begun is one to HEAD whose length nobody knows.
    private var isBodiless = false
    /// Whether what is being written now is the end of such a body, which HTTP/1.1 would put into bytes: none may follow the headers (RFC 9112, 6.3).
    private(set) var isEndingBodiless = false
    /// Whether the last request that was read is the connection's last.
    var isEnding = false
    /// What comes after the last answer is not read.
    private var isDeaf = false
    /// Told after every answer.
    weak var guardian: RequestGuard?
    /// Whether the rest of a refused request is being skipped, and how much of it has been.
    private var skipped: Int?
    /// Whether the answer that is being written is the connection's last.
    private var isLast = false
    private var timer: Scheduled<Void>?

    init(gate: AdmissionGate, starting: StartingRoutes, isSurplus: Bool, finish: AnswerFinish) {
        (self.gate, self.starting, self.isSurplus, self.finish) = (gate, starting, isSurplus, finish)
    }

    /// Whether a request that was read has not been answered.
    var isAnswering: Bool { answering > 0 || skipped != nil }

    func handlerAdded(context: ChannelHandlerContext) {
        guard isSurplus else { return }
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: EntryHandler.patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isLast, case .head = part { isDeaf = true }
        if isDeaf { return }
        switch part {
        case .head(let request):
            guard let refusal = refusal(of: request) else {
                answering += 1
                return context.fireChannelRead(data)
            }
            skipped = 0
            refuse(request, refusal, context)
        case .body(let buffer):
            guard let count = skipped else { return context.fireChannelRead(data) }
            skipped = count + buffer.readableBytes
            // Who goes on sending for nothing is not listened to for ever.
            if count > GatewayResponder.maximumBody { context.close(promise: nil) }
        case .end:
            guard skipped != nil else { return context.fireChannelRead(data) }
            skipped = nil
        }
    }

    private enum Refusal {
        case surplus
        case gate(AdmissionGate.Refused, StartingRoutes.Match)
    }

    private func refusal(of request: HTTPRequest) -> Refusal? {
        let path = request.path ?? "/"
        if isSurplus, path.hasPrefix("/api") { return .surplus }
        // What is being answered comes first on this connection, and who wants it closed is Hummingbird's to serve.
        guard answering == 0, request.headerFields[.connection] == nil, let match = starting.match(request.method, path) else { return nil }
        guard let refused = gate.refusal(of: .starting) else { return nil }
        return .gate(refused, match)
    }

    private func refuse(_ request: HTTPRequest, _ refusal: Refusal, _ context: ChannelHandlerContext) {
        let problem: Problem
        switch refusal {
        case .surplus: problem = Problem.unavailable("There are too many connections. Try again.")
        case .gate(let refused, let match):
            problem = AdmissionGate.problem(retryAfterSeconds: refused.retryAfterSeconds)
            match.meter.record(problem.status, .zero)
        }
        let answer = finish.refusal(problem, origin: request.headerFields[.origin])
        var response = HTTPResponse(status: answer.status, headerFields: answer.headers)
        isLast = isSurplus || gate.isDraining || isEnding
        if isLast { response.headerFields[.connection] = "close" }
        var content = ByteBuffer()
        if case .bytes(let bytes) = answer.body { content = context.channel.allocator.buffer(bytes: bytes) }
        response.headerFields[.contentLength] = String(content.readableBytes)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if request.method != .head { context.write(wrapOutboundOut(.body(content)), promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        if isLast { EntryHandler.close(context.channel, after: written.futureResult) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let response) where response.status.kind == .informational: context.write(data, promise: promise)
        case .head(var response):
            isWriting = true
            AnswerFinish.secure(&response.headerFields)
            isBodiless = response.headerFields[.transferEncoding] != nil
            isLast = isSurplus || gate.isDraining || isEnding && answering == 1 || response.headerFields[.connection] == "close"
            guard isLast else { return context.write(data, promise: promise) }
            response.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        case .end:
            (answering, isWriting) = (answering - 1, false)
            (isEndingBodiless, isBodiless) = (isBodiless, false)
            defer { isEndingBodiless = false }
            if isLast {
                let written = promise ?? context.eventLoop.makePromise(of: Void.self)
                context.write(data, promise: written)
                EntryHandler.close(context.channel, after: written.futureResult)
            } else {
                context.write(data, promise: promise)
            }
            guardian?.settle()
        default: context.write(data, promise: promise)
        }
    }

    /// Closes once the answer is out. What the client still sends would make the kernel throw the answer away, so only our side is closed at first.
    static func close(_ channel: any Channel, after written: EventLoopFuture<Void>) {
        written.whenComplete { _ in
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
    }
}

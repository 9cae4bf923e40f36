import NIOCore
import Web

/// Stands between the ``RequestGuard`` and the HTTP parser and answers requests that would be refused from their bytes alone: a parser, headers and an encoder cost more than all the
/// rest of refusing.
///
/// He does so only while he knows that the bytes begin with a request: as long as every buffer so far was one whole ``SimpleRequest``, and each was answered before
/// the next came. After anything else he lets everything pass for the rest of the connection, and the ``EntryHandler`` refuses.
final class Doorman: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Now and then a refused request goes the long way, so that the handler that closes idle connections sees that this one is not.
    private static let longWay: TimeAmount = .seconds(30)

    /// Answers and request lines that are the same for all connections.
    struct Book: Sendable {
        let gate: AdmissionGate
        let lines: [[UInt8]]
        private let meters: [RouteMeter]
        /// By `Retry-After`.
        private let answers: [Int: ByteBuffer]

        init(gate: AdmissionGate, starting: StartingRoutes) {
            self.gate = gate
            let targets = starting.targets.sorted { $0.line < $1.line }
            (lines, meters) = (targets.map { Array($0.line.utf8) }, targets.map(\.meter))
            answers = Dictionary(uniqueKeysWithValues: AdmissionGate.pauses.map { ($0, Book.answer(retryAfterSeconds: $0)) })
        }

        private static func answer(retryAfterSeconds: Int) -> ByteBuffer {
            let response = AdmissionGate.problem(retryAfterSeconds: retryAfterSeconds).response(instance: nil)
            guard case .bytes(let body) = response.body else { return ByteBuffer() }
            var text = "HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n"
            var headers = response.headers
            AnswerFinish.secure(&headers)
            for field in headers { text += "\(field.name.rawName): \(field.value)\r\n" }
            text += "Content-Length: \(body.count)\r\n\r\n"
            return ByteBuffer(bytes: Array(text.utf8) + body)
        }

        /// The answer to a request with this line, if it is refused.
        func refusal(of line: Int) -> ByteBuffer? {
            guard !gate.isDraining, let refused = gate.refusal(of: .starting) else { return nil }
            meters[line].record(.serviceUnavailable, .zero)
            return answers[refused.retryAfterSeconds]
        }
    }

    private let book: Book
    private let entry: EntryHandler
    private var letsAllPass = false
    /// Bytes of a refused request that are still to come.
    private var toSkip = 0
    private var lastLongWay = NIODeadline.now()

    /// - Parameter entry: the same connection's handler behind the parser, which knows whether a request is being answered.
    init(book: Book, entry: EntryHandler) { (self.book, self.entry) = (book, entry) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if letsAllPass { return context.fireChannelRead(data) }
        var buffer = unwrapInboundIn(data)
        if toSkip > 0 {
            let count = min(toSkip, buffer.readableBytes)
            buffer.moveReaderIndex(forwardBy: count)
            toSkip -= count
        }
        guard buffer.readableBytes > 0 else { return }
        let request = entry.isAnswering ? nil : buffer.withUnsafeReadableBytes { SimpleRequest($0.bindMemory(to: UInt8.self), lines: book.lines) }
        guard let request else { return pass(buffer, context, isWhole: false) }
        let length = request.headLength + request.bodyLength
        if let line = request.line, buffer.readableBytes <= length, request.bodyLength <= GatewayResponder.maximumBody, !isLongWayDue,
            let answer = book.refusal(of: line)
        {
            toSkip = length - buffer.readableBytes
            return context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
        lastLongWay = .now()
        pass(buffer, context, isWhole: buffer.readableBytes == length)
    }

    private var isLongWayDue: Bool { NIODeadline.now() - lastLongWay > Doorman.longWay }

    private func pass(_ buffer: ByteBuffer, _ context: ChannelHandlerContext, isWhole: Bool) {
        letsAllPass = !isWhole
        context.fireChannelRead(wrapInboundOut(buffer))
    }
}

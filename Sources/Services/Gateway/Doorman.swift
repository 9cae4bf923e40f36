import NIOCore
import Web

/// Answers requests that would be refused from their bytes alone: a parser, headers and an encoder cost more than all the rest of refusing.
///
/// He is asked twice: by the ``RequestGuard`` before it looks at bytes that are one whole request (``refusal(ofAllIn:)``), and, standing between the guard and the HTTP parser, for
/// what comes in pieces or stands before other requests.
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
        /// Those to pages of other origins, by the origin and `Retry-After`; empty where only this one's, or all, may read.
        private let marked: [[UInt8]: [Int: ByteBuffer]]

        init(gate: AdmissionGate, starting: StartingRoutes, finish: AnswerFinish) {
            self.gate = gate
            let targets = starting.targets.sorted { $0.line < $1.line }
            (lines, meters) = (targets.map { Array($0.line.utf8) }, targets.map(\.meter))
            answers = Book.answers(finish, origin: nil)
            marked = Dictionary(uniqueKeysWithValues: finish.origins.map { (Array($0.utf8), Book.answers(finish, origin: $0)) })
        }

        private static func answers(_ finish: AnswerFinish, origin: String?) -> [Int: ByteBuffer] {
            Dictionary(
                uniqueKeysWithValues: AdmissionGate.pauses.map { ($0, finish.refusalBytes(AdmissionGate.problem(retryAfterSeconds: $0), origin: origin)) })
        }

        /// Whether a request that starts work would be refused now.
        var isRefusing: Bool { !gate.isDraining && gate.wouldRefuse(.starting) }

        /// The answer to a request with this line, if it is refused.
        /// - Parameter origin: of the page that sent it; read only where that matters.
        func refusal(of line: Int, from origin: @autoclosure () -> [UInt8]?) -> ByteBuffer? {
            guard !gate.isDraining, let refused = gate.refusal(of: .starting) else { return nil }
            meters[line].record(.serviceUnavailable, .zero)
            let own = marked.isEmpty ? nil : origin().flatMap { marked[$0] }
            return (own ?? answers)[refused.retryAfterSeconds]
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
            let answer = book.refusal(
                of: line, from: request.origin.flatMap { buffer.getBytes(at: buffer.readerIndex + $0.lowerBound, length: $0.count) })
        {
            toSkip = length - buffer.readableBytes
            return context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
        lastLongWay = .now()
        pass(buffer, context, isWhole: buffer.readableBytes == length)
    }

    /// The answer to a request that stands in the buffer from its first byte to its last, if it is refused: before the ``RequestGuard`` has looked at it, which has nothing to
    /// find in a ``SimpleRequest``. Only between requests may this be asked.
    func refusal(ofAllIn buffer: ByteBuffer) -> ByteBuffer? {
        guard !letsAllPass, toSkip == 0, !entry.isAnswering, book.isRefusing, !isLongWayDue else { return nil }
        return buffer.withUnsafeReadableBytes { raw in
            let bytes = raw.bindMemory(to: UInt8.self)
            guard let request = SimpleRequest(bytes, lines: book.lines), let line = request.line, bytes.count == request.headLength + request.bodyLength else {
                return nil
            }
            return book.refusal(of: line, from: request.origin.map { Array(bytes[$0]) })
        }
    }

    private var isLongWayDue: Bool { NIODeadline.now() - lastLongWay > Doorman.longWay }

    private func pass(_ buffer: ByteBuffer, _ context: ChannelHandlerContext, isWhole: Bool) {
        letsAllPass = !isWhole
        context.fireChannelRead(wrapInboundOut(buffer))
    }
}

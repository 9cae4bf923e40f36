import NIOCore
import Web

/// Stands nearest to the network and lets through only what is one request and then another, each with exactly one meaning: what two readers could divide in two
/// ways is the way in for one client's bytes as another's request (request smuggling; CWE-444). Anything else is answered 400 or one of its kin, after the answers
/// to what came before it, and the connection ends.
///
/// It keeps the time as well: a head, a body and the taking of an answer may not last for ever.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = ByteBuffer

    private let entry: EntryHandler
    /// Refuses at first sight; nil on surplus connections.
    private let doorman: Doorman?
    private let limits: EntryLimits
    private let finish: AnswerFinish
    private var context: ChannelHandlerContext?

    /// The beginning of a head whose end has not come.
    private var held: ByteBuffer?
    private var scanner = HeadScanner()
    private var hasSkippedLine = false
    /// The body that is being read.
    private var body: BodyFraming?
    /// Whether a request has been passed on in part.
    private var isUnderWay = false
    /// What was seen of the head whose body is being read.
    private var sender = HeadGlance()
    /// Whether the request that is being read is the connection's last.
    private var isLast = false
    /// Nothing is listened to any more.
    private var isOver = false
    /// What is to be answered when all before it has been.
    private var fault: (fault: MessageFault, sender: HeadGlance)?
    private var isSettled = false

    private var clock = EntryClock()
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?
    private var writes: WriteWatch?
    /// Bytes of answers.
    private var written = 0

    init(entry: EntryHandler, doorman: Doorman?, limits: EntryLimits, finish: AnswerFinish) {
        (self.entry, self.doorman, self.limits, self.finish) = (entry, doorman, limits, finish)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        clock.expectAnything(by: .now() + TimeAmount(limits.head))
        arm()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        timer?.task.cancel()
        (timer, context, isOver, held) = (nil, nil, true, nil)
    }

    // MARK: - Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var buffer = unwrapInboundIn(data)
        if body == nil, held == nil, !hasSkippedLine, let answer = doorman?.refusal(ofAllIn: buffer) {
            clock.rest()
            written &+= answer.readableBytes
            return context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
        if var earlier = held {
            held = nil
            earlier.writeBuffer(&buffer)
            buffer = earlier
        }
        do {
            while buffer.readableBytes > 0, !isOver {
                if body != nil {
                    try passBody(&buffer, context)
                } else if try !passHead(&buffer, context) {
                    held = buffer
                    break
                }
            }
        } catch { fail(error as? MessageFault ?? .requestLine, in: buffer) }
        keepTime()
    }

    /// Passes on a head with as much of its body as is there.
    /// - Returns: false while the head's end has not come.
    private func passHead(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) throws -> Bool {
        // One empty line before a request is forgiven (RFC 9112, 2.2).
        if !hasSkippedLine, buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) == 13 {
            guard buffer.readableBytes > 1 else { return false }
            guard buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) == 10 else { throw MessageFault.lineEnd }
            buffer.moveReaderIndex(forwardBy: 2)
            hasSkippedLine = true
            if buffer.readableBytes == 0 { return true }
        }
        guard let (length, head) = try readHead(buffer) else { return false }
        (scanner, hasSkippedLine, isLast) = (HeadScanner(), false, head.isLast)
        if head.expectsContinue, buffer.readableBytes == length, !entry.isAnswering {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
        body = BodyFraming(head.body)
        if head.body != .length(0) { sender = glance(at: buffer, length) }
        if let rewritten = head.rewritten {
            buffer.moveReaderIndex(forwardBy: length)
            (isUnderWay, entry.isEnding) = (true, isLast)
            context.fireChannelRead(wrapInboundOut(context.channel.allocator.buffer(bytes: rewritten)))
            try passBody(&buffer, context)
        } else {
            try passBody(&buffer, context, after: length)
        }
        return true
    }

    private func readHead(_ buffer: ByteBuffer) throws -> (length: Int, head: RequestHead)? {
        try buffer.withUnsafeReadableBytes { (raw: UnsafeRawBufferPointer) throws -> (length: Int, head: RequestHead)? in
            let bytes = raw.bindMemory(to: UInt8.self)
            guard let length = try scanner.end(in: bytes) else { return nil }
            return (length, try RequestHead(UnsafeBufferPointer(rebasing: bytes[..<length])))
        }
    }

    /// Passes on what is there of a body.
    /// - Parameter offset: how many bytes of the head stand before it in the buffer.
    private func passBody(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext, after offset: Int = 0) throws {
        guard var framing = body else { return }
        let step = try buffer.withUnsafeReadableBytes { (raw: UnsafeRawBufferPointer) throws -> BodyFraming.Step in
            try framing.advance(UnsafeBufferPointer(rebasing: raw.bindMemory(to: UInt8.self)[offset...]))
        }
        body = framing.isDone ? nil : framing
        clock.received(step.count)
        let (visible, rest) = (offset + step.visible, step.count - step.visible)
        (isUnderWay, entry.isEnding) = (body != nil, isLast)
        if body == nil, isLast { isOver = true }
        if visible > 0, let slice = buffer.readSlice(length: visible) { context.fireChannelRead(wrapInboundOut(slice)) }
        buffer.moveReaderIndex(forwardBy: min(rest, buffer.readableBytes))
        if step.endsChunks { context.fireChannelRead(wrapInboundOut(ByteBuffer(string: "\r\n"))) }
    }

    // MARK: - Refusing

    /// What is seen of a head that is whole; only what a refusal of its body would need.
    private func glance(at buffer: ByteBuffer, _ length: Int) -> HeadGlance {
        guard let head = buffer.getSlice(at: buffer.readerIndex, length: length) else { return HeadGlance() }
        return HeadGlance(head, seeksOrigin: finish.asksForOrigin)
    }

    /// - Parameter buffer: begins with the head that is refused, where it is one.
    private func fail(_ fault: MessageFault, in buffer: ByteBuffer) {
        guard self.fault == nil else { return }
        fault.record()
        self.fault = (fault, body == nil ? HeadGlance(buffer) : sender)
        (isOver, held) = (true, nil)
        settle()
    }

    /// Answers what could not be understood, once everything before it has been answered. Called after every answer.
    func settle() {
        guard let fault, let context, !isSettled, entry.answering <= (isUnderWay ? 1 : 0) else { return }
        isSettled = true
        // One request has one answer: where it has begun, or is there already, nothing can be added.
        if entry.isWriting || isUnderWay && entry.answering == 0 { return context.close(promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(fault.fault.answer(finish, to: fault.sender)), promise: written)
        EntryHandler.close(context.channel, after: written.futureResult)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isSettled else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
        if entry.isEndingBodiless { return context.write(wrapOutboundOut(ByteBuffer()), promise: promise) }
        written &+= unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    // MARK: - Time

    private func keepTime() {
        if isOver {
            clock.rest()
        } else if body != nil {
            clock.expectBody(limits)
        } else if held != nil || hasSkippedLine {
            clock.expectHead(by: .now() + TimeAmount(limits.head))
        } else {
            clock.rest()
        }
        arm()
    }

    private func arm() {
        guard let deadline = clock.deadline, let context else { return }
        if let timer, timer.at <= deadline { return }
        timer?.task.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = (context.eventLoop.scheduleTask(deadline: deadline) { bound.value.look() }, deadline)
    }

    private func look() {
        timer = nil
        guard let context, let verdict = clock.verdict(at: .now(), limits) else { return arm() }
        switch verdict {
        // Nobody waits for an answer who has not said anything.
        case .silent: context.close(promise: nil)
        case .slow: fail(.tooSlow, in: held ?? ByteBuffer())
        }
    }

    /// Who reads a long answer so slowly that hardly anything of it moves for a while is not waited for. What is short enough to wait here as a whole is given up when
    /// the connection has been idle for too long.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { watchWrites(context) }
        context.fireChannelWritabilityChanged()
    }

    private func watchWrites(_ context: ChannelHandlerContext) {
        guard writes == nil, let left = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes), left > 0 else { return }
        writes = WriteWatch(drained: written &- left, now: .now())
        lookAtWrites(context)
    }

    private func lookAtWrites(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: TimeAmount(min(limits.stall / 2, .seconds(1)))) {
            let this = bound.value
            guard let context = this.context, var watch = this.writes,
                let left = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
            else { return }
            this.writes = nil
            if left == 0 { return }
            if watch.isStuck(drained: this.written &- left, now: .now(), this.limits) { return context.close(promise: nil) }
            this.writes = watch
            this.lookAtWrites(context)
        }
    }
}

import CRabbitMQ
import Messaging
import Wire

/// A message as it arrives, without the topic, which the queue tells.
struct ArrivedMessage: Sendable {
    let key: Identifier
    let headers: [BrokerMessage.Header]
    let body: [UInt8]
}

/// What the broker sends without being asked.
enum AMQPEvent {
    case delivered(channel: UInt16, tag: UInt64, mayBeRepeated: Bool, ArrivedMessage)
    /// A message led to no queue; its confirmation follows.
    case returned(channel: UInt16, exchange: String, routingKey: String, reason: String, ArrivedMessage)
    case confirmed(channel: UInt16, tag: UInt64, isMultiple: Bool, isAccepted: Bool)
    /// A channel's consumer gets nothing more: its queue was deleted, or its node went away.
    case consumerCancelled(channel: UInt16)
    case channelClosed(AMQPFault, channel: UInt16)
    /// The broker reads nothing from this connection until it has memory and disk space again.
    case blocked(String)
    case unblocked
}

/// A message of which a part has arrived.
struct PartialMessage {
    enum Beginning {
        case delivery(tag: UInt64, isRepeated: Bool)
        case `return`(exchange: String, routingKey: String, reason: String)
    }
    let beginning: Beginning
    /// Nil until the header has come.
    var content: (key: Identifier, headers: [BrokerMessage.Header], returns: Int64)?
    var size = 0
    var body: [UInt8] = []
}

extension AMQPConnection {
    /// A message larger than this, which RabbitMQ's own bound forbids, is taken for a broken stream.
    private static let saneBytes: UInt64 = 512 << 20

    /// Sends a message. The broker has it when it has confirmed it.
    func publish(_ message: BrokerMessage, on channel: UInt16, exchange: String, routingKey: String) throws {
        defer { arena.reset() }
        var properties = MessageForm.properties(of: message, in: arena)
        let (exchange, key) = (arena.bytes(exchange), arena.bytes(routingKey))
        let status = message.body.withUnsafeBytes { body in
            let bytes = amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress))
            // Mandatory: what leads to no queue comes back instead of being dropped.
            return amqp_basic_publish(state, channel, exchange, key, 1, 0, &properties, bytes)
        }
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPFault.status(status, "publishing") }
    }

    /// Sends a few bytes to whoever may be listening; nobody is told when nobody is.
    func announce(_ text: String, on channel: UInt16, exchange: String) throws {
        defer { arena.reset() }
        let status = amqp_basic_publish(state, channel, arena.bytes(exchange), amqp_empty_bytes, 0, 0, nil, arena.bytes(text))
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPFault.status(status, "announcing") }
    }

    /// The next of what has arrived; nil when there is nothing more now. Never waits. Also sends and checks the signs of life that the protocol wants, so it must be
    /// called at least once in half of their interval.
    func nextEvent() throws -> AMQPEvent? {
        while let frame = try nextFrame() {
            let event = try event(of: frame)
            // Everything needed was copied.
            amqp_maybe_release_buffers_on_channel(state, frame.channel)
            if let event { return event }
        }
        return nil
    }

    /// Whether something was kept while an answer was waited for.
    var hasKeptFrames: Bool { amqp_frames_enqueued(state) != 0 }

    /// Whether there may be something in memory that ``nextEvent()`` has not looked at.
    var hasUnreadInput: Bool { hasKeptFrames || amqp_data_in_buffer(state) != 0 }

    private func nextFrame() throws -> amqp_frame_t? {
        var frame = amqp_frame_t()
        var none = timeval(tv_sec: 0, tv_usec: 0)
        let status = amqp_simple_wait_frame_noblock(state, &frame, &none)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPFault.status(status, "the connection broke") }
        return frame
    }

    private func event(of frame: amqp_frame_t) throws -> AMQPEvent? {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: return try event(of: frame.payload.method, channel: frame.channel)
        case AMQP_FRAME_HEADER:
            guard var message = partial[frame.channel], let properties = frame.payload.properties.decoded else { return nil }
            let size = frame.payload.properties.body_size
            guard size <= AMQPConnection.saneBytes else { throw AMQPFault.lost("a message of \(size) bytes was announced") }
            message.content = MessageForm.read(properties.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee)
            message.size = Int(size)
            return finish(message, frame.channel)
        case AMQP_FRAME_BODY:
            guard var message = partial.removeValue(forKey: frame.channel) else { return nil }
            if message.body.isEmpty { message.body.reserveCapacity(message.size) }
            message.body.append(contentsOf: frame.payload.body_fragment.buffer)
            return finish(message, frame.channel)
        default: return nil
        }
    }

    /// The event of a message that is complete; keeps it otherwise.
    private func finish(_ message: PartialMessage, _ channel: UInt16) -> AMQPEvent? {
        guard let content = message.content, message.body.count >= message.size else {
            partial[channel] = message
            return nil
        }
        partial[channel] = nil
        let arrived = ArrivedMessage(key: content.key, headers: content.headers, body: message.body)
        switch message.beginning {
        case .delivery(let tag, let isRepeated):
            return .delivered(channel: channel, tag: tag, mayBeRepeated: isRepeated || content.returns > 0, arrived)
        case .return(let exchange, let routingKey, let reason):
            return .returned(channel: channel, exchange: exchange, routingKey: routingKey, reason: reason, arrived)
        }
    }

    private func event(of method: amqp_method_t, channel: UInt16) throws -> AMQPEvent? {
        func body<T>(_ type: T.Type) -> T? { method.decoded?.assumingMemoryBound(to: T.self).pointee }
        switch method.id {
        case waybill_amqp_basic_deliver:
            guard let body = body(amqp_basic_deliver_t.self) else { return nil }
            partial[channel] = PartialMessage(beginning: .delivery(tag: body.delivery_tag, isRepeated: body.redelivered != 0))
        case waybill_amqp_basic_return:
            guard let body = body(amqp_basic_return_t.self) else { return nil }
            partial[channel] = PartialMessage(
                beginning: .return(exchange: body.exchange.text, routingKey: body.routing_key.text, reason: body.reply_text.text))
        case waybill_amqp_basic_ack:
            guard let body = body(amqp_basic_ack_t.self) else { return nil }
            return .confirmed(channel: channel, tag: body.delivery_tag, isMultiple: body.multiple != 0, isAccepted: true)
        case waybill_amqp_basic_nack:
            guard let body = body(amqp_basic_nack_t.self) else { return nil }
            return .confirmed(channel: channel, tag: body.delivery_tag, isMultiple: body.multiple != 0, isAccepted: false)
        case waybill_amqp_basic_cancel: return .consumerCancelled(channel: channel)
        case waybill_amqp_channel_close:
            partial[channel] = nil
            return .channelClosed(try closed(method, channel: channel), channel: channel)
        case waybill_amqp_connection_close: throw try closed(method, channel: 0)
        case waybill_amqp_connection_blocked: return .blocked(body(amqp_connection_blocked_t.self)?.reason.text ?? "")
        case waybill_amqp_connection_unblocked: return .unblocked
        default: break
        }
        return nil
    }
}

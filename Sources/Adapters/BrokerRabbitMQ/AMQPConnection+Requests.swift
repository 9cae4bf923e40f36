import CRabbitMQ
import Messaging

/// What a queue has to say of itself.
struct QueueFigures: Sendable, Equatable {
    /// Messages that wait to be delivered.
    let ready: Int
    let consumers: Int
}

/// Questions with an answer. While one is waited for, what arrives unasked is kept for ``nextEvent()``.
extension AMQPConnection {
    func openChannel(_ channel: UInt16) throws { try ask(channel, "opening a channel", amqp_channel_open(state, channel) != nil) }

    func closeChannel(_ channel: UInt16) throws {
        partial[channel] = nil
        try check(amqp_channel_close(state, channel, AMQP_REPLY_SUCCESS), "closing a channel", channel: channel)
    }

    /// Asks the broker to confirm what is published on a channel.
    func selectConfirms(_ channel: UInt16) throws { try ask(channel, "asking for confirmations", amqp_confirm_select(state, channel) != nil) }

    /// Bounds what is delivered to a channel's consumers and not acknowledged, each for itself.
    func setPrefetch(_ channel: UInt16, _ count: Int) throws {
        try ask(channel, "bounding deliveries", amqp_basic_qos(state, channel, 0, UInt16(clamping: count), 0) != nil)
    }

    func declareExchange(_ channel: UInt16, _ name: String, type: String, isDurable: Bool, deletesItself: Bool) throws {
        defer { arena.reset() }
        let answer = amqp_exchange_declare(
            state, channel, arena.bytes(name), arena.bytes(type), 0, isDurable ? 1 : 0, deletesItself ? 1 : 0, 0, amqp_empty_table)
        try ask(channel, "declaring the exchange \(name)", answer != nil)
    }

    /// Asks for an exchange that must exist already.
    func checkExchange(_ channel: UInt16, _ name: String) throws {
        defer { arena.reset() }
        let answer = amqp_exchange_declare(state, channel, arena.bytes(name), arena.bytes("direct"), 1, 0, 0, 0, amqp_empty_table)
        try ask(channel, "looking for the exchange \(name)", answer != nil)
    }

    /// How a queue is made.
    enum QueueKind {
        /// Survives the broker and this connection.
        case durable([AMQPField])
        /// For this connection only, and gone with it.
        case exclusive
        /// One that must exist already, to look at.
        case existing
    }

    @discardableResult
    func declareQueue(_ channel: UInt16, _ name: String, _ kind: QueueKind) throws -> QueueFigures {
        defer { arena.reset() }
        let answer =
            switch kind {
            case .durable(let arguments): amqp_queue_declare(state, channel, arena.bytes(name), 0, 1, 0, 0, arena.table(arguments))
            case .exclusive: amqp_queue_declare(state, channel, arena.bytes(name), 0, 0, 1, 1, amqp_empty_table)
            case .existing: amqp_queue_declare(state, channel, arena.bytes(name), 1, 0, 0, 0, amqp_empty_table)
            }
        let figures = answer.map { QueueFigures(ready: Int($0.pointee.message_count), consumers: Int($0.pointee.consumer_count)) }
        try ask(channel, "declaring the queue \(name)", figures != nil)
        return figures ?? QueueFigures(ready: 0, consumers: 0)
    }

    func bindQueue(_ channel: UInt16, _ queue: String, to exchange: String, key: String) throws {
        defer { arena.reset() }
        let answer = amqp_queue_bind(state, channel, arena.bytes(queue), arena.bytes(exchange), arena.bytes(key), amqp_empty_table)
        try ask(channel, "binding the queue \(queue)", answer != nil)
    }

    /// Lets the messages of a queue come to a channel.
    func consume(_ channel: UInt16, _ queue: String, tag: String, needsAcknowledgement: Bool) throws {
        defer { arena.reset() }
        let answer = amqp_basic_consume(state, channel, arena.bytes(queue), arena.bytes(tag), 0, needsAcknowledgement ? 0 : 1, 0, amqp_empty_table)
        try ask(channel, "consuming the queue \(queue)", answer != nil)
    }

    /// Acknowledges everything that came to a channel up to a tag. Has no answer.
    func acknowledge(_ channel: UInt16, through tag: UInt64) throws {
        let status = amqp_basic_ack(state, channel, tag, 1)
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPFault.status(status, "acknowledging") }
    }

    private func ask(_ channel: UInt16, _ context: String, _ isAnswered: Bool) throws {
        if !isAnswered { try check(amqp_get_rpc_reply(state), context, channel: channel) }
        amqp_maybe_release_buffers_on_channel(state, channel)
    }
}

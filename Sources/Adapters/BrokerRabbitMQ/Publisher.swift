import Messaging
import Metrics

/// Publishes with confirmations: many messages are on their way at once, and nothing counts until the broker has confirmed it. Confined to its request thread.
final class Publisher: @unchecked Sendable {
    private static let channel: UInt16 = 1

    private let layout: QueueLayout
    private let published: Counter
    /// The connection that the channel was opened on, and the tag of the next message there.
    private var epoch = 0
    private var nextTag: UInt64 = 1

    init(_ layout: QueueLayout) {
        self.layout = layout
        published = Counter(label: "waybill_rabbitmq_published", dimensions: [("broker", "rabbitmq")])
    }

    /// Publishes messages in order and returns when all are confirmed.
    /// - Throws: ``BrokerError``, or ``AMQPFault``.
    func publish(_ messages: [BrokerMessage], partitions: Int, by session: AMQPSession) throws {
        for (index, message) in messages.enumerated() {
            if let reason = MessageForm.objection(to: message, maximumBytes: session.configuration.maximumMessageBytes) {
                throw BrokerError.rejected(index: index, reason: reason)
            }
        }
        let connection = try prepare(session)
        var publication = Publication(messages: messages, ledger: ConfirmLedger(firstTag: nextTag))
        // Whatever happens, the channel has counted what was sent.
        defer { nextTag = publication.ledger.nextTag }
        do { try run(&publication, partitions, connection, session) } catch let fault as AMQPFault where fault.isOfChannel {
            epoch = 0
            throw publication.refusal(of: fault)
        }
        if let first = publication.ledger.returned.min(by: { $0.index < $1.index }) {
            throw BrokerError.rejected(index: first.index, reason: "it leads to no queue (\(first.reason))")
        }
        if publication.ledger.refused > 0 { throw BrokerError.unavailable("the broker could not take \(publication.ledger.refused) messages") }
        session.noteAcceptance()
        published.increment(by: messages.count)
    }

    /// The connection with a channel on it that confirms.
    private func prepare(_ session: AMQPSession) throws -> AMQPConnection {
        // A broker that went away while nothing was published is noticed here instead of after the first message.
        do { while let event = try session.connection?.nextEvent() { session.note(event) } } catch { session.drop() }
        let connection = try session.connected()
        if session.wasClosed(Publisher.channel) { epoch = 0 }
        guard epoch != session.epoch else { return connection }
        do {
            try connection.openChannel(Publisher.channel)
            try connection.selectConfirms(Publisher.channel)
        } catch {
            // A channel that is there and cannot be used would be in the way of every later attempt.
            session.drop()
            throw error
        }
        (epoch, nextTag) = (session.epoch, 1)
        return connection
    }

    /// Sends while there is room, waits for confirmations while there is none.
    private func run(_ publication: inout Publication, _ partitions: Int, _ connection: AMQPConnection, _ session: AMQPSession) throws {
        let configuration = session.configuration
        var deadline = ContinuousClock.now + configuration.publishTimeout
        while !publication.isComplete {
            connection.cork(true)
            while let index = publication.next(configuration) {
                try send(publication.messages[index], partitions, connection)
                publication.ledger.send()
            }
            connection.cork(false)
            let isProgress = try settle(&publication, connection, session)
            if isProgress { deadline = ContinuousClock.now + configuration.publishTimeout }
            if publication.isComplete || isProgress { continue }
            let left = deadline - ContinuousClock.now
            guard left > .zero else {
                let reason = session.blocked.map { "it accepts nothing: \($0)" } ?? "no confirmation came within \(configuration.publishTimeout)"
                throw AMQPFault.lost(reason)
            }
            if session.lifeline.isCut { throw AMQPFault.lost("the broker was closed") }
            WakeEvent.wait(socket: connection.socket, atMost: min(left, configuration.heartbeat / 4))
        }
    }

    private func send(_ message: BrokerMessage, _ partitions: Int, _ connection: AMQPConnection) throws {
        let partition = Partitioner.partition(of: message.key, of: partitions)
        try connection.publish(message, on: Publisher.channel, exchange: layout.exchange(message.topic), routingKey: "\(partition)")
    }

    /// Notes what has arrived.
    /// - Returns: whether the broker has settled anything.
    private func settle(_ publication: inout Publication, _ connection: AMQPConnection, _ session: AMQPSession) throws -> Bool {
        var isProgress = false
        while let event = try connection.nextEvent() {
            switch event {
            case .confirmed(Publisher.channel, let tag, let isMultiple, let isAccepted):
                publication.settle(tag: tag, isMultiple: isMultiple, isAccepted: isAccepted)
                isProgress = true
            case .returned(Publisher.channel, let exchange, _, let reason, let message):
                publication.sendBack(message, exchange: exchange, reason: reason, layout)
            case .channelClosed(let fault, Publisher.channel): throw fault
            default: session.note(event)
            }
        }
        return isProgress
    }
}

import Logging
import Messaging
import Metrics

/// Publishes with confirmations: many messages are on their way at once, and nothing counts until the broker has confirmed it. Confined to its request thread.
final class Publisher: @unchecked Sendable {
    private static let channel: UInt16 = 1
    /// How long the readers of a queue that was deleted have to hear of it. RabbitMQ lets a consumer go on that has not heard of it when the queue is there again, counts on from the
    /// old queue's last message, and holds back what comes first as if it had been delivered.
    private static let noticeTime: Duration = .seconds(1)

    private let layout: QueueLayout
    private let logger: Logger
    private let published: Counter
    /// The connection that the channel was opened on, and the tag of the next message there.
    private var epoch = 0
    private var nextTag: UInt64 = 1
    /// The connection by which the topology was last found to be there, or made.
    private var checkedEpoch = 0
    /// Since when something of the topology is missing; nil where nothing is.
    private var missingSince: ContinuousClock.Instant?

    init(_ layout: QueueLayout, logger: Logger) {
        (self.layout, self.logger) = (layout, logger)
        published = Counter(label: "waybill_rabbitmq_published", dimensions: [("broker", "rabbitmq")])
    }

    /// Publishes messages in order and returns when all are confirmed. An exchange or queue of the topology that turns out to be missing is made again, by whoever reads there or,
    /// after a second, here.
    /// - Throws: ``BrokerError``, or ``AMQPFault``.
    func publish(_ messages: [BrokerMessage], _ topology: BrokerTopology, by session: AMQPSession) throws {
        for (index, message) in messages.enumerated() {
            if let reason = MessageForm.objection(to: message, maximumBytes: session.configuration.maximumMessageBytes) {
                throw BrokerError.rejected(index: index, reason: reason)
            }
        }
        let configuration = session.configuration
        let parcels = EventBundle.pack(
            messages, partitions: topology.partitions, events: min(configuration.eventsPerMessage, BundlePosition.parts),
            bytes: min(configuration.bundleBytes, configuration.maximumMessageBytes / 2))
        // Which event of a bundle it was that the broker does not take shows when each goes by itself.
        do { try deliver(parcels, topology, session) } catch BrokerError.rejected where parcels.count < messages.count {
            try deliver(messages, topology, session)
        }
        session.noteAcceptance()
        published.increment(by: messages.count)
    }

    private func deliver(_ messages: [BrokerMessage], _ topology: BrokerTopology, _ session: AMQPSession) throws {
        if let missing = try attempt(messages, topology, session) {
            let (now, since) = (ContinuousClock.now, missingSince ?? .now)
            missingSince = since
            guard now - since >= Publisher.noticeTime else { throw BrokerError.unavailable("something of the topology is missing: \(missing)") }
            try makeAgain(topology, session, because: "\(missing)")
            if let missing = try attempt(messages, topology, session) { throw missing }
        }
        missingSince = nil
    }

    /// Publishes all of the messages.
    /// - Returns: why it did not work, where the topology is not as it was made: messages led to no exchange, or to no queue.
    private func attempt(_ messages: [BrokerMessage], _ topology: BrokerTopology, _ session: AMQPSession) throws -> BrokerError? {
        let connection = try prepare(topology, session)
        var publication = Publication(messages: messages, ledger: ConfirmLedger(firstTag: nextTag))
        // Whatever happens, the channel has counted what was sent.
        defer { nextTag = publication.ledger.nextTag }
        do { try run(&publication, topology.partitions, connection, session) } catch let fault as AMQPFault where fault.isOfChannel {
            epoch = 0
            if fault.isNotFound { return fault.brokerError }
            throw publication.refusal(of: fault)
        }
        if let first = publication.ledger.returned.min(by: { $0.index < $1.index }) {
            return .rejected(index: first.index, reason: "it leads to no queue (\(first.reason))")
        }
        if publication.ledger.refused > 0 { throw BrokerError.unavailable("the broker could not take \(publication.ledger.refused) messages") }
        return nil
    }

    private func makeAgain(_ topology: BrokerTopology, _ session: AMQPSession, because reason: String) throws {
        logger.warning("exchanges or queues of RabbitMQ are missing and are made again", metadata: ["reason": "\(reason)"])
        try TopologyMaker(layout: layout, connection: try session.connected(), logger: logger).make(topology)
    }

    /// The connection with a channel on it that confirms.
    private func prepare(_ topology: BrokerTopology, _ session: AMQPSession) throws -> AMQPConnection {
        // A broker that went away while nothing was published is noticed here instead of after the first message.
        do { while let event = try session.connection?.nextEvent() { session.note(event) } } catch { session.drop() }
        let connection = try session.connected()
        if session.wasClosed(Publisher.channel) { epoch = 0 }
        try check(topology, connection, session)
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

    /// On a new connection: the node may have lost all that it had. Somebody else who makes it again may be in the middle of that, and what is published then would lead
    /// to some of the groups only; so nothing is published before the last of it is there.
    private func check(_ topology: BrokerTopology, _ connection: AMQPConnection, _ session: AMQPSession) throws {
        if checkedEpoch == session.epoch { return }
        if try !TopologyMaker(layout: layout, connection: connection, logger: logger).isMade(topology) {
            try makeAgain(topology, session, because: "the node has lost what it had")
        }
        checkedEpoch = session.epoch
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

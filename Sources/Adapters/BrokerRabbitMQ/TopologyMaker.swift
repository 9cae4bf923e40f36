import Logging
import Messaging

/// Makes exchanges, queues and bindings where they are missing. Everything is idempotent, so that any number of processes can do it at once.
struct TopologyMaker {
    /// The channel that a connection uses for declarations; opened and closed as needed.
    static let channel: UInt16 = 2047

    let layout: QueueLayout
    let connection: AMQPConnection
    let logger: Logger

    /// Makes all of a topology: first what keeps messages, then what leads them there, last the mark that says so. Whoever finds the mark need not ask for the rest.
    /// - Throws: ``BrokerError``, or ``AMQPFault``.
    func make(_ topology: BrokerTopology) throws {
        let keepers = layout.keptTopics(topology)
        let queues = topology.groups.flatMap { layout.queues($0.name, topics: $0.topics, partitions: topology.partitions) }
        for topic in keepers { try declare(layout.keeper(topic), layout.keeperArguments) }
        for queue in queues { try declare(queue.name, layout.arguments(queue.topic)) }
        try connection.onChannel(TopologyMaker.channel) { channel in
            for topic in layout.topics(topology) {
                try connection.declareExchange(channel, layout.exchange(topic), type: "direct", isDurable: true, deletesItself: false)
                if keepers.contains(topic) {
                    for partition in 0..<topology.partitions {
                        try connection.bindQueue(channel, layout.keeper(topic), to: layout.exchange(topic), key: "\(partition)")
                    }
                }
                for queue in queues where queue.topic == topic { try bind(queue, channel) }
            }
            try connection.declareExchange(channel, layout.mark(topology), type: "fanout", isDurable: true, deletesItself: false)
        }
    }

    /// Whether somebody has made all of a topology since the broker lost what it had, if it ever did. One round trip, or three.
    func isMade(_ topology: BrokerTopology) throws -> Bool { try connection.onChannel(TopologyMaker.channel, exists: layout.mark(topology)) }

    /// Makes a group's queue, which was deleted, and its binding; the whole topology where even its topic's exchange is missing.
    func make(_ queue: QueueLayout.GroupQueue, of topology: BrokerTopology) throws {
        do {
            try declare(queue.name, layout.arguments(queue.topic))
            try connection.onChannel(TopologyMaker.channel) { try bind(queue, $0) }
        } catch let fault as AMQPFault where fault.isNotFound { try make(topology) }
    }

    private func bind(_ queue: QueueLayout.GroupQueue, _ channel: UInt16) throws {
        try connection.bindQueue(channel, queue.name, to: layout.exchange(queue.topic), key: "\(queue.partition)")
    }

    /// Declares a queue. One that exists with other bounds is used as it is; one of another kind would break the promise of order.
    private func declare(_ name: String, _ arguments: [AMQPField]) throws {
        do {
            try connection.onChannel(TopologyMaker.channel) { _ = try connection.declareQueue($0, name, .durable(arguments)) }
        } catch let fault as AMQPFault where fault.isOfArguments {
            guard case .channelClosed(_, _, let text) = fault, TopologyMaker.isTolerable(text) else { throw fault }
            logger.warning(
                "a queue of RabbitMQ has other arguments than are configured, and is used as it is", metadata: ["queue": "\(name)", "reason": "\(text)"])
        }
    }

    /// Whether what the broker says of a queue's arguments is about bounds and places, which change no promise of ours.
    static func isTolerable(_ text: String) -> Bool {
        ["x-delivery-limit", "x-dead-letter-", "x-overflow", "x-queue-leader-locator", "x-max-", "x-quorum-initial-group-size"].contains {
            text.contains("'\($0)")
        }
    }
}

extension AMQPConnection {
    /// Opens a channel for a closure and closes it afterwards, unless the broker has done so.
    func onChannel<T>(_ channel: UInt16, _ body: (UInt16) throws -> T) throws -> T {
        try openChannel(channel)
        let result: T
        do { result = try body(channel) } catch {
            if let fault = error as? AMQPFault, !fault.isOfChannel { throw error }
            if (error as? AMQPFault) == nil { try closeChannel(channel) }
            throw error
        }
        try closeChannel(channel)
        return result
    }

    /// Whether there is an exchange of this name.
    func onChannel(_ channel: UInt16, exists exchange: String) throws -> Bool {
        do {
            try onChannel(channel) { try checkExchange($0, exchange) }
            return true
        } catch let fault as AMQPFault where fault.isNotFound { return false }
    }
}

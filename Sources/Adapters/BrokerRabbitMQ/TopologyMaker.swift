import Logging
import Messaging

/// Makes exchanges, queues and bindings where they are missing. Everything is idempotent, so that any number of processes can do it at once.
struct TopologyMaker {
    /// The channel that a connection uses for declarations; opened and closed as needed.
    static let channel: UInt16 = 2047

    let layout: QueueLayout
    let connection: AMQPConnection
    let logger: Logger

    /// Makes all of a topology.
    /// - Throws: ``BrokerError``, or ``AMQPFault``.
    func make(_ topology: BrokerTopology) throws {
        try connection.onChannel(TopologyMaker.channel) { channel in
            for topic in layout.topics(topology) {
                try connection.declareExchange(channel, layout.exchange(topic), type: "direct", isDurable: true, deletesItself: false)
            }
        }
        for topic in layout.keptTopics(topology) {
            try declare(layout.keeper(topic), layout.keeperArguments, exchange: layout.exchange(topic), partitions: 0..<topology.partitions)
        }
        for group in topology.groups {
            for queue in layout.queues(group.name, topics: group.topics, partitions: topology.partitions) { try make(queue) }
        }
    }

    /// Makes a group's queue and its binding; its topic's exchange exists.
    func make(_ queue: QueueLayout.GroupQueue) throws {
        try declare(queue.name, layout.arguments(queue.topic), exchange: layout.exchange(queue.topic), partitions: queue.partition..<queue.partition + 1)
    }

    /// Declares a queue and binds it. One that exists with other bounds is used as it is; one of another kind would break the promise of order.
    private func declare(_ name: String, _ arguments: [AMQPField], exchange: String, partitions: Range<Int>) throws {
        func bind(_ channel: UInt16) throws { for partition in partitions { try connection.bindQueue(channel, name, to: exchange, key: "\(partition)") } }
        do {
            try connection.onChannel(TopologyMaker.channel) { channel in
                try connection.declareQueue(channel, name, .durable(arguments))
                try bind(channel)
            }
        } catch let fault as AMQPFault where fault.isOfArguments {
            guard case .channelClosed(_, _, let text) = fault, TopologyMaker.isTolerable(text) else { throw fault }
            logger.warning(
                "a queue of RabbitMQ has other arguments than are configured, and is used as it is", metadata: ["queue": "\(name)", "reason": "\(text)"])
            try connection.onChannel(TopologyMaker.channel, bind)
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
}

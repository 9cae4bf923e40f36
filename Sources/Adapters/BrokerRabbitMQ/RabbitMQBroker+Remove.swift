import CRabbitMQ
import Messaging

extension RabbitMQBroker {
    /// Removes the exchanges and queues of a topology with all messages in them: for tests, which would otherwise leave theirs behind.
    package func remove(_ topology: BrokerTopology) async throws {
        let layout = self.layout
        try await requests.perform { session in
            let connection = try session.connected()
            try connection.onChannel(TopologyMaker.channel) { channel in
                for group in topology.groups {
                    for queue in layout.queues(group.name, topics: group.topics, partitions: topology.partitions) {
                        try connection.deleteQueue(channel, queue.name)
                    }
                }
                for topic in layout.keptTopics(topology) { try connection.deleteQueue(channel, layout.keeper(topic)) }
                for topic in layout.topics(topology) { try connection.deleteExchange(channel, layout.exchange(topic)) }
                try connection.deleteExchange(channel, layout.mark(topology))
            }
        }
    }

    /// Removes the exchange of a topic, as an operator's mistake would: for tests.
    package func removeExchange(of topic: String) async throws {
        let name = layout.exchange(topic)
        try await requests.perform { session in
            let connection = try session.connected()
            try connection.onChannel(TopologyMaker.channel) { try connection.deleteExchange($0, name) }
        }
    }

    /// Removes one queue of a group, as an operator's mistake would: for tests.
    package func removeQueue(of group: String, topic: String, partition: Int) async throws {
        let name = layout.queue(group, topic, partition).name
        try await requests.perform { session in
            let connection = try session.connected()
            try connection.onChannel(TopologyMaker.channel) { try connection.deleteQueue($0, name) }
        }
    }

    /// How many messages the queue that keeps a topic has: for tests.
    package func kept(_ topic: String) async throws -> Int {
        let name = layout.keeper(topic)
        return try await requests.perform { session in
            let connection = try session.connected()
            return try connection.onChannel(TopologyMaker.channel) { try connection.declareQueue($0, name, .existing).ready }
        }
    }
}

extension AMQPConnection {
    /// Deletes a queue; nothing happens when there is none.
    fileprivate func deleteQueue(_ channel: UInt16, _ name: String) throws {
        defer { arena.reset() }
        if amqp_queue_delete(state, channel, arena.bytes(name), 0, 0) == nil { try check(amqp_get_rpc_reply(state), "deleting a queue", channel: channel) }
    }

    /// Deletes an exchange; nothing happens when there is none.
    fileprivate func deleteExchange(_ channel: UInt16, _ name: String) throws {
        defer { arena.reset() }
        if amqp_exchange_delete(state, channel, arena.bytes(name), 0) == nil {
            try check(amqp_get_rpc_reply(state), "deleting an exchange", channel: channel)
        }
    }
}

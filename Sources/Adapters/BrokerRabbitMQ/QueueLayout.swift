import Messaging
import Wire

/// Which exchanges and queues stand for topics, groups and partitions.
///
/// A topic is a direct exchange. Each group has a queue of its own per partition of a topic, bound by the partition's number: a quorum queue with a single active
/// consumer, so that one member at a time reads a partition, and another one goes on where it ended. A dead-letter topic, and one that no group listens to, has a
/// queue of its own that keeps everything.
struct QueueLayout: Sendable {
    /// The queue of a group for one partition of a topic.
    struct GroupQueue: Sendable, Equatable {
        let topic: String
        let partition: Int
        let name: String
        /// As the port names it.
        var label: String { "\(topic)/\(partition)" }
    }

    static let deadLetterSuffix = ".DLQ"
    /// AMQP's bound for names, in bytes.
    private static let nameBytes = 255

    let prefix: String
    let deliveryLimit: Int

    init(_ configuration: RabbitMQConfiguration) { (prefix, deliveryLimit) = (configuration.prefix, configuration.deliveryLimit) }

    func exchange(_ topic: String) -> String { "\(prefix).\(topic)" }
    /// The queue that keeps a topic's messages for nobody in particular.
    func keeper(_ topic: String) -> String { "\(prefix).\(topic)" }
    func queue(_ group: String, _ topic: String, _ partition: Int) -> GroupQueue {
        GroupQueue(topic: topic, partition: partition, name: "\(prefix).\(group).\(topic).\(partition)")
    }
    func queues(_ group: String, topics: [String], partitions: Int) -> [GroupQueue] {
        topics.flatMap { topic in (0..<partitions).map { queue(group, topic, $0) } }
    }
    /// An exchange that nothing is published to: it is made when everything else of the topology is there, and so tells whether it is.
    func mark(_ topology: BrokerTopology) -> String { "\(prefix).topology.\(String(QueueLayout.fingerprint(topology), radix: 36))" }
    /// The exchange by which the members of a group hear of each other.
    func presence(_ group: String) -> String { "\(prefix).\(group).members" }

    /// All topics of a topology with their dead-letter topics, each once.
    func topics(_ topology: BrokerTopology) -> [String] {
        var topics: [String] = []
        let named = topology.topics + topology.groups.flatMap(\.topics)
        for topic in named + named.compactMap(deadLetterTopic) where !topics.contains(topic) { topics.append(topic) }
        return topics
    }

    /// The topics of which a queue keeps everything.
    func keptTopics(_ topology: BrokerTopology) -> [String] {
        let heard = Set(topology.groups.flatMap(\.topics))
        return topics(topology).filter { $0.hasSuffix(QueueLayout.deadLetterSuffix) || !heard.contains($0) }
    }

    /// Where a topic's messages go that come back too often; a dead-letter topic has none of its own.
    func deadLetterTopic(_ topic: String) -> String? {
        topic.hasSuffix(QueueLayout.deadLetterSuffix) ? nil : topic + QueueLayout.deadLetterSuffix
    }

    /// The arguments of a group's queue.
    func arguments(_ topic: String) -> [AMQPField] {
        var arguments = keeperArguments
        arguments += [
            AMQPField("x-single-active-consumer", .flag(true)),
            // Said in numbers, because the broker's own bound (20 since RabbitMQ 4) would drop messages of a consumer that is restarted often.
            AMQPField("x-delivery-limit", .integer(Int64(deliveryLimit))),
        ]
        guard let deadLetterTopic = deadLetterTopic(topic) else { return arguments }
        // At least once: what exceeds the limit is confirmed by the dead-letter queue before it leaves this one. It needs reject-publish to be possible.
        arguments += [
            AMQPField("x-dead-letter-exchange", .text(exchange(deadLetterTopic))), AMQPField("x-dead-letter-strategy", .text("at-least-once")),
            AMQPField("x-overflow", .text("reject-publish")),
        ]
        return arguments
    }

    /// The arguments of a queue that keeps messages.
    var keeperArguments: [AMQPField] { [AMQPField("x-queue-type", .text("quorum")), AMQPField("x-queue-leader-locator", .text("balanced"))] }

    /// FNV-1a (64 bits) of all that a topology names. Another version of the program may have another topology, and its mark is none for this one.
    private static func fingerprint(_ topology: BrokerTopology) -> UInt64 {
        let groups = topology.groups.map { "\($0.name): \($0.topics.sorted().joined(separator: " "))" }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for text in topology.topics.sorted() + groups.sorted() + ["\(topology.partitions)"] {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01b3
        }
        return hash
    }

    /// - Throws: ``BrokerError/misconfigured(_:)`` for a topology that cannot be made.
    func validate(_ topology: BrokerTopology) throws {
        guard (1...1000).contains(topology.partitions) else { throw BrokerError.misconfigured("a topic has 1 to 1000 partitions, not \(topology.partitions)") }
        let topics = topics(topology)
        let names =
            topics.map(exchange) + [mark(topology)] + topology.groups.flatMap { group in group.topics.map { queue(group.name, $0, topology.partitions).name } }
        if let name = names.first(where: { $0.utf8.count > QueueLayout.nameBytes }) {
            throw BrokerError.misconfigured("the name \(name) is longer than \(QueueLayout.nameBytes) bytes")
        }
        for group in topology.groups { try validate(queues: group.topics.count * topology.partitions, of: group.name) }
    }

    /// A member reads each queue by a channel of its own, of which a connection has 2047.
    func validate(queues: Int, of group: String) throws {
        guard queues <= 2000 else { throw BrokerError.misconfigured("the group \(group) has \(queues) partitions, more than 2000") }
    }
}

/// Which partition a key belongs to.
enum Partitioner {
    /// Kafka's default: murmur2 of the key's text. So a partition has the same number on either broker, and other clients can tell it.
    static func partition(of key: Identifier, of partitions: Int) -> Int {
        var key = key.description
        return Int(key.withUTF8(murmur2) & 0x7FFF_FFFF) % max(1, partitions)
    }

    /// Austin Appleby's MurmurHash2 with Kafka's seed.
    static func murmur2(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        var position = 0
        while bytes.count - position >= 4 {
            var word: UInt32 = 0
            for offset in 0..<4 { word |= UInt32(bytes[position + offset]) << UInt32(8 * offset) }
            word = word &* multiplier
            word = (word ^ (word >> 24)) &* multiplier
            hash = (hash &* multiplier) ^ word
            position += 4
        }
        if position < bytes.count {
            for offset in stride(from: bytes.count - position - 1, through: 0, by: -1) { hash ^= UInt32(bytes[position + offset]) << UInt32(8 * offset) }
            hash = hash &* multiplier
        }
        hash = (hash ^ (hash >> 13)) &* multiplier
        return hash ^ (hash >> 15)
    }
}

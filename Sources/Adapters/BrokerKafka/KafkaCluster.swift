import CKafka
import Messaging

/// What the brokers say of themselves and their topics.
struct KafkaCluster: Sendable {
    struct Topic: Sendable {
        var partitions = 0
        /// Partitions that nobody leads just now: nothing can be written to them or read from them.
        var leaderless = 0
        /// How many brokers keep a partition, of that which is kept by the fewest.
        var replicas = Int.max
    }
    var brokers: [String] = []
    var topics: [String: Topic] = [:]

    /// Those of these topics that there are not.
    func missing(_ names: [String]) -> [String] { names.filter { topics[$0] == nil } }
}

extension KafkaCluster {
    /// Asks for everything; waits. Asking so makes no topics.
    /// - Throws: ``BrokerError/unavailable(_:)``.
    static func look(_ client: KafkaClient, timeout: Duration) throws -> KafkaCluster { try look(client, topic: nil, timeout: timeout) }

    /// Asks for everything, or for one topic, which makes it where the brokers make topics by themselves.
    static func look(_ client: KafkaClient, topic: OpaquePointer?, timeout: Duration) throws -> KafkaCluster {
        var found: UnsafePointer<rd_kafka_metadata>?
        let error = rd_kafka_metadata(client.handle, topic == nil ? 1 : 0, topic, &found, timeout.timeout)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR, let found else { throw BrokerError.unavailable("kafka: \(error.text)") }
        defer { rd_kafka_metadata_destroy(found) }
        return KafkaCluster(found.pointee)
    }

    private init(_ metadata: rd_kafka_metadata) {
        for broker in UnsafeBufferPointer(start: metadata.brokers, count: Int(metadata.broker_cnt)) {
            brokers.append("\(broker.host.map { String(cString: $0) } ?? "?"):\(broker.port)")
        }
        brokers.sort()
        for topic in UnsafeBufferPointer(start: metadata.topics, count: Int(metadata.topic_cnt)) where topic.err == RD_KAFKA_RESP_ERR_NO_ERROR {
            guard let name = topic.topic else { continue }
            var entry = Topic(partitions: Int(topic.partition_cnt))
            for partition in UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt)) {
                if partition.leader < 0 { entry.leaderless += 1 }
                entry.replicas = min(entry.replicas, Int(partition.replica_cnt))
            }
            if entry.partitions > 0 { topics[String(cString: name)] = entry }
        }
    }
}

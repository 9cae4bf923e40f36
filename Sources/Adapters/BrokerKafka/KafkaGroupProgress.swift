import CKafka
import Messaging

/// How far a group is in a partition.
struct KafkaGroupProgress: Sendable {
    /// What it has not acknowledged.
    let lag: Int
    /// What the brokers have deleted before it was acknowledged.
    let lost: Int

    /// Asks for a group's positions and the partitions' ends; waits.
    /// - Throws: ``BrokerError/unavailable(_:)``.
    static func look(at group: String, _ partitions: [KafkaAssignment.Partition], _ client: KafkaClient, timeout: Duration) throws -> [KafkaGroupProgress] {
        if partitions.isEmpty { return [] }
        let committed = try committed(by: group, partitions, client, timeout: timeout)
        let deadline = ContinuousClock.now + timeout
        return try partitions.map { partition in
            let rest = max(.milliseconds(1), deadline - ContinuousClock.now)
            var (low, high): (Int64, Int64) = (0, 0)
            let error = rd_kafka_query_watermark_offsets(client.handle, partition.topic, partition.number, &low, &high, rest.timeout)
            if error != RD_KAFKA_RESP_ERR_NO_ERROR { throw BrokerError.unavailable("kafka: \(error.text)") }
            let position = committed[partition] ?? -1
            return KafkaGroupProgress(lag: Int(max(0, high - max(position, low))), lost: position >= 0 ? Int(max(0, low - position)) : 0)
        }
    }

    private static func committed(
        by group: String, _ partitions: [KafkaAssignment.Partition], _ client: KafkaClient, timeout: Duration
    ) throws -> [KafkaAssignment.Partition: Int64] {
        let list = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions { rd_kafka_topic_partition_list_add(list, partition.topic, partition.number) }
        var request = rd_kafka_ListConsumerGroupOffsets_new(group, list)
        defer { rd_kafka_ListConsumerGroupOffsets_destroy(request) }
        let options = rd_kafka_AdminOptions_new(client.handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        rd_kafka_AdminOptions_set_request_timeout(options, timeout.timeout, nil, 0)
        let answers = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(answers) }
        rd_kafka_ListConsumerGroupOffsets(client.handle, &request, 1, options, answers)
        guard let event = rd_kafka_queue_poll(answers, (timeout + .seconds(1)).timeout) else { throw BrokerError.unavailable("kafka: no answer") }
        defer { rd_kafka_event_destroy(event) }
        let error = rd_kafka_event_error(event)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR, let result = rd_kafka_event_ListConsumerGroupOffsets_result(event) else {
            throw BrokerError.unavailable("kafka: \(rd_kafka_event_error_string(event).map { String(cString: $0) } ?? error.text)")
        }
        return try positions(result)
    }

    private static func positions(_ result: OpaquePointer) throws -> [KafkaAssignment.Partition: Int64] {
        var count = 0
        let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count)
        guard let group = UnsafeBufferPointer(start: groups, count: count).first else { return [:] }
        if let error = rd_kafka_group_result_error(group) {
            throw BrokerError.unavailable("kafka: \(rd_kafka_error_string(error).map { String(cString: $0) } ?? "the group is not known")")
        }
        guard let list = UnsafeMutablePointer(mutating: rd_kafka_group_result_partitions(group)) else { return [:] }
        return Dictionary(list.positions.map { (KafkaAssignment.Partition(topic: $0.topic, number: $0.number), $0.offset) }) { first, _ in first }
    }
}

import CKafka
import Logging
import Messaging

/// Makes topics with the administration protocol.
struct KafkaTopicCreation {
    private let configuration: KafkaConfiguration
    private let brokers: Int
    private let logger: Logger

    /// - Parameter brokers: how many the cluster has; a topic cannot have more replicas.
    init(_ configuration: KafkaConfiguration, brokers: Int, logger: Logger) {
        (self.configuration, self.brokers, self.logger) = (configuration, brokers, logger)
    }

    /// The copies of each topic; nil for the cluster's own default.
    var replicas: Int? { configuration.replicationFactor.map { max(1, min($0, brokers)) } }

    /// What a topic is made with. `acks=all` alone means all brokers that keep up, which may be the leader and nobody else; so where there are copies, two brokers must have a
    /// message before it counts as published.
    var properties: [String: String] {
        var properties = ["max.message.bytes": "\(configuration.maximumMessageBytes)"]
        if let replicas { properties["min.insync.replicas"] = "\(min(2, replicas))" }
        return properties.merging(configuration.topicProperties) { $1 }
    }

    /// Makes topics, as far as the brokers can; waits. That another process makes them at the same time is fine. Where the brokers do not know the protocol or do
    /// not answer, nothing is made and a line in the log says so.
    /// - Throws: ``BrokerError/misconfigured(_:)`` when they refuse, or when nothing could ever be published to such topics.
    func create(_ topics: [String], partitions: Int, _ client: KafkaClient) throws {
        try checkReplicas()
        var requests = try topics.map { try request($0, partitions: partitions) }
        defer { rd_kafka_NewTopic_destroy_array(&requests, requests.count) }
        let options = rd_kafka_AdminOptions_new(client.handle, RD_KAFKA_ADMIN_OP_CREATETOPICS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        // Half of what `open` may take: the other half is for topics that the brokers make by themselves.
        let patience = configuration.requestTimeout / 2
        rd_kafka_AdminOptions_set_request_timeout(options, patience.timeout, nil, 0)
        rd_kafka_AdminOptions_set_operation_timeout(options, patience.timeout, nil, 0)
        let answers = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(answers) }
        rd_kafka_CreateTopics(client.handle, &requests, requests.count, options, answers)
        let event = rd_kafka_queue_poll(answers, (patience + .seconds(1)).timeout)
        defer { rd_kafka_event_destroy(event) }
        guard let event, rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR, let result = rd_kafka_event_CreateTopics_result(event) else {
            let reason = event.flatMap { rd_kafka_event_error_string($0) }.map { String(cString: $0) } ?? "no answer"
            logger.warning(
                "kafka: topics could not be made with the administration protocol; the brokers are asked to make them by themselves",
                metadata: ["topics": "\(topics)", "reason": "\(reason)"])
            return
        }
        try check(result)
    }

    private func request(_ topic: String, partitions: Int) throws -> OpaquePointer? {
        var text = [CChar](repeating: 0, count: 512)
        guard let request = rd_kafka_NewTopic_new(topic, Int32(partitions), Int32(replicas ?? -1), &text, text.count) else {
            throw BrokerError.misconfigured("kafka: topic \(topic): \(text.text)")
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) { rd_kafka_NewTopic_set_config(request, name, value) }
        return request
    }

    /// Fewer copies than wished are better than no topic, and worth a line; fewer than must have a message before it counts would refuse every message.
    func checkReplicas() throws(BrokerError) {
        guard let wanted = configuration.replicationFactor, let replicas else { return }
        if let minimum = configuration.topicProperties["min.insync.replicas"].flatMap({ Int($0) }), minimum > replicas {
            throw .misconfigured("kafka: topics would have \(replicas) replicas, as there are \(brokers) brokers, and min.insync.replicas wants \(minimum)")
        }
        if replicas < wanted {
            logger.warning(
                "kafka: topics get fewer replicas than configured", metadata: ["replicas": "\(replicas)", "configured": "\(wanted)", "brokers": "\(brokers)"])
        }
    }

    private func check(_ result: OpaquePointer) throws {
        var count = 0
        let results = rd_kafka_CreateTopics_result_topics(result, &count)
        for result in UnsafeBufferPointer(start: results, count: count) {
            let error = rd_kafka_topic_result_error(result)
            let name = rd_kafka_topic_result_name(result).map { String(cString: $0) } ?? "?"
            switch error {
            case RD_KAFKA_RESP_ERR_NO_ERROR: logger.info("kafka: a topic was made", metadata: ["topic": "\(name)"])
            case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: continue
            case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_CONTROLLER: continue
            default:
                let words = rd_kafka_topic_result_error_string(result).map { String(cString: $0) } ?? error.text
                throw BrokerError.misconfigured("kafka: topic \(name) cannot be made: \(words)")
            }
        }
    }
}

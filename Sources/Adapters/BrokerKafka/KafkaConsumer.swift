import CKafka
import Logging
import Messaging
import Synchronization

/// The library's side of a subscription: one thread that polls for rebalances, reads messages while there is room, and hands positions to the library.
///
/// The library puts what it fetches into a queue of its own, apart from the group's events: so a caller that takes nothing stops the reading, and neither the
/// heartbeat nor a rebalance.
///
/// The library itself commits what it was handed: only it knows when that is allowed. A commit that reaches the coordinator behind the member's own request to join
/// the next generation counts as one of the old generation, and librdkafka 2.0 then believes that all its partitions are lost (its issue 4059, mended in 2.10).
///
/// All state here is touched on the thread only; what the caller sees is in ``KafkaSubscription/state``.
final class KafkaConsumer: KafkaEvents, @unchecked Sendable {
    /// How long the thread sleeps when nobody wakes it.
    private static let pauseMilliseconds: Int32 = 1000
    /// How many messages are read before the caller hears of them.
    private static let batch = 500
    let subscription: KafkaSubscription
    let logger: Logger
    private let configuration: KafkaConfiguration
    private let topics: [String]
    private let statistics: KafkaStatistics
    private var client: KafkaClient?
    /// Where messages come in.
    private var fetched: OpaquePointer?
    private var assignment = KafkaAssignment()
    private var commitsFail = false

    /// - Throws: ``BrokerError/misconfigured(_:)``.
    init(
        _ configuration: KafkaConfiguration, group: String, topics: [String], member: String, logger: Logger, subscription: KafkaSubscription
    ) throws {
        (self.configuration, self.topics, self.subscription) = (configuration, topics, subscription)
        var logger = logger
        logger[metadataKey: "group"] = "\(group)"
        logger[metadataKey: "member"] = "\(member)"
        self.logger = logger
        statistics = KafkaStatistics(client: group)
        client = try KafkaClient(.consumer, configuration.consumer(group: group, member: member), configuration, events: self, logger: logger)
    }

    /// Works until the subscription is closed.
    func run() {
        guard let client else { return }
        // Answers to commits, errors and statistics come into a queue apart; without this nobody would serve it, and the first commit would be the last.
        rd_kafka_poll_set_consumer(client.handle)
        guard let events = rd_kafka_queue_get_consumer(client.handle), let fetched = rd_kafka_queue_new(client.handle) else { return }
        self.fetched = fetched
        let wake = subscription.wake
        for queue in [events, fetched] { rd_kafka_queue_io_event_enable(queue, wake.descriptor, EventDescriptor.one, EventDescriptor.one.count) }
        subscribe(client)
        while !subscription.state.withLock({ $0.isClosed }) {
            serve(client, milliseconds: 0)
            store(subscription.state.withLock { $0.consumer.takeDue() }, client)
            rejoinIfWanted(client)
            if !read(client, from: fetched) { wake.wait(milliseconds: KafkaConsumer.pauseMilliseconds) }
        }
        leave(client)
        for queue in [events, fetched] {
            rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
            rd_kafka_queue_destroy(queue)
        }
        self.client = nil
        client.destroy(leavesGroup: false)
    }

    private func subscribe(_ client: KafkaClient) {
        let list = rd_kafka_topic_partition_list_new(Int32(topics.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for topic in topics { rd_kafka_topic_partition_list_add(list, topic, -1) }
        let error = rd_kafka_subscribe(client.handle, list)
        if error != RD_KAFKA_RESP_ERR_NO_ERROR { tell(.misconfigured("kafka: cannot subscribe: \(error.text)"), forEver: true) }
    }

    /// Serves rebalances, commits' answers and errors, until there are none.
    private func serve(_ client: KafkaClient, milliseconds: Int32) {
        while let message = rd_kafka_consumer_poll(client.handle, milliseconds) {
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR { arrive(client, [message]) } else { failed(message.pointee.err, reason: reason(of: message)) }
            rd_kafka_message_destroy(message)
            if milliseconds > 0 { return }
        }
    }

    private func reason(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> String {
        rd_kafka_message_errstr(message).map { String(cString: $0) } ?? message.pointee.err.text
    }

    // MARK: - Messages

    /// Reads what the library has fetched, as far as there is room.
    /// - Returns: whether there may be more to read at once.
    private func read(_ client: KafkaClient, from queue: OpaquePointer) -> Bool {
        let count = min(KafkaConsumer.batch, subscription.state.withLock { $0.consumer.room() })
        var messages: [UnsafeMutablePointer<rd_kafka_message_t>] = []
        messages.reserveCapacity(count)
        while messages.count < count, let message = rd_kafka_consume_queue(queue, 0) {
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                messages.append(message)
            } else {
                failed(message.pointee.err, reason: reason(of: message))
                rd_kafka_message_destroy(message)
            }
        }
        if messages.isEmpty { return false }
        arrive(client, messages)
        for message in messages { rd_kafka_message_destroy(message) }
        return messages.count == count
    }

    private func arrive(_ client: KafkaClient, _ messages: [UnsafeMutablePointer<rd_kafka_message_t>]) {
        let deliveries = messages.compactMap { assignment.delivery($0, client) }
        subscription.state.withLock { state in
            state.consumer.arrive(deliveries)
            state.knowsOutage = false
        }
        subscription.arrival.give()
    }

    // MARK: - Membership

    func rebalance(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {
        guard let client else { return }
        let concerned = partitions.partitions
        if error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            begin(concerned, client)
            complain(rd_kafka_incremental_assign(client.handle, partitions))
        } else {
            // The library commits what it was handed of these before they go to others, unless they have gone already.
            store(end(concerned), client)
            complain(rd_kafka_incremental_unassign(client.handle, partitions))
        }
        let verb = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "gets" : "gives back"
        logger.info("kafka: a member \(verb) partitions", metadata: ["partitions": "\(concerned.map { "\($0.topic)/\($0.number)" }.sorted())"])
    }

    private func begin(_ partitions: [KafkaAssignment.Partition], _ client: KafkaClient) {
        for partition in partitions {
            let place = assignment.begin(partition)
            // Before the library begins to fetch, so that no message takes the way of the events.
            if let queue = rd_kafka_queue_get_partition(client.handle, partition.topic, partition.number) {
                rd_kafka_queue_forward(queue, fetched)
                rd_kafka_queue_destroy(queue)
            }
            subscription.state.withLock { state in
                state.consumer.begin(place)
                state.knowsOutage = false
            }
        }
    }

    private func end(_ partitions: [KafkaAssignment.Partition]) -> [ConsumerState.Position] {
        let sessions = assignment.end(partitions)
        return subscription.state.withLock { $0.consumer.end(sessions) }
    }

    private func complain(_ error: OpaquePointer?) {
        guard let error else { return }
        logger.error("kafka: a rebalance failed", metadata: ["error": "\(rd_kafka_error_string(error).map { String(cString: $0) } ?? "")"])
        rd_kafka_error_destroy(error)
    }

    /// Leaves the group and joins it again, where the caller wants that.
    private func rejoinIfWanted(_ client: KafkaClient) {
        let farewell = subscription.state.withLock { state in
            defer { state.farewell = nil }
            return state.farewell
        }
        guard let farewell else { return }
        store(farewell, client)
        rd_kafka_unsubscribe(client.handle)
        let deadline = ContinuousClock.now + configuration.sessionTimeout
        while !assignment.isEmpty, ContinuousClock.now < deadline, !subscription.state.withLock({ $0.isClosed }) { serve(client, milliseconds: 50) }
        subscribe(client)
    }

    private func leave(_ client: KafkaClient) {
        if subscription.state.withLock({ $0.isAbandoned }) { return }
        store(end(assignment.partitions), client)
        rd_kafka_consumer_close(client.handle)
    }

    // MARK: - Positions

    /// Hands positions to the library, which commits them soon and before their partitions go to others. What is not with this member any more it refuses.
    private func store(_ positions: [ConsumerState.Position], _ client: KafkaClient) {
        if positions.isEmpty { return }
        let list = positions.list
        defer { rd_kafka_topic_partition_list_destroy(list) }
        rd_kafka_offsets_store(client.handle, list)
    }

    /// What was not committed the library tries again. That is worth one line when it begins, not ten a second.
    func committed(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {
        if error == RD_KAFKA_RESP_ERR__NO_OFFSET { return }
        let hasFailed = error != RD_KAFKA_RESP_ERR_NO_ERROR
        if hasFailed, !commitsFail { logger.notice("kafka: positions are not committed at the moment", metadata: ["error": "\(error.text)"]) }
        commitsFail = hasFailed
    }

    // MARK: - Failures

    func failed(_ error: rd_kafka_resp_err_t, reason: String) {
        switch error {
        case RD_KAFKA_RESP_ERR__FATAL: tell(.misconfigured("kafka: the member is out of its group for good: \(reason)"), forEver: true)
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            tell(.misconfigured("kafka: \(reason)"))
        case RD_KAFKA_RESP_ERR__TRANSPORT where !assignment.isEmpty, RD_KAFKA_RESP_ERR__RESOLVE where !assignment.isEmpty:
            // One broker of several; the library goes to another one, and says so when there is none. Of a member that has just begun it may say nothing more.
            break
        default: tell(.unavailable(reason.isEmpty ? error.text : reason))
        }
    }

    /// Tells the caller of a failure: once, until something comes again, or at every call.
    private func tell(_ error: BrokerError, forEver: Bool = false) {
        subscription.state.withLock { state in
            if forEver { state.end = error }
            if !state.knowsOutage { (state.failure, state.knowsOutage) = (error, true) }
        }
        subscription.arrival.give()
    }

    func delivered(place: Int, error: rd_kafka_resp_err_t) {}
    func statistics(_ json: UnsafeBufferPointer<UInt8>) { statistics.record(json) }
}

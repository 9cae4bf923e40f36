import CKafka
import Logging
import Messaging
import Synchronization

/// The library's side of a subscription: one thread that polls for rebalances, reads messages while there is room, and commits positions.
///
/// The library puts what it fetches into a queue of its own, apart from the group's events: so a caller that takes nothing stops the reading, and neither the
/// heartbeat nor a rebalance. All state here is touched on the thread only; what the caller sees is in ``KafkaSubscription/state``.
final class KafkaConsumer: KafkaEvents, @unchecked Sendable {
    struct Partition: Hashable {
        let topic: String
        let number: Int32
    }
    private struct Handle: Hashable {
        let topic: OpaquePointer
        let number: Int32
    }

    /// Sessions are numbered through all subscriptions of the process, from a moment on that no other process of this place shares.
    private static let lastSession = Atomic<Int64>(0)
    /// How long a commit that somebody waits for may take.
    private static let commitPatience: Duration = .seconds(3)
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
    /// What the library has assigned.
    private var places: [Partition: ConsumerState.Place] = [:]
    /// The same by the library's handles, for speed; made as messages come.
    private var placesByHandle: [Handle: ConsumerState.Place] = [:]
    /// Per session: what is before this was there when the session began, so somebody may have read it.
    private var repeatedBefore: [Int64: Int64] = [:]
    private var nextCommit = ContinuousClock.now
    private var isCommitting = false

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
            rejoinIfWanted(client)
            commitIfDue(client)
            if !read(client, from: fetched) { wake.wait(milliseconds: pause()) }
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
        let deliveries = messages.compactMap { delivery($0, client) }
        subscription.state.withLock { state in
            state.consumer.arrive(deliveries)
            state.knowsOutage = false
        }
        subscription.arrival.give()
    }

    private func delivery(_ message: UnsafeMutablePointer<rd_kafka_message_t>, _ client: KafkaClient) -> BrokerDelivery? {
        guard let place = place(of: message) else { return nil }
        let offset = message.pointee.offset
        let limit = repeatedBefore[place.session] ?? KafkaConsumer.end(of: place, client)
        repeatedBefore[place.session] = limit
        return BrokerDelivery(
            message: KafkaMessage.read(message, topic: place.topic), partition: place.name, session: place.session, position: offset,
            mayBeRepeated: offset < limit)
    }

    private func place(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> ConsumerState.Place? {
        guard let topic = message.pointee.rkt else { return nil }
        let handle = Handle(topic: topic, number: message.pointee.partition)
        if let place = placesByHandle[handle] { return place }
        guard let name = rd_kafka_topic_name(topic) else { return nil }
        let place = places[Partition(topic: String(cString: name), number: handle.number)]
        placesByHandle[handle] = place
        return place
    }

    /// The end of a partition as of the latest fetch: at the first message of a session, nothing behind it can have been delivered to the member before.
    private static func end(of place: ConsumerState.Place, _ client: KafkaClient) -> Int64 {
        var (low, high): (Int64, Int64) = (-1, -1)
        let error = rd_kafka_get_watermark_offsets(client.handle, place.topic, place.number, &low, &high)
        return error == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : .max
    }

    // MARK: - Membership

    func rebalance(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {
        guard let client else { return }
        placesByHandle = [:]
        let concerned = partitions.partitions
        if error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            begin(concerned, client)
            complain(rd_kafka_incremental_assign(client.handle, partitions))
        } else {
            let isLost = rd_kafka_assignment_lost(client.handle) != 0
            let due = end(concerned)
            if !isLost { commitAndWait(client, due) }
            complain(rd_kafka_incremental_unassign(client.handle, partitions))
        }
        let verb = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "gets" : "gives back"
        logger.info("kafka: a member \(verb) partitions", metadata: ["partitions": "\(concerned.map { "\($0.topic)/\($0.number)" }.sorted())"])
    }

    private func begin(_ partitions: [Partition], _ client: KafkaClient) {
        for partition in partitions {
            let session = KafkaConsumer.lastSession.add(1, ordering: .relaxed).newValue
            let place = ConsumerState.Place(topic: partition.topic, number: partition.number, session: session)
            places[partition] = place
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

    private func end(_ partitions: [Partition]) -> [ConsumerState.Position] {
        let sessions = partitions.compactMap { places.removeValue(forKey: $0)?.session }
        for session in sessions { repeatedBefore[session] = nil }
        return subscription.state.withLock { state in
            defer { state.farewell = [] }
            return state.consumer.end(sessions) + state.farewell
        }
    }

    private func complain(_ error: OpaquePointer?) {
        guard let error else { return }
        logger.error("kafka: a rebalance failed", metadata: ["error": "\(rd_kafka_error_string(error).map { String(cString: $0) } ?? "")"])
        rd_kafka_error_destroy(error)
    }

    /// Leaves the group and joins it again, where the caller wants that.
    private func rejoinIfWanted(_ client: KafkaClient) {
        let wanted = subscription.state.withLock { state in
            defer { state.rejoins = false }
            return state.rejoins
        }
        guard wanted else { return }
        rd_kafka_unsubscribe(client.handle)
        let deadline = ContinuousClock.now + configuration.sessionTimeout
        while !places.isEmpty, ContinuousClock.now < deadline, !subscription.state.withLock({ $0.isClosed }) { serve(client, milliseconds: 50) }
        subscribe(client)
    }

    private func leave(_ client: KafkaClient) {
        if subscription.state.withLock({ $0.isAbandoned }) { return }
        commitAndWait(client, end(Array(places.keys)))
        rd_kafka_consumer_close(client.handle)
    }

    // MARK: - Positions

    /// How long the thread may sleep: until the next commit, if there is something to commit.
    private func pause() -> Int32 {
        if isCommitting || subscription.state.withLock({ $0.consumer.due.isEmpty }) { return 1000 }
        if client?.isJoining == true { return 50 }
        return (nextCommit - ContinuousClock.now).timeout
    }

    private func commitIfDue(_ client: KafkaClient) {
        let now = ContinuousClock.now
        guard !isCommitting, now >= nextCommit, !client.isJoining else { return }
        let due = subscription.state.withLock { $0.consumer.due }
        if due.isEmpty { return }
        nextCommit = now + configuration.commitInterval
        let list = due.list
        defer { rd_kafka_topic_partition_list_destroy(list) }
        isCommitting = rd_kafka_commit(client.handle, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// What was not committed is tried again, unless its partition is gone.
    func committed(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {
        isCommitting = false
        let confirmed = error == RD_KAFKA_RESP_ERR_NO_ERROR ? partitions?.positions ?? [] : []
        subscription.state.withLock { $0.consumer.committed(confirmed) }
        if error == RD_KAFKA_RESP_ERR_NO_ERROR { return }
        nextCommit = ContinuousClock.now + max(configuration.commitInterval, .milliseconds(500))
        logger.notice("kafka: positions were not committed", metadata: ["error": "\(error.text)"])
    }

    /// Commits before partitions go to others, so that they need not repeat what was done; not for ever.
    private func commitAndWait(_ client: KafkaClient, _ positions: [ConsumerState.Position]) {
        guard !positions.isEmpty, let answers = rd_kafka_queue_new(client.handle) else { return }
        let list = positions.list
        defer {
            rd_kafka_topic_partition_list_destroy(list)
            rd_kafka_queue_destroy(answers)
        }
        guard rd_kafka_commit_queue(client.handle, list, answers, nil, nil) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        let answer = rd_kafka_queue_poll(answers, KafkaConsumer.commitPatience.timeout)
        let error = answer.map { rd_kafka_event_error($0) } ?? RD_KAFKA_RESP_ERR__TIMED_OUT
        if let answer { rd_kafka_event_destroy(answer) }
        if error != RD_KAFKA_RESP_ERR_NO_ERROR { logger.notice("kafka: positions were not committed", metadata: ["error": "\(error.text)"]) }
    }

    // MARK: - Failures

    func failed(_ error: rd_kafka_resp_err_t, reason: String) {
        switch error {
        case RD_KAFKA_RESP_ERR__FATAL: tell(.misconfigured("kafka: the member is out of its group for good: \(reason)"), forEver: true)
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            tell(.misconfigured("kafka: \(reason)"))
        case RD_KAFKA_RESP_ERR__TRANSPORT where !places.isEmpty, RD_KAFKA_RESP_ERR__RESOLVE where !places.isEmpty:
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

extension [ConsumerState.Position] {
    /// The positions as the library wants them; the caller destroys the list.
    var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>? {
        let list = rd_kafka_topic_partition_list_new(Int32(count))
        for position in self { rd_kafka_topic_partition_list_add(list, position.topic, position.number)?.pointee.offset = position.offset }
        return list
    }
}

extension UnsafeMutablePointer<rd_kafka_topic_partition_list_t> {
    private var elements: UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> { .init(start: pointee.elems, count: Int(pointee.cnt)) }
    /// The partitions in the list.
    var partitions: [KafkaConsumer.Partition] { elements.map { .init(topic: String(cString: $0.topic), number: $0.partition) } }
    /// The positions in the list that are not in error.
    var positions: [ConsumerState.Position] {
        elements.filter { $0.err == RD_KAFKA_RESP_ERR_NO_ERROR }.map { .init(topic: String(cString: $0.topic), number: $0.partition, offset: $0.offset) }
    }
}

import CKafka
import Messaging
import Synchronization

/// The partitions that the library has assigned to a member, each with the session in which it is there, and the way from what the library reads of them to deliveries.
/// Used on the member's thread only.
struct KafkaAssignment {
    struct Partition: Hashable {
        let topic: String
        let number: Int32
    }
    private struct Handle: Hashable {
        let topic: OpaquePointer
        let number: Int32
    }

    /// Sessions are numbered through all subscriptions of the process.
    private static let lastSession = Atomic<Int64>(0)
    private var places: [Partition: ConsumerState.Place] = [:]
    /// The same by the library's handles, for speed; made as messages come.
    private var placesByHandle: [Handle: ConsumerState.Place] = [:]
    /// Per session: what is before this was there when the session began, so somebody may have read it.
    private var repeatedBefore: [Int64: Int64] = [:]

    var isEmpty: Bool { places.isEmpty }
    var partitions: [Partition] { Array(places.keys) }

    /// Begins a session of a partition.
    mutating func begin(_ partition: Partition) -> ConsumerState.Place {
        placesByHandle = [:]
        let session = KafkaAssignment.lastSession.add(1, ordering: .relaxed).newValue
        let place = ConsumerState.Place(topic: partition.topic, number: partition.number, session: session)
        places[partition] = place
        return place
    }

    /// Ends the sessions of partitions.
    /// - Returns: their numbers.
    mutating func end(_ partitions: [Partition]) -> [Int64] {
        placesByHandle = [:]
        let sessions = partitions.compactMap { places.removeValue(forKey: $0)?.session }
        for session in sessions { repeatedBefore[session] = nil }
        return sessions
    }

    /// Makes a delivery of a message; nil where its partition is not with this member.
    mutating func delivery(_ message: UnsafeMutablePointer<rd_kafka_message_t>, _ client: KafkaClient) -> BrokerDelivery? {
        guard let place = place(of: message) else { return nil }
        let offset = message.pointee.offset
        let limit = repeatedBefore[place.session] ?? KafkaAssignment.end(of: place, client)
        repeatedBefore[place.session] = limit
        return BrokerDelivery(
            message: KafkaMessage.read(message, topic: place.topic), partition: place.name, session: place.session, position: offset,
            mayBeRepeated: offset < limit)
    }

    private mutating func place(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> ConsumerState.Place? {
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
    var partitions: [KafkaAssignment.Partition] { elements.map { .init(topic: String(cString: $0.topic), number: $0.partition) } }
    /// The positions in the list that are not in error.
    var positions: [ConsumerState.Position] {
        elements.filter { $0.err == RD_KAFKA_RESP_ERR_NO_ERROR }.map { .init(topic: String(cString: $0.topic), number: $0.partition, offset: $0.offset) }
    }
}

import CKafka
import Messaging
import Wire

/// How a message of the port looks on Kafka: the key as the UUID's text, so that every other client finds the same partition and can read it; headers as in the
/// CloudEvents Kafka binding, binary mode, where attributes are named `ce_...` and the content type and the trace are not.
enum KafkaMessage {
    private static let prefix: StaticString = "ce_"

    private static func isPlain(_ name: String) -> Bool { name == "content-type" || name == "traceparent" || name == "tracestate" }

    /// How much of the brokers' limit a message takes, at most: varints, the batch's header and the record's take the rest.
    static func size(of message: BrokerMessage) -> Int {
        message.headers.reduce(message.body.count + 36 + 512) { $0 + $1.name.utf8.count + $1.value.utf8.count + 16 }
    }

    /// Hands a message to the library, which copies it.
    /// - Parameter place: comes back with the delivery report.
    static func produce(_ message: BrokerMessage, to topic: OpaquePointer, of producer: OpaquePointer, place: Int) -> rd_kafka_resp_err_t {
        guard let headers = rd_kafka_headers_new(message.headers.count) else { return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE }
        for header in message.headers { add(header, to: headers) }
        var key = message.key.description
        let error = key.withUTF8 { key in
            message.body.withUnsafeBytes { body in
                waybill_kafka_produce(
                    producer, topic, key.baseAddress, key.count, body.baseAddress, body.count, headers, UnsafeMutableRawPointer(bitPattern: place))
            }
        }
        if error != RD_KAFKA_RESP_ERR_NO_ERROR { rd_kafka_headers_destroy(headers) }
        return error
    }

    private static func add(_ header: BrokerMessage.Header, to headers: OpaquePointer) {
        var (name, value) = (header.name, header.value)
        let prefixLength = isPlain(name) ? 0 : prefix.utf8CodeUnitCount
        name.withUTF8 { name in
            value.withUTF8 { value in
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: prefixLength + name.count + 1) { buffer in
                    for index in 0..<prefixLength { buffer[index] = CChar(bitPattern: prefix.utf8Start[index]) }
                    for index in name.indices { buffer[prefixLength + index] = CChar(bitPattern: name[index]) }
                    _ = rd_kafka_header_add(headers, buffer.baseAddress, prefixLength + name.count, value.baseAddress ?? prefix.utf8Start, value.count)
                }
            }
        }
    }

    /// Reads a message that arrived.
    /// - Parameter topic: its topic's name, which the caller has at hand.
    static func read(_ pointer: UnsafePointer<rd_kafka_message_t>, topic: String) -> BrokerMessage {
        let message = pointer.pointee
        let body = [UInt8](UnsafeRawBufferPointer(start: message.payload, count: message.payload == nil ? 0 : message.len))
        let key = UnsafeRawBufferPointer(start: message.key, count: message.key == nil ? 0 : message.key_len)
        return BrokerMessage(topic: topic, key: identifier(key), headers: headers(of: pointer), body: body)
    }

    /// The key as an identifier. Another producer's key that is none becomes one that is the same every time, so that its messages stay together; what the body is
    /// good for, its reader decides.
    static func identifier(_ key: UnsafeRawBufferPointer) -> Identifier {
        if key.count == 36, let id = Identifier(String(decoding: key, as: UTF8.self)) { return id }
        if let id = Identifier(bytes: key) { return id }
        var (high, low): (UInt64, UInt64) = (0xcbf2_9ce4_8422_2325, 0x8422_2325_cbf2_9ce4)
        for byte in key { (high, low) = ((high ^ UInt64(byte)) &* 0x100_0000_01b3, (low &+ high) ^ UInt64(byte)) }
        return Identifier(high: high, low: low)
    }

    private static func headers(of message: UnsafePointer<rd_kafka_message_t>) -> [BrokerMessage.Header] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        var headers: [BrokerMessage.Header] = []
        headers.reserveCapacity(rd_kafka_header_cnt(list))
        var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
        while rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let found = name {
            let text = value.map { String(decoding: UnsafeRawBufferPointer(start: $0, count: size), as: UTF8.self) } ?? ""
            let isAttribute = found[0] == 99 && found[1] == 101 && found[2] == 95
            headers.append(.init(String(cString: isAttribute ? found + 3 : found), text))
        }
        return headers
    }
}

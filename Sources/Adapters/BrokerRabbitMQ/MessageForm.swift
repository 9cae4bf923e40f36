import CRabbitMQ
import Messaging
import Wire

/// How an event looks as an AMQP 0-9-1 message: CloudEvents' AMQP binding in binary mode.
///
/// Attributes are headers `cloudEvents:name` with text values; `content-type`, and what AMQP has properties of its own for (message id, type, timestamp), are there
/// as well, so that any client and any tool can read them. `traceparent` and `tracestate` have no prefix, as the W3C's AMQP draft has it. The key is the header
/// `waybill-key`.
enum MessageForm {
    private static let prefix = "cloudEvents:"
    private static let keyName = "waybill-key"
    private static let contentType = "content-type"
    /// The longest short string of AMQP, in bytes.
    private static let shortBytes = 255
    /// The most bytes of headers: all must fit into one frame of 128 KiB, with room for the rest.
    private static let headerBytes = 96 * 1024

    /// Why a message can never be sent; nil when it can.
    static func objection(to message: BrokerMessage, maximumBytes: Int) -> String? {
        if message.body.count > maximumBytes { return "its body has \(message.body.count) bytes, more than \(maximumBytes)" }
        var total = 0
        for header in message.headers {
            if header.name.utf8.count > shortBytes - prefix.utf8.count { return "a header's name is longer than \(shortBytes - prefix.utf8.count) bytes" }
            total += header.name.utf8.count + header.value.utf8.count + prefix.utf8.count + 8
        }
        return total > headerBytes ? "its headers have \(total) bytes, more than \(headerBytes)" : nil
    }

    /// The properties of a message; what they point to lives in the arena.
    static func properties(of message: BrokerMessage, in arena: AMQPArena) -> amqp_basic_properties_t {
        var properties = amqp_basic_properties_t()
        var flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG
        properties.delivery_mode = UInt8(AMQP_DELIVERY_PERSISTENT.rawValue)
        func short(_ value: String, _ flag: Int32) -> amqp_bytes_t? {
            guard value.utf8.count <= shortBytes else { return nil }
            flags |= flag
            return arena.bytes(value)
        }
        var isTyped = false
        for header in message.headers {
            switch header.name {
            case "id": short(header.value, AMQP_BASIC_MESSAGE_ID_FLAG).map { properties.message_id = $0 }
            case "type": short(header.value, AMQP_BASIC_TYPE_FLAG).map { properties.type = $0 }
            case contentType:
                if let value = short(header.value, AMQP_BASIC_CONTENT_TYPE_FLAG) { (properties.content_type, isTyped) = (value, true) }
            case "time":
                guard let time = Timestamp(header.value), time.milliseconds >= 0 else { continue }
                properties.timestamp = UInt64(time.milliseconds / 1000)
                flags |= AMQP_BASIC_TIMESTAMP_FLAG
            default: break
            }
        }
        let headers = isTyped ? message.headers.filter { $0.name != contentType } : message.headers
        properties.headers = arena.table(count: headers.count + 1) { index in
            if index == headers.count { return arena.entry(arena.bytes(keyName), .text(message.key.description)) }
            let header = headers[index]
            let isTrace = header.name == "traceparent" || header.name == "tracestate"
            return arena.entry(arena.bytes(isTrace ? "" : prefix, header.name), .text(header.value))
        }
        properties._flags = amqp_flags_t(bitPattern: flags)
        return properties
    }

    /// The attribute's name in a header's; nil for a header that is none. An underscore is CloudEvents' other spelling, which everybody must read as well.
    private static func attribute(_ name: UnsafeRawBufferPointer) -> String? {
        let word = prefix.utf8.count - 1
        guard name.count > word, name.prefix(word).elementsEqual(prefix.utf8.prefix(word)), name[word] == 58 || name[word] == 95 else { return nil }
        return String(decoding: name.dropFirst(word + 1), as: UTF8.self)
    }

    /// Reads properties back. What another client sent, without a key of ours, has the key of all zeros: it is delivered, and whoever reads it decides.
    static func read(_ properties: amqp_basic_properties_t) -> (key: Identifier, headers: [BrokerMessage.Header], returns: Int64) {
        var key = Identifier(high: 0, low: 0)
        var headers: [BrokerMessage.Header] = []
        var returns: Int64 = 0
        if properties.has(AMQP_BASIC_HEADERS_FLAG) {
            headers.reserveCapacity(Int(properties.headers.num_entries) + 1)
            properties.headers.visit { entry in
                if let name = attribute(entry.key.buffer) {
                    if let value = entry.value.text { headers.append(.init(name, value)) }
                    return
                }
                let name = entry.key.text
                if name == keyName {
                    key = entry.value.text.flatMap { Identifier($0) } ?? key
                } else if name == "x-delivery-count" {
                    returns = entry.value.integer ?? 0
                } else if !name.hasPrefix("x-"), let value = entry.value.text {
                    headers.append(.init(name, value))
                }
            }
        }
        if properties.has(AMQP_BASIC_CONTENT_TYPE_FLAG) { headers.append(.init(contentType, properties.content_type.text)) }
        return (key, headers, returns)
    }
}

extension amqp_basic_properties_t {
    func has(_ flag: Int32) -> Bool { _flags & amqp_flags_t(bitPattern: flag) != 0 }
}

import Messaging
import Wire

/// Several events of one partition in one AMQP message: a JSON array of CloudEvents in structured form (CloudEvents' JSON batch format).
///
/// RabbitMQ's work is per message and per queue that it goes to: every copy is routed, written, confirmed, delivered and acknowledged by itself. An order's six events go to some two dozen
/// queues, so what shares a message shares all of that. An event's bytes stay as they are: they are an element's `data`.
enum EventBundle {
    /// The content type by which a bundle is told from an event.
    static let contentType = "application/cloudevents-batch+json"
    private static let eventType = "application/json"
    /// The key where the subject does not tell it.
    private static let keyName = "waybillkey"
    private static let dataType = "datacontenttype"
    private static let contentTypeName = "content-type"
    private static let needed: Set<String> = ["specversion", "id", "source", "type"]
    private static let taken: Set<String> = ["data", dataType, keyName]

    /// Where messages stay in order.
    private struct Lane: Hashable {
        let topic: String
        let partition: Int
    }

    /// A message on its way, or several that become one.
    private struct Parcel {
        var messages: [BrokerMessage]
        var bytes: Int
    }

    // MARK: Packing

    /// Puts neighbours of one partition together; those of a partition stay in their order. What is no event in JSON, a dead letter, and what finds no companion, goes by itself.
    /// - Parameters:
    ///   - events: the most in a bundle; 1 leaves everything as it is.
    ///   - bytes: the most that their bodies have together.
    static func pack(_ messages: [BrokerMessage], partitions: Int, events: Int, bytes: Int) -> [BrokerMessage] {
        if events < 2 || messages.count < 2 { return messages }
        var parcels: [Parcel] = []
        var open: [Lane: Int] = [:]
        for message in messages {
            let lane = Lane(topic: message.topic, partition: Partitioner.partition(of: message.key, of: partitions))
            guard message.body.count <= bytes, isSuitable(message) else {
                open[lane] = nil
                parcels.append(Parcel(messages: [message], bytes: message.body.count))
                continue
            }
            if let index = open[lane], parcels[index].messages.count < events, parcels[index].bytes + message.body.count <= bytes {
                parcels[index].messages.append(message)
                parcels[index].bytes += message.body.count
            } else {
                open[lane] = parcels.count
                parcels.append(Parcel(messages: [message], bytes: message.body.count))
            }
        }
        return parcels.compactMap { $0.messages.count == 1 ? $0.messages.first : bundle($0) }
    }

    /// Whether it can be an element: a CloudEvent whose attributes are members like any other, and whose body is one JSON value and nothing else.
    private static func isSuitable(_ message: BrokerMessage) -> Bool {
        if message.topic.hasSuffix(QueueLayout.deadLetterSuffix) { return false }
        var names: Set<String> = []
        for header in message.headers {
            guard names.insert(header.name).inserted else { return false }
            if header.name == contentTypeName {
                guard header.value == eventType else { return false }
            } else {
                guard !header.name.isEmpty, header.name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) }) else { return false }
            }
        }
        guard names.contains(contentTypeName), names.isSuperset(of: needed), names.isDisjoint(with: taken) else { return false }
        return message.body.withUnsafeBufferPointer { BundleReader.isOneValue($0) }
    }

    private static func bundle(_ parcel: Parcel) -> BrokerMessage? {
        guard let first = parcel.messages.first else { return nil }
        var json = JSONWriter(capacity: parcel.bytes + parcel.messages.count * 384)
        json.array(parcel.messages) { json, message in
            json.object { json in
                for header in message.headers {
                    json.key(escaping: header.name == contentTypeName ? dataType : header.name)
                    json.string(header.value)
                }
                let key = message.key.description
                if message.header("subject") != key {
                    json.key(escaping: keyName)
                    json.string(key)
                }
                json.key("data")
                json.raw(message.body)
            }
        }
        return BrokerMessage(topic: first.topic, key: first.key, headers: [.init(contentTypeName, contentType)], body: json.bytes)
    }

    // MARK: Unpacking

    /// The events of a bundle, in order; nil for what is none, or cannot be read as one: it is delivered as it came, and whoever gets it decides.
    static func unpack(_ message: ArrivedMessage) -> [ArrivedMessage]? {
        guard message.headers.contains(where: { $0.name == contentTypeName && $0.value == contentType }) else { return nil }
        let elements = message.body.withUnsafeBufferPointer { bytes in
            var reader = BundleReader(bytes)
            return reader.elements(atMost: BundlePosition.parts)
        }
        guard let elements, !elements.isEmpty else { return nil }
        return elements.map(event)
    }

    private static func event(_ element: BundleReader.Element) -> ArrivedMessage {
        var headers: [BrokerMessage.Header] = []
        headers.reserveCapacity(element.attributes.count)
        var (subject, key): (String?, String?) = (nil, nil)
        for (name, value) in element.attributes {
            switch name {
            case keyName: key = value
            case dataType: headers.append(.init(contentTypeName, value))
            default:
                if name == "subject" { subject = value }
                headers.append(.init(name, value))
            }
        }
        // As for a message of another program: without a key it has the key of all zeros.
        let identifier = (key ?? subject).flatMap { Identifier($0) } ?? Identifier(high: 0, low: 0)
        return ArrivedMessage(key: identifier, headers: headers, body: element.data)
    }
}

/// What a delivery is acknowledged by: its message's tag, and which of the message's events it is.
enum BundlePosition {
    private static let bits: UInt64 = 10
    /// The most events of a message.
    static let parts = 1 << 10

    /// A number that grows with both. Tags of a channel count up from 1 and stay far below what has no room here.
    static func make(_ tag: UInt64, part: Int) -> Int64 { Int64(truncatingIfNeeded: (tag << bits) & (.max >> 1)) | Int64(truncatingIfNeeded: part) }

    static func tag(_ position: Int64) -> UInt64 { UInt64(clamping: position) >> bits }
}

import Wire

/// Events as messages: CloudEvents 1.0 in binary mode, with the trace context that the correlation gives.
enum CloudEvents {
    /// - Parameters:
    ///   - topic: where it is published.
    ///   - extensions: attributes beyond those of every event.
    static func message(_ head: EnvelopeHead, key: Identifier, topic: String, body: [UInt8], extensions: [BrokerMessage.Header] = []) -> BrokerMessage {
        let headers: [BrokerMessage.Header] = [
            .init("specversion", "1.0"), .init("id", head.id.description), .init("source", "/waybill/\(head.source)"), .init("type", head.type),
            .init("subject", key.description), .init("time", head.time.description), .init("content-type", "application/json"),
            .init("traceparent", traceParent(head)),
        ]
        return BrokerMessage(topic: topic, key: key, headers: extensions.isEmpty ? headers : headers + extensions, body: body)
    }

    /// A message whose body is no event that anybody could read. It says what is known, and does not call JSON what is none.
    static func message(unreadable body: [UInt8], type: String, key: Identifier, topic: String, extensions: [BrokerMessage.Header] = []) -> BrokerMessage {
        let isJSON = (try? JSONParser.parse(body)) != nil
        let headers: [BrokerMessage.Header] = [.init("type", type), .init("content-type", isJSON ? "application/json" : "application/octet-stream")]
        return BrokerMessage(topic: topic, key: key, headers: headers + extensions, body: body)
    }

    /// W3C Trace Context: what one request set in motion is one trace, and every event a span of it.
    private static func traceParent(_ head: EnvelopeHead) -> String {
        "00-\(head.correlationID.digits)-\(head.id.digits.suffix(16))-01"
    }
}

import Wire

/// Events as messages: CloudEvents 1.0 in binary mode, with the trace context that the correlation gives.
enum CloudEvents {
    /// - Parameters:
    ///   - topic: where it is published.
    ///   - reason: why it is a dead letter, for one that is.
    static func message(_ head: EnvelopeHead, key: Identifier, topic: String, body: [UInt8], deadBecause reason: String? = nil) -> BrokerMessage {
        var headers: [BrokerMessage.Header] = [
            .init("specversion", "1.0"), .init("id", head.id.description), .init("source", "/waybill/\(head.source)"), .init("type", head.type),
            .init("subject", key.description), .init("time", head.time.description), .init("content-type", "application/json"),
            .init("traceparent", traceParent(head)),
        ]
        if let reason { headers.append(.init("deadletterreason", reason)) }
        return BrokerMessage(topic: topic, key: key, headers: headers, body: body)
    }

    /// W3C Trace Context: what one request set in motion is one trace, and every event a span of it.
    private static func traceParent(_ head: EnvelopeHead) -> String {
        let trace = head.correlationID.description.filter { $0 != "-" }
        let span = head.id.description.filter { $0 != "-" }.suffix(16)
        return "00-\(trace)-\(span)-01"
    }
}

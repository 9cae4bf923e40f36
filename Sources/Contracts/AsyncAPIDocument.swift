import Wire

/// The events as an AsyncAPI 3.0 document, made of the catalogue and the choreography: a channel per topic, a message per type, and what each service sends and hears.
public enum AsyncAPIDocument {
    /// The document.
    public static var json: JSONValue {
        .object([
            ("asyncapi", .string("3.0.0")),
            (
                "info",
                .object([
                    ("title", .string("Waybill's events")), ("version", .string("1.0.0")), ("description", .string(introduction)),
                    ("license", .object([("name", .string("Apache 2.0")), ("url", .string("https://www.apache.org/licenses/LICENSE-2.0"))])),
                ])
            ),
            ("defaultContentType", .string("application/json")),
            ("channels", .object(topics.map { ($0, channel($0)) })),
            ("operations", .object(Choreography.Participant.allCases.flatMap(operations))),
            (
                "components",
                .object([
                    ("messages", .object(EventCatalog.types.map { ($0.type, message($0)) })),
                    ("messageTraits", .object([("cloudEvent", .object([("headers", headers)]))])),
                ])
            ),
        ])
    }

    private static let introduction = """
        Every event is one message with the order's (or product's) id as its key, so that the events of one order stay in order. Delivery is at least once: consumers tell
        repetitions by `eventId`. Headers are the attributes of CloudEvents 1.0 in binary mode. Where everything runs in one process the channels are tables; with Kafka they
        are topics of these names, with RabbitMQ exchanges. What could not be applied lies on `{topic}.DLQ`.
        """

    /// The topics, in the order of an order's life.
    private static var topics: [String] {
        var seen: Set<String> = []
        return EventCatalog.types.map { $0.topic }.filter { seen.insert($0).inserted }
    }

    private static func types(on topic: String) -> [any Event.Type] { EventCatalog.types.filter { $0.topic == topic } }

    private static func reference(_ path: String) -> JSONValue { .object([("$ref", .string("#/\(path)"))]) }

    private static func channel(_ topic: String) -> JSONValue {
        let messages = types(on: topic).map { ($0.type, reference("components/messages/\($0.type)")) }
        return .object([
            ("address", .string(topic)), ("title", .string("Events on \(topic)")), ("messages", .object(messages)),
        ])
    }

    private static func message(_ type: any Event.Type) -> JSONValue {
        let schema = EventSchema.versions(of: type).last?.document.members.filter { $0.key != "$schema" && $0.key != "$id" } ?? []
        let key = JSONValue.object([("type", .string("string")), ("format", .string("uuid")), ("description", .string("`\(type.keyName)`"))])
        return .object([
            ("name", .string(type.type)), ("title", .string(type.type)), ("summary", .string(type.shape.description)),
            ("contentType", .string("application/json")), ("traits", .array([reference("components/messageTraits/cloudEvent")])),
            ("payload", .object(JSONObject(members: schema))),
            ("bindings", .object([("kafka", .object([("key", key), ("bindingVersion", .string("0.5.0"))]))])),
        ])
    }

    private static var headers: JSONValue {
        let names = ["specversion", "id", "source", "type", "subject", "time", "content-type", "traceparent"]
        let text = JSONValue.object([("type", .string("string"))])
        return .object([("type", .string("object")), ("properties", .object(names.map { ($0, text) }))])
    }

    /// What a service sends and hears, one operation per topic.
    private static func operations(of service: Choreography.Participant) -> [(String, JSONValue)] {
        let sent = Set(Choreography.steps.filter { $0.producer == service }.map { $0.event.type })
        let heard = Choreography.subscriptions(of: service)
        return topics.flatMap { topic -> [(String, JSONValue)] in
            let types = types(on: topic).map { $0.type }
            return [("send", types.filter(sent.contains)), ("receive", types.filter { heard?.contains($0) ?? true })].compactMap { action, types in
                guard !types.isEmpty else { return nil }
                return ("\(service.rawValue).\(action).\(topic)", operation(service, action, topic, types))
            }
        }
    }

    private static func operation(_ service: Choreography.Participant, _ action: String, _ topic: String, _ types: [String]) -> JSONValue {
        let reactions = Choreography.steps.filter { types.contains($0.event.type) }.flatMap { step in
            step.reactions.filter { action == "receive" && $0.service == service }.map { "\(step.event.type): \($0.action)." }
        }
        let about = action == "send" ? "What \(service.rawValue) says on \(topic)." : "What \(service.rawValue) hears on \(topic)."
        return .object([
            ("action", .string(action)), ("channel", reference("channels/\(topic)")), ("summary", .string(about)),
            ("description", .string(reactions.isEmpty ? about : reactions.joined(separator: " "))),
            ("tags", .array([.object([("name", .string(service.rawValue))])])),
            ("messages", .array(types.map { reference("channels/\(topic)/messages/\($0)") })),
        ])
    }
}

extension JSONValue {
    /// An object of keys that differ.
    fileprivate static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members: members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

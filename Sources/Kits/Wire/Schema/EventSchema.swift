/// The JSON Schema (draft 2020-12) of one version of an event: its whole body, the envelope's members included.
///
/// It allows members that it does not name, as readers do.
public struct EventSchema: Sendable {
    /// Where the schemas are at home; `$id` is below it.
    public static let base = "https://waybill.dev/schemas/"

    /// The event's name on the wire.
    public let type: String
    public let version: Int
    /// The topic it is published on; nil for a schema that was read from a file.
    public let topic: String?
    /// The schema itself.
    public let document: JSONObject

    /// `OrderCreated.v1.json`.
    public var fileName: String { "\(type).v\(version).json" }

    /// A schema that was written before.
    /// - Throws: ``JSONMismatch`` for a document that is not the schema of an event.
    public init(_ document: JSONObject) throws {
        func constant(_ name: String) -> JSONValue? { document["properties"]?[name]?["const"] }
        guard let type = constant("type")?.string else { throw JSONMismatch(key: "/properties/type/const", expected: "the name of an event") }
        guard let version = constant("schemaVersion")?.integer.flatMap({ Int(exactly: $0) }), version > 0 else {
            throw JSONMismatch(key: "/properties/schemaVersion/const", expected: "a version from 1")
        }
        (self.type, self.version, self.document, topic) = (type, version, document, nil)
    }

    /// All versions of all types, in their order, the newest of a type last.
    public static func all(of types: [any Event.Type]) -> [EventSchema] { types.flatMap { versions(of: $0) } }

    /// All versions of a type, the newest last.
    public static func versions(of type: any Event.Type) -> [EventSchema] {
        type.upcasters.sorted { $0.from < $1.from }.map { EventSchema(type, version: $0.from, readableFrom: $0.readableFrom, shape: $0.shape) }
            + [EventSchema(type, version: type.schemaVersion, readableFrom: type.readableFrom, shape: type.shape)]
    }

    private init(_ type: any Event.Type, version: Int, readableFrom: Int, shape: EventShape) {
        self.init(
            type: type.type, topic: type.topic, keyName: type.keyName.description, version: version, readableFrom: readableFrom, shape: shape)
    }

    init(type: String, topic: String, keyName: String, version: Int, readableFrom: Int, shape: EventShape) {
        (self.type, self.version, self.topic) = (type, version, topic)
        let envelope: [(EventMember, JSONValue?)] = [
            (.required("eventId", .identifier, "The event's identity; consumers deduplicate by it."), nil),
            (.required("type", .text, "The event's name."), .string(type)),
            (.required("schemaVersion", .integer, "The version of this schema."), .number(String(version))),
            (.required("readableFrom", .integer, "The oldest version whose readers understand this one."), .number(String(readableFrom))),
            (.required("source", .text, "The service that said it."), nil),
            (.required(keyName, .identifier, "What events are ordered by."), nil),
            (.required("timestamp", .timestamp, "When the producer decided it."), nil),
            (.required("correlationId", .identifier, "The same for everything that one request set in motion."), nil),
            (.optional("causationId", .identifier, "The event that caused this one; not at the start of a chain."), nil),
            (.optional("version", .integer(atLeast: 1), "The order's version after the change, for events that change its status."), nil),
        ]
        let own: [(EventMember, JSONValue?)] = shape.members.map { ($0, nil) }
        let members = envelope.filter { $0.0.name != "readableFrom" || readableFrom < version } + own
        document = JSONObject([
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("$id", .string("\(EventSchema.base)\(type).v\(version).json")),
            ("title", .string(type)), ("description", .string(shape.description)), ("type", .string("object")),
            ("properties", .object(JSONObject(members.map { ($0.name, EventSchema.document($0, constant: $1)) }))),
            ("required", .array(members.filter(\.0.isRequired).map { .string($0.0.name) })),
        ])
    }

    private static func document(_ member: EventMember, constant: JSONValue?) -> JSONValue {
        let type = constant.map { [("type", keywords(member.form)[0].1), ("const", $0)] } ?? keywords(member.form)
        return .object(JSONObject([("description", .string(member.description))] + type))
    }

    /// The keywords of a form, `type` first.
    private static func keywords(_ form: MemberForm) -> [(String, JSONValue)] {
        switch form {
        case .boolean: [("type", .string("boolean"))]
        case .integer(let range):
            [("type", .string("integer")), ("format", .string("int64"))]
                + (range.lowerBound == .min ? [] : [("minimum", .number(String(range.lowerBound)))])
                + (range.upperBound == .max ? [] : [("maximum", .number(String(range.upperBound)))])
        case .identifier: [("type", .string("string")), ("format", .string("uuid"))]
        case .timestamp: [("type", .string("string")), ("format", .string("date-time"))]
        case .text: [("type", .string("string"))]
        case .oneOf(let words): [("type", .string("string")), ("enum", .array(words.map { .string($0) }))]
        case .matching(let pattern, let examples):
            [("type", .string("string")), ("pattern", .string(pattern)), ("examples", .array(examples.map { .string($0) }))]
        case .objects(let members):
            [
                ("type", .string("array")),
                (
                    "items",
                    .object(
                        JSONObject([
                            ("type", .string("object")), ("properties", .object(JSONObject(members.map { ($0.name, document($0, constant: nil)) }))),
                            ("required", .array(members.filter(\.isRequired).map { .string($0.name) })),
                        ]))
                ),
            ]
        }
    }

    /// The document with line breaks and indentation, as it is checked in.
    public var text: String { JSONValue.object(document).indented() + "\n" }
}

extension JSONObject {
    fileprivate init(_ members: [(String, JSONValue)]) { self.init(members: members.map { Member(key: $0.0, value: $0.1) }) }
}

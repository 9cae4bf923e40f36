import Synchronization

/// A fact of the business that services tell each other: past tense, immutable, with one JSON shape per schema version.
public protocol Event: Sendable {
    /// The type's name on the wire, `OrderCreated`.
    static var type: String { get }
    /// The topic it is published on; its dead letters go to `{topic}.DLQ`.
    static var topic: String { get }
    /// The version of the JSON shape that ``write(to:)`` produces.
    static var schemaVersion: Int { get }
    /// The member that carries the key events are ordered by: `orderId`, or `productId` for stock events.
    static var keyName: StaticString { get }
    /// Writes the members of the event's flat JSON body; the envelope's own members are written by ``Envelope``.
    func write(to json: inout JSONWriter)
    /// Reads the members; unknown ones are ignored, so that an older reader understands a newer writer.
    /// - Throws: ``JSONMismatch`` or an error of a member's own type.
    init(from json: JSONObject) throws
}

extension Event {
    public static var keyName: StaticString { "orderId" }
}

/// All events a reader understands, by type.
public struct EventRegistry: Sendable {
    /// The known types, in the order given.
    public let types: [any Event.Type]
    private let byName: [String: any Event.Type]

    /// A registry of these types.
    public init(_ types: [any Event.Type]) {
        self.types = types
        byName = Dictionary(types.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The type of a name, or nil when this program does not know it.
    public subscript(name: String) -> (any Event.Type)? { byName[name] }
}

/// An event on its way: who said what about which order, when and why.
///
/// Its body is flat JSON as the seed documents show it: the envelope's members first (`eventId`, `orderId`, `timestamp`, `correlationId`, `causationId`, `version`),
/// then the event's own. CloudEvents 1.0 attributes derive from the same fields: id, source, type, subject (the key), time. An object, because it is handed to
/// every consumer: passing it on costs one reference count.
public final class Envelope: Sendable {
    /// The event's identity; consumers deduplicate by it.
    public let id: Identifier
    /// The service that said it (CloudEvents `source`).
    public let source: String
    /// What events are ordered by: the order's id, or the product's for stock events.
    public let key: Identifier
    /// The version of the order after the change, for events that change its status; else nil.
    public let version: Int64?
    /// The same for everything that one request set in motion.
    public let correlationID: Identifier
    /// The event that caused this one; nil at the start of a chain.
    public let causationID: Identifier?
    /// When the producer decided it.
    public let time: Timestamp
    /// The event.
    public let event: any Event
    /// The event's name on the wire.
    public let type: String
    /// The JSON body, encoded once.
    public let body: [UInt8]
    private let place = Atomic<Int64>(0)

    /// The row in the producer's outbox; 0 before it is written. Set by the outbox, before anybody else sees the envelope.
    public var sequence: Int64 {
        get { place.load(ordering: .relaxed) }
        set { place.store(newValue, ordering: .relaxed) }
    }

    /// Wraps an event and encodes it.
    public init(
        id: Identifier, source: String, key: Identifier, version: Int64? = nil, correlationID: Identifier, causationID: Identifier? = nil,
        time: Timestamp, event: some Event
    ) {
        (self.id, self.source, self.key, self.version) = (id, source, key, version)
        (self.correlationID, self.causationID, self.time) = (correlationID, causationID, time)
        self.event = event
        let eventType = Swift.type(of: event)
        type = eventType.type
        var json = JSONWriter(capacity: 640)
        json.object { json in
            json.member("eventId", id)
            json.member("type", eventType.type)
            json.member("schemaVersion", eventType.schemaVersion)
            json.member("source", source)
            json.member(eventType.keyName, key)
            json.member("timestamp", time)
            json.member("correlationId", correlationID)
            json.optional("causationId", causationID)
            if let version { json.member("version", version) }
            event.write(to: &json)
        }
        body = json.bytes
    }

    /// Reads an envelope back from its body.
    /// - Throws: ``UnknownEvent`` for a type or newer schema that the registry does not know, ``JSONSyntaxError``, ``JSONMismatch``.
    public init(body: [UInt8], registry: EventRegistry, sequence: Int64 = 0) throws {
        guard case .object(let json) = try JSONParser.parse(body) else { throw JSONMismatch(key: "", expected: "an object") }
        type = try json.string("type")
        guard let eventType = registry[type], try json.integer("schemaVersion") <= eventType.schemaVersion else {
            throw UnknownEvent(type: type)
        }
        id = try json.identifier("eventId")
        source = try json.string("source")
        key = try json.identifier(eventType.keyName.description)
        version = json["version"]?.integer
        correlationID = try json.identifier("correlationId")
        causationID = try json.optionalIdentifier("causationId")
        time = try json.timestamp("timestamp")
        event = try eventType.init(from: json)
        self.body = body
        place.store(sequence, ordering: .relaxed)
    }
}

/// An event of a type or schema version that this program does not know.
public struct UnknownEvent: Error, CustomStringConvertible {
    public let type: String
    public var description: String { "unknown event type or newer schema: \(type)" }
}

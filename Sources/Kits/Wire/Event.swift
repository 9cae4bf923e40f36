import Synchronization

/// A fact of the business that services tell each other: past tense, immutable, with one JSON shape per schema version.
public protocol Event: Sendable {
    /// The type's name on the wire, `OrderCreated`.
    static var type: String { get }
    /// The topic it is published on; its dead letters go to `{topic}.DLQ`.
    static var topic: String { get }
    /// The version of the JSON shape that ``write(to:)`` produces.
    static var schemaVersion: Int { get }
    /// The oldest version whose readers understand what ``write(to:)`` produces, ignoring the members that they do not know: below ``schemaVersion`` for a version
    /// that only says more. A reader that is older still lets the event wait until it is updated.
    static var readableFrom: Int { get }
    /// What ``write(to:)`` produces and ``init(from:)`` accepts.
    static var shape: EventShape { get }
    /// The way from each older version to the next.
    static var upcasters: [Upcaster] { get }
    /// The member that carries the key events are ordered by: `orderId`, or `productId` for stock events.
    static var keyName: StaticString { get }
    /// Writes the members of the event's flat JSON body; the envelope's own members are written by ``Envelope``.
    func write(to json: inout JSONWriter)
    /// Reads the members of a body of this version; unknown ones are ignored, so that an older reader understands a newer writer.
    /// - Throws: ``JSONMismatch`` or an error of a member's own type.
    init(from json: JSONObject) throws
}

extension Event {
    public static var keyName: StaticString { "orderId" }
    public static var readableFrom: Int { schemaVersion }
    public static var upcasters: [Upcaster] { [] }
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
    /// The event; ``UnreadableEvent`` where it is too new for this program.
    public let event: any Event
    /// Whether this program knows what the event says. If not, it must wait until the program is updated.
    public let isReadable: Bool
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
        isReadable = true
        let eventType = Swift.type(of: event)
        type = eventType.type
        var json = JSONWriter(capacity: 640)
        json.object { json in
            json.member("eventId", id)
            json.member("type", eventType.type)
            json.member("schemaVersion", eventType.schemaVersion)
            if eventType.readableFrom < eventType.schemaVersion { json.member("readableFrom", eventType.readableFrom) }
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

    /// Reads an envelope back from its body. One of an older version is brought up to date before the event reads it; ``body`` stays as it was written.
    /// - Throws: ``UnknownEvent`` for a type that the registry does not know, or a newer version that it may not read; ``JSONSyntaxError``, ``JSONMismatch``.
    public convenience init(body: [UInt8], registry: EventRegistry, sequence: Int64 = 0) throws {
        try self.init(reading: body, registry: registry, sequence: sequence, keyOfUnreadable: nil)
    }

    /// Reads what another program wrote, which may be newer than this one: an event that it does not know yet is no error, but not ``isReadable``.
    /// - Parameter key: what events are ordered by, as the transport knows it; a type that is not known may keep it anywhere.
    /// - Throws: ``JSONSyntaxError``, ``JSONMismatch`` for a body that is broken in any version.
    public convenience init(arriving body: [UInt8], key: Identifier, registry: EventRegistry, sequence: Int64 = 0) throws {
        try self.init(reading: body, registry: registry, sequence: sequence, keyOfUnreadable: key)
    }

    private init(reading body: [UInt8], registry: EventRegistry, sequence: Int64, keyOfUnreadable: Identifier?) throws {
        guard case .object(let json) = try JSONParser.parse(body) else { throw JSONMismatch(key: "", expected: "an object") }
        type = try json.string("type")
        let written = try json.integer("schemaVersion", in: 1...Int64.max)
        id = try json.identifier("eventId")
        source = try json.string("source")
        version = try json.optionalInteger("version", in: 1...Int64.max)
        correlationID = try json.identifier("correlationId")
        causationID = try json.optionalIdentifier("causationId")
        time = try json.timestamp("timestamp")
        if let reader = registry.reader(of: type), let event = try reader.read(json, version: written) {
            key = try json.identifier(reader.type.keyName.description)
            (self.event, isReadable) = (event, true)
        } else {
            guard let known = keyOfUnreadable else { throw UnknownEvent(type: type, schemaVersion: written) }
            (key, event, isReadable) = (known, UnreadableEvent(), false)
        }
        self.body = body
        place.store(sequence, ordering: .relaxed)
    }
}

/// Stands in for an event that this program does not know yet; see ``Envelope/isReadable``.
public struct UnreadableEvent: Event {
    public static let type = ""
    public static let topic = ""
    public static let schemaVersion = 1
    public static let shape = EventShape("An event that is too new for this program.")
    init() {}
    public func write(to json: inout JSONWriter) {}
    public init(from json: JSONObject) throws { throw JSONMismatch(key: "type", expected: "the name of an event") }
}

/// An event of a type or schema version that this program does not know.
public struct UnknownEvent: Error, CustomStringConvertible {
    public let type: String
    /// The version that it was written in.
    public let schemaVersion: Int64
    public var description: String { "unknown event type or newer schema: \(type) version \(schemaVersion)" }
}

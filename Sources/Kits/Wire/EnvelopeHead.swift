/// What a transport needs to know of an event: the envelope's own members, without reading the event's.
public struct EnvelopeHead: Sendable, Equatable {
    /// The event's id, a UUIDv7.
    public let id: Identifier
    /// The event's type, which decides who reads it.
    public let type: String
    /// The service that said it.
    public let source: String
    /// When it was said.
    public let time: Timestamp
    /// The request that set it in motion.
    public let correlationID: Identifier

    /// Reads the members that ``Envelope`` writes first, and stops at the last of them. A body that another program wrote in another order is parsed as a whole.
    /// - Throws: ``JSONSyntaxError``, ``JSONMismatch``.
    public init(body: [UInt8]) throws {
        if let head = body.withUnsafeBufferPointer({ EnvelopeHead(leading: $0) }) {
            self = head
            return
        }
        guard case .object(let json) = try JSONParser.parse(body) else { throw JSONMismatch(key: "", expected: "an object") }
        id = try json.identifier("eventId")
        type = try json.string("type")
        source = try json.string("source")
        time = try json.timestamp("timestamp")
        correlationID = try json.identifier("correlationId")
    }

    /// Members of plain text or whole numbers, in any order, up to the last that is needed; nil for everything that is not so simple.
    private init?(leading bytes: UnsafeBufferPointer<UInt8>) {
        var scanner = FlatScanner(bytes)
        guard scanner.skip(UInt8(ascii: "{")) else { return nil }
        var (id, type, source, time, correlation): (Identifier?, String?, String?, Timestamp?, Identifier?)
        while let (name, value) = scanner.member() {
            switch name {
            case "eventId": id = Identifier(value)
            case "type": type = value
            case "source": source = value
            case "timestamp": time = Timestamp(value)
            case "correlationId": correlation = Identifier(value)
            default: break
            }
            if let id, let type, let source, let time, let correlation {
                (self.id, self.type, self.source, self.time, correlationID) = (id, type, source, time, correlation)
                return
            }
        }
        return nil
    }
}

/// Walks over `"name":"text",` and `"name":123,` without white space or escapes, as ``JSONWriter`` writes them.
private struct FlatScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard place < bytes.count, bytes[place] == byte else { return false }
        place += 1
        return true
    }

    mutating func member() -> (String, String)? {
        guard let name = text(), skip(UInt8(ascii: ":")) else { return nil }
        guard let value = place < bytes.count && bytes[place] == UInt8(ascii: "\"") ? text() : number(), skip(UInt8(ascii: ",")) else { return nil }
        return (name, value)
    }

    private mutating func text() -> String? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = place
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
            if bytes[place] == UInt8(ascii: "\\") { return nil }
            place += 1
        }
        let value = String(decoding: bytes[start..<place], as: UTF8.self)
        return skip(UInt8(ascii: "\"")) ? value : nil
    }

    private mutating func number() -> String? {
        let start = place
        while place < bytes.count, bytes[place] >= UInt8(ascii: "0"), bytes[place] <= UInt8(ascii: "9") { place += 1 }
        return place > start ? String(decoding: bytes[start..<place], as: UTF8.self) : nil
    }
}

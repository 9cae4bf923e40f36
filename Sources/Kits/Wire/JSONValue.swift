/// A parsed JSON document (RFC 8259). Numbers keep their text, so that nothing is rounded on the way in.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The number exactly as it was written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// What kind of value this is, in words for an error message.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The object inside, if it is one.
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    /// The elements, if it is an array.
    public var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    /// The text, if it is a string.
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    /// The truth value, if it is a boolean.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The number as an integer, if it is one within 64 bits and written without fraction or exponent.
    public var integer: Int64? { if case .number(let text) = self { Int64(text) } else { nil } }
    /// The number as a floating-point value; for displays and measurements, never for money.
    public var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }

    /// The member of an object, or nil.
    public subscript(key: String) -> JSONValue? { object?[key] }
    /// The element of an array, or nil beyond its bounds.
    public subscript(index: Int) -> JSONValue? { array.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
}

/// The members of a JSON object in the order they were written; keys are unique, which the parser has checked.
public struct JSONObject: Sendable, Equatable {
    /// One member.
    public struct Member: Sendable, Equatable {
        public let key: String
        public let value: JSONValue
        public init(key: String, value: JSONValue) { (self.key, self.value) = (key, value) }
    }

    /// All members in document order.
    public let members: [Member]

    /// An object of members whose keys are known to differ.
    public init(members: [Member]) { self.members = members }

    /// The value of a key, or nil. Objects on the wire are small, so a scan beats a hash table.
    public subscript(key: String) -> JSONValue? {
        for member in members where member.key == key { return member.value }
        return nil
    }
}

/// A member of an event or document that is missing or of the wrong kind.
public struct JSONMismatch: Error, Equatable, CustomStringConvertible {
    /// The member's key.
    public let key: String
    /// What was expected there.
    public let expected: String
    public init(key: String, expected: String) {
        self.key = key
        self.expected = expected
    }
    public var description: String { "\"\(key)\" must be \(expected)" }
}

/// Typed access for documents that we wrote ourselves; the first mismatch throws ``JSONMismatch``.
extension JSONObject {
    /// The text of a member.
    public func string(_ key: String) throws -> String {
        guard let value = self[key]?.string else { throw JSONMismatch(key: key, expected: "a string") }
        return value
    }
    /// The text of a member; nil where it is missing or null.
    public func optionalString(_ key: String) throws -> String? {
        guard let value = self[key], value != .null else { return nil }
        guard let text = value.string else { throw JSONMismatch(key: key, expected: "a string or null") }
        return text
    }
    /// The integer of a member.
    public func integer(_ key: String) throws -> Int64 {
        guard let value = self[key]?.integer else { throw JSONMismatch(key: key, expected: "a 64-bit integer") }
        return value
    }
    /// An integer within bounds.
    public func integer(_ key: String, in range: ClosedRange<Int64>) throws -> Int64 {
        let value = try integer(key)
        guard range.contains(value) else { throw JSONMismatch(key: key, expected: "between \(range.lowerBound) and \(range.upperBound)") }
        return value
    }
    /// The integer of a member within bounds; nil where it is missing or null.
    public func optionalInteger(_ key: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let value = self[key], value != .null else { return nil }
        return try integer(key, in: range)
    }
    /// The truth value of a member.
    public func bool(_ key: String) throws -> Bool {
        guard let value = self[key]?.bool else { throw JSONMismatch(key: key, expected: "a boolean") }
        return value
    }
    /// The UUID of a member.
    public func identifier(_ key: String) throws -> Identifier {
        guard let value = self[key]?.string, let id = Identifier(value) else { throw JSONMismatch(key: key, expected: "a UUID") }
        return id
    }
    /// The UUID of a member; nil where it is missing or null.
    public func optionalIdentifier(_ key: String) throws -> Identifier? {
        guard let value = self[key], value != .null else { return nil }
        return try identifier(key)
    }
    /// The RFC 3339 moment of a member.
    public func timestamp(_ key: String) throws -> Timestamp {
        guard let value = self[key]?.string, let time = Timestamp(value) else { throw JSONMismatch(key: key, expected: "an RFC 3339 timestamp") }
        return time
    }
    /// The array of a member.
    public func array(_ key: String) throws -> [JSONValue] {
        guard let value = self[key]?.array else { throw JSONMismatch(key: key, expected: "an array") }
        return value
    }
    /// The array of a member, all of whose values are objects.
    public func objects(_ key: String) throws -> [JSONObject] {
        try array(key).map {
            guard let object = $0.object else { throw JSONMismatch(key: key, expected: "an array of objects") }
            return object
        }
    }
}

/// What the JSON body of an event looks like, declared next to the event: schemas and documentation are made from it, and tests hold it against what the event
/// writes and reads. The envelope's members are not repeated here.
public struct EventShape: Sendable {
    /// What the event says, for people.
    public let description: String
    /// The event's own members, in the order in which they are written.
    public let members: [EventMember]

    /// The shape of an event with these members.
    public init(_ description: String, _ members: [EventMember] = []) { (self.description, self.members) = (description, members) }
}

/// A member of an event, or of an object inside it.
public struct EventMember: Sendable, Equatable {
    /// The key in JSON.
    public let name: String
    /// What stands there.
    public let form: MemberForm
    /// Whether a body without it is refused.
    public let isRequired: Bool
    /// What it means, for people.
    public let description: String

    /// A member of every body; reading one without it throws.
    public static func required(_ name: String, _ form: MemberForm, _ description: String) -> EventMember {
        EventMember(name: name, form: form, isRequired: true, description: description)
    }
    /// A member that is left out where there is nothing to say.
    public static func optional(_ name: String, _ form: MemberForm, _ description: String) -> EventMember {
        EventMember(name: name, form: form, isRequired: false, description: description)
    }
}

/// What may stand in a member.
public indirect enum MemberForm: Sendable, Equatable {
    case boolean
    /// An integer of 64 bits within bounds.
    case integer(ClosedRange<Int64>)
    /// A UUID in its text form.
    case identifier
    /// A moment in RFC 3339.
    case timestamp
    /// Any text.
    case text
    /// One of these words.
    case oneOf([String])
    /// Text that matches a regular expression which ECMA-262 and Swift read alike, with examples.
    case matching(String, examples: [String])
    /// An array of objects with these members.
    case objects([EventMember])

    /// Any integer of 64 bits.
    public static let integer = MemberForm.integer(Int64.min...Int64.max)
    /// An integer that is not below a bound.
    public static func integer(atLeast minimum: Int64) -> MemberForm { .integer(minimum...Int64.max) }

    /// The form in a few words, for a table.
    public var summary: String {
        switch self {
        case .boolean: "boolean"
        case .integer(let range) where range == Int64.min...Int64.max: "integer"
        case .integer(let range) where range.upperBound == .max: "integer, at least \(range.lowerBound)"
        case .integer(let range): "integer, \(range.lowerBound) to \(range.upperBound)"
        case .identifier: "UUID"
        case .timestamp: "RFC 3339 timestamp"
        case .text: "text"
        case .oneOf(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .matching(_, let examples): "text such as " + examples.prefix(2).map { "`\($0)`" }.joined(separator: ", ")
        case .objects: "array of objects"
        }
    }
}

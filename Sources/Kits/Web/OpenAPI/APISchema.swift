/// What may stand in a body, a parameter or an answer. The API's document is made from it (JSON Schema 2020-12, as OpenAPI 3.1 has it), query parameters are checked by
/// it, and tests compare it with what the handlers take and give.
public indirect enum APISchema: Sendable, Equatable {
    case anything
    case boolean
    /// A whole number of 64 bits within bounds.
    case integer(ClosedRange<Int64>)
    case number
    /// A text of so many Unicode scalars; with a pattern that ECMA-262, Python and Rust read alike.
    case text(ClosedRange<Int>, pattern: String? = nil)
    case oneOf([String])
    /// A UUID in its text form.
    case identifier
    /// A moment in RFC 3339.
    case timestamp
    /// A moment, or a day, which means its beginning in UTC.
    case timestampOrDay
    case array(APISchema, count: ClosedRange<Int> = 0...Int.max)
    /// What an answer shows; a later release may add members.
    case object([APIMember])
    /// What a body brings: members that are not named are refused, and null is the same as nothing. One of `atLeastOneOf` must be there, where it names any.
    case input([APIMember], atLeastOneOf: [String] = [])
    /// An object whose keys are data.
    case map(APISchema, maximumEntries: Int? = nil)
    case either([APISchema])
    /// A schema of its own, by its name.
    case component(String, APISchema)
    /// A schema that is written already, as JSON.
    case raw(String)

    /// Any text.
    public static let text = APISchema.text(0...Int.max)
    /// Any whole number that counts something.
    public static let count = APISchema.integer(0...Int64.max)

    /// No control characters.
    static let linePattern = "^[^\\u0000-\\u001f\\u007f]*$"
    /// A text of one line, as ``BodyReader/string(_:required:maximum:)`` takes it.
    public static func line(_ maximum: Int) -> APISchema { .text(1...maximum, pattern: linePattern) }
    /// The same for a filter, which may be empty.
    public static func filter(_ maximum: Int) -> APISchema { .text(0...maximum, pattern: linePattern) }

    /// An amount as answers show it.
    public static let amount = APISchema.text(1...24, pattern: "^-?[0-9]+(\\.[0-9]+)?$")
    /// An amount as bodies may bring it: a decimal text, or a number that is exact.
    public static let amountInput = APISchema.either([.text(1...40, pattern: "^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$"), .number])
    /// The opaque text by which a list goes on.
    public static let cursor = APISchema.text(33...33, pattern: "^c[0-9a-fA-F]{32}$")

    /// The schema without its name.
    public var resolved: APISchema { if case .component(_, let schema) = self { schema.resolved } else { self } }
}

/// A member of an object.
public struct APIMember: Sendable, Equatable {
    public let name: String
    public let schema: APISchema
    public let isRequired: Bool
    /// What it means, for people.
    public let description: String

    /// A member that is always there.
    public static func required(_ name: String, _ schema: APISchema, _ description: String) -> APIMember {
        APIMember(name: name, schema: schema, isRequired: true, description: description)
    }
    /// A member that may be left out.
    public static func optional(_ name: String, _ schema: APISchema, _ description: String) -> APIMember {
        APIMember(name: name, schema: schema, isRequired: false, description: description)
    }
}

extension APISchema {
    /// A page of a list.
    public static func page(of element: APISchema) -> APISchema {
        .object([
            .required("items", .array(element), "The page."), .optional("nextCursor", .text, "Where the next page begins; not there at the end."),
        ])
    }

    /// A list that is given as a whole.
    public static func list(of element: APISchema) -> APISchema { .object([.required("items", .array(element), "All of them.")]) }
}

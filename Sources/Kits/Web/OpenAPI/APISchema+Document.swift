import Wire

extension APISchema {
    /// The schema as a document. Components are referred to by name.
    public var document: JSONValue { .object(JSONObject(keywords)) }

    /// The keywords of the schema, in the order in which they are written.
    private var keywords: [(String, JSONValue)] {
        switch self {
        case .anything: []
        case .boolean: [("type", .string("boolean"))]
        case .integer(let range): [("type", .string("integer")), ("format", .string("int64"))] + APISchema.bounds(range)
        case .number: [("type", .string("number"))]
        case .text(let range, let pattern):
            [("type", .string("string"))] + APISchema.bounds(range, "minLength", "maxLength") + (pattern.map { [("pattern", .string($0))] } ?? [])
        case .oneOf(let words): [("type", .string("string")), ("enum", .array(words.map { .string($0) }))]
        case .identifier: [("type", .string("string")), ("format", .string("uuid"))]
        case .timestamp: [("type", .string("string")), ("format", .string("date-time"))]
        case .timestampOrDay:
            [("anyOf", .array(["date-time", "date"].map { .object(JSONObject([("type", .string("string")), ("format", .string($0))])) }))]
        case .array(let element, let range):
            [("type", .string("array")), ("items", element.document)] + APISchema.bounds(range, "minItems", "maxItems")
        case .object(let members): APISchema.members(members, isInput: false)
        case .input(let members, let names): APISchema.members(members, isInput: true) + APISchema.demand(names)
        case .map(let element, let maximum):
            [("type", .string("object")), ("additionalProperties", element.document)]
                + (maximum.map { [("maxProperties", .number(String($0)))] } ?? [])
        case .either(let schemas): [("anyOf", .array(schemas.map(\.document)))]
        case .component(let name, _): [("$ref", .string("#/components/schemas/\(name)"))]
        case .raw(let text): (try? JSONParser.parse(Array(text.utf8)).object)?.members.map { ($0.key, $0.value) } ?? []
        }
    }

    private static func members(_ members: [APIMember], isInput: Bool) -> [(String, JSONValue)] {
        let required = members.filter(\.isRequired).map { JSONValue.string($0.name) }
        let properties = members.map { member in
            let schema = isInput && !member.isRequired ? member.schema.orNull : member.schema.keywords
            return (member.name, JSONValue.object(JSONObject([("description", .string(member.description))] + schema)))
        }
        return [("type", .string("object")), ("properties", .object(JSONObject(properties)))]
            + (required.isEmpty ? [] : [("required", .array(required))]) + (isInput ? [("additionalProperties", .bool(false))] : [])
    }

    /// Bodies may say null for what they leave out.
    private var orNull: [(String, JSONValue)] {
        switch self {
        case .anything, .raw: return keywords
        case .component, .timestampOrDay, .oneOf: return [("anyOf", .array([document, APISchema.null]))]
        case .either(let schemas): return [("anyOf", .array(schemas.map(\.document) + [APISchema.null]))]
        default: return keywords.map { $0.0 == "type" ? ("type", .array([$0.1, .string("null")])) : $0 }
        }
    }
    private static let null = JSONValue.object(JSONObject([("type", .string("null"))]))

    /// One of these members, which are texts, must be there, and not as null.
    private static func demand(_ names: [String]) -> [(String, JSONValue)] {
        guard !names.isEmpty else { return [] }
        let present = JSONValue.object(JSONObject([("type", .string("string"))]))
        return [
            (
                "anyOf",
                .array(
                    names.map { name in
                        .object(JSONObject([("required", .array([.string(name)])), ("properties", .object(JSONObject([(name, present)])))]))
                    })
            )
        ]
    }

    private static func bounds(_ range: ClosedRange<Int64>) -> [(String, JSONValue)] {
        (range.lowerBound == .min ? [] : [("minimum", .number(String(range.lowerBound)))])
            + (range.upperBound == .max ? [] : [("maximum", .number(String(range.upperBound)))])
    }
    private static func bounds(_ range: ClosedRange<Int>, _ lower: String, _ upper: String) -> [(String, JSONValue)] {
        (range.lowerBound == 0 ? [] : [(lower, .number(String(range.lowerBound)))])
            + (range.upperBound == .max ? [] : [(upper, .number(String(range.upperBound)))])
    }

    /// The components that the schema names, those inside components included.
    var components: [(name: String, schema: APISchema)] {
        switch self {
        case .component(let name, let schema): [(name, schema)] + schema.components
        case .array(let element, _), .map(let element, _): element.components
        case .object(let members), .input(let members, _): members.flatMap(\.schema.components)
        case .either(let schemas): schemas.flatMap(\.components)
        default: []
        }
    }
}

extension JSONObject {
    /// An object of keys that differ.
    init(_ members: [(String, JSONValue)]) { self.init(members: members.map { Member(key: $0.0, value: $0.1) }) }
}

import Wire

/// As much of JSON Schema 2020-12 as the schemas of events use. A keyword that it does not know is a violation, so that none is passed over.
struct SchemaValidator {
    /// Whether members that the schema does not name are violations too; to readers they are not.
    let isClosed: Bool
    private static let texts: Set<String> = ["$schema", "$id", "title", "description", "examples"]

    /// What is wrong with a value, each with its place.
    func violations(_ value: JSONValue, _ schema: JSONObject, at pointer: String = "") -> [String] {
        schema.members.filter { !SchemaValidator.texts.contains($0.key) }.flatMap { keyword in
            check(value, keyword.key, keyword.value, schema, at: pointer)
        }
    }

    private func check(_ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ schema: JSONObject, at pointer: String) -> [String] {
        func unless(_ isFine: Bool) -> [String] { isFine ? [] : ["\(pointer): \(keyword)"] }
        switch keyword {
        case "type": return unless(SchemaValidator.type(of: value) == argument.string)
        case "const": return unless(value == argument)
        case "enum": return unless(argument.array?.contains(value) ?? false)
        case "minimum": return unless(value.integer.flatMap { value in argument.integer.map { value >= $0 } } ?? true)
        case "maximum": return unless(value.integer.flatMap { value in argument.integer.map { value <= $0 } } ?? true)
        case "pattern": return unless(value.string.map { SchemaValidator.matches($0, argument.string ?? "") } ?? true)
        case "format": return unless(SchemaValidator.hasFormat(value, argument.string ?? ""))
        case "required":
            guard let object = value.object else { return [] }
            return (argument.array ?? []).compactMap(\.string).filter { object[$0] == nil }.map { "\(pointer)/\($0): required" }
        case "items":
            guard let items = argument.object else { return unless(false) }
            return (value.array ?? []).enumerated().flatMap { violations($0.element, items, at: "\(pointer)/\($0.offset)") }
        case "properties":
            return (value.object?.members ?? []).flatMap { member -> [String] in
                let place = "\(pointer)/\(member.key)"
                guard let schema = argument[member.key]?.object else { return isClosed ? ["\(place): not named"] : [] }
                return violations(member.value, schema, at: place)
            }
        default: return unless(false)
        }
    }

    private static func type(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .number: value.integer == nil ? "number" : "integer"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    private static func hasFormat(_ value: JSONValue, _ format: String) -> Bool {
        switch format {
        case "uuid": value.string.map { Identifier($0) != nil } ?? true
        case "date-time": value.string.map { Timestamp($0) != nil } ?? true
        case "int64": true
        default: false
        }
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? Regex(pattern) else { return false }
        return text.firstMatch(of: regex) != nil
    }
}

import Web
import Wire

/// Says what is wrong with a value by a declared schema.
struct SchemaJudge {
    /// Whether members that the schema does not name are wrong in answers too. Readers let them pass; those who write the documents must not.
    var isClosed = true

    /// Everything that is wrong, each with its place.
    func objections(to value: JSONValue, _ schema: APISchema, at pointer: String = "") -> [String] {
        func unless(_ isFine: Bool, _ what: String) -> [String] { isFine ? [] : ["\(pointer): \(what), not \(value.compact.prefix(80))"] }
        switch schema {
        case .anything, .raw: return []
        case .boolean: return unless(value.bool != nil, "a boolean")
        case .integer(let range): return unless(value.integer.map(range.contains) ?? false, "an integer in \(range)")
        case .number: return unless(value.double != nil, "a number")
        case .oneOf(let words): return unless(value.string.map(words.contains) ?? false, "one of \(words)")
        case .identifier: return unless(value.string.flatMap { Identifier($0) } != nil, "a UUID")
        case .timestamp, .timestampOrDay: return unless(value.string.flatMap { Timestamp($0) } != nil, "a time")
        case .text(let range, let pattern):
            guard let text = value.string else { return unless(false, "a text") }
            return unless(range.contains(text.unicodeScalars.count), "of \(range) characters")
                + unless(pattern.map { SchemaJudge.matches(text, $0) } ?? true, "like \(pattern ?? "")")
        case .array(let element, let range):
            guard let values = value.array else { return unless(false, "an array") }
            return unless(range.contains(values.count), "of \(range) elements")
                + values.enumerated().flatMap { objections(to: $0.element, element, at: "\(pointer)/\($0.offset)") }
        case .object(let members): return self.members(of: value, members, isInput: false, at: pointer)
        case .input(let members, let names):
            let isThere = names.isEmpty || names.contains { value[$0] != nil && value[$0] != .null }
            return self.members(of: value, members, isInput: true, at: pointer) + unless(isThere, "with one of \(names)")
        case .map(let element, let maximum):
            guard let object = value.object else { return unless(false, "an object") }
            return unless(object.members.count <= maximum ?? .max, "of \(maximum ?? 0) members")
                + object.members.flatMap { objections(to: $0.value, element, at: "\(pointer)/\($0.key)") }
        case .either(let schemas):
            let all = schemas.map { objections(to: value, $0, at: pointer) }
            return all.contains([]) ? [] : all.first ?? []
        case .component(_, let inner): return objections(to: value, inner, at: pointer)
        }
    }

    private func members(of value: JSONValue, _ members: [APIMember], isInput: Bool, at pointer: String) -> [String] {
        guard let object = value.object else { return ["\(pointer): an object, not \(value.kind)"] }
        let missing = members.filter { $0.isRequired && object[$0.name] == nil }.map { "\(pointer)/\($0.name): missing" }
        return missing
            + object.members.flatMap { member -> [String] in
                guard let known = members.first(where: { $0.name == member.key }) else {
                    return isClosed || isInput ? ["\(pointer)/\(member.key): not declared"] : []
                }
                if isInput, !known.isRequired, member.value == .null { return [] }
                return objections(to: member.value, known.schema, at: "\(pointer)/\(member.key)")
            }
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        // Swift writes a scalar by its number in another way than the others.
        let swift = pattern.replacing(/\\u([0-9a-f]{4})/) { "\\u{\($0.1)}" }
        guard let regex = try? Regex(swift) else { return false }
        return text.wholeMatch(of: regex) != nil
    }
}

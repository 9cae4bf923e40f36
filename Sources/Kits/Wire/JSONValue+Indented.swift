extension JSONValue {
    /// The document for people: one member a line, two blanks a level; arrays of plain values on one line.
    public func indented(_ level: Int = 0) -> String {
        let (inner, outer) = (String(repeating: "  ", count: level + 1), String(repeating: "  ", count: level))
        switch self {
        case .object(let object) where !object.members.isEmpty:
            let lines = object.members.map { "\(inner)\(JSONValue.string($0.key).compact): \($0.value.indented(level + 1))" }
            return "{\n\(lines.joined(separator: ",\n"))\n\(outer)}"
        case .array(let values) where values.contains { $0.object != nil || $0.array != nil }:
            return "[\n\(values.map { inner + $0.indented(level + 1) }.joined(separator: ",\n"))\n\(outer)]"
        case .array(let values): return "[\(values.map(\.compact).joined(separator: ", "))]"
        default: return compact
        }
    }

    /// The document on one line.
    public var compact: String {
        var writer = JSONWriter(capacity: 64)
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

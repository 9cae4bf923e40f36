import Wire

/// Writes a schema in GraphQL's schema language, without the built-in types (GraphQL, October 2021, 3).
public enum SchemaPrinter {
    /// The whole schema, in the order in which it was declared.
    public static func print(_ schema: Schema) -> String {
        let types = schema.types.filter { !$0.name.hasPrefix("__") && !BuiltInTypes.names.contains($0.name) }
        return types.map { print($0, schema) }.joined(separator: "\n")
    }

    private static func print(_ type: TypeDefinition, _ schema: Schema) -> String {
        let description = description(type.description, indent: "")
        switch type {
        case .scalar(let type):
            let specification = type.specification.map { " @specifiedBy(url: \(quoted($0)))" } ?? ""
            return "\(description)scalar \(type.name)\(specification)\n"
        case .enumeration(let type):
            let values = type.values.map { "\(SchemaPrinter.description($0.description, indent: "  "))  \($0.name)\n" }.joined()
            return "\(description)enum \(type.name) {\n\(values)}\n"
        case .input(let type):
            let fields = type.fields.map { "\(SchemaPrinter.description($0.description, indent: "  "))  \(print($0, schema))\n" }.joined()
            return "\(description)input \(type.name) {\n\(fields)}\n"
        case .object(let type):
            let fields = type.fields.map { "\(SchemaPrinter.description($0.description, indent: "  "))  \(print($0, schema))\n" }.joined()
            return "\(description)type \(type.name) {\n\(fields)}\n"
        }
    }

    private static func print(_ field: FieldDefinition, _ schema: Schema) -> String {
        guard !field.arguments.isEmpty else { return "\(field.name): \(field.type)" }
        guard field.arguments.contains(where: { $0.description != nil }) else {
            return "\(field.name)(\(field.arguments.map { print($0, schema) }.joined(separator: ", "))): \(field.type)"
        }
        let arguments = field.arguments.map { "\(description($0.description, indent: "    "))    \(print($0, schema))\n" }.joined()
        return "\(field.name)(\n\(arguments)  ): \(field.type)"
    }

    private static func print(_ value: InputValue, _ schema: Schema) -> String {
        "\(value.name): \(value.type)" + (value.defaultValue.map { " = \(literal($0, value.type, schema))" } ?? "")
    }

    private static func description(_ text: String?, indent: String) -> String { text.map { "\(indent)\(quoted($0))\n" } ?? "" }

    /// A default as it is written in GraphQL: like JSON, but for the names of enumerations.
    static func literal(_ value: JSONValue, _ type: TypeReference, _ schema: Schema) -> String {
        if case .string(let text) = value, case .enumeration = schema[type.name] { return text }
        if case .array(let values) = value, let element = type.element {
            return "[\(values.map { literal($0, element, schema) }.joined(separator: ", "))]"
        }
        var json = JSONWriter()
        json.value(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func quoted(_ text: String) -> String {
        var json = JSONWriter()
        json.string(text)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

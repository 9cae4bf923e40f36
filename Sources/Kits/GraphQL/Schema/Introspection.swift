import Wire

/// Answers questions about a schema.
enum Introspection {
    static func schema(_ schema: Schema) -> JSONValue {
        object([
            ("description", .null), ("types", .array(schema.types.map { .string($0.name) })), ("queryType", .string(schema.query)),
            ("mutationType", schema.mutation.map { .string($0) } ?? .null), ("subscriptionType", .null),
            ("directives", .array(DirectiveDefinition.all.map { directive($0, in: schema) })),
        ])
    }

    static func kind(_ input: FieldInput) -> JSONValue {
        guard let type = reference(input) else { return .null }
        switch type {
        case .required: return .string("NON_NULL")
        case .list: return .string("LIST")
        case .named(let name):
            switch input.schema[name] {
            case .scalar: return .string("SCALAR")
            case .object: return .string("OBJECT")
            case .enumeration: return .string("ENUM")
            case .input: return .string("INPUT_OBJECT")
            case nil: return .null
            }
        }
    }

    static func ofType(_ input: FieldInput) -> JSONValue {
        switch reference(input) {
        case .required(let type), .list(let type): .string(type.description)
        case .named, nil: .null
        }
    }

    /// What a function makes of a type that has a name; null for lists and types that are never null.
    static func named(_ input: FieldInput, _ body: (TypeDefinition) -> JSONValue) -> JSONValue {
        guard case .named(let name) = reference(input), let type = input.schema[name] else { return .null }
        return body(type)
    }

    static func named(_ input: FieldInput, _ body: (TypeDefinition, Schema) -> JSONValue) -> JSONValue { named(input) { body($0, input.schema) } }

    static func specification(_ type: TypeDefinition) -> JSONValue {
        guard case .scalar(let scalar) = type, let url = scalar.specification else { return .null }
        return .string(url)
    }

    static func interfaces(_ type: TypeDefinition) -> JSONValue { if case .object = type { .array([]) } else { .null } }

    static func fields(_ type: TypeDefinition, in schema: Schema) -> JSONValue {
        guard case .object(let type) = type else { return .null }
        return .array(
            type.fields.map { field in
                object([
                    ("name", .string(field.name)), ("description", field.description.map { .string($0) } ?? .null),
                    ("args", .array(field.arguments.map { inputValue($0, in: schema) })), ("type", .string(field.type.description)),
                    ("isDeprecated", .bool(false)), ("deprecationReason", .null),
                ])
            })
    }

    static func values(_ type: TypeDefinition) -> JSONValue {
        guard case .enumeration(let type) = type else { return .null }
        return .array(
            type.values.map { value in
                object([
                    ("name", .string(value.name)), ("description", value.description.map { .string($0) } ?? .null), ("isDeprecated", .bool(false)),
                    ("deprecationReason", .null),
                ])
            })
    }

    static func inputFields(_ type: TypeDefinition, in schema: Schema) -> JSONValue {
        guard case .input(let type) = type else { return .null }
        return .array(type.fields.map { inputValue($0, in: schema) })
    }

    private static func directive(_ directive: DirectiveDefinition, in schema: Schema) -> JSONValue {
        object([
            ("name", .string(directive.name)), ("description", .string(directive.description)), ("isRepeatable", .bool(false)),
            ("locations", .array(directive.locations.map { .string($0) })), ("args", .array(directive.arguments.map { inputValue($0, in: schema) })),
        ])
    }

    private static func inputValue(_ value: InputValue, in schema: Schema) -> JSONValue {
        object([
            ("name", .string(value.name)), ("description", value.description.map { .string($0) } ?? .null), ("type", .string(value.type.description)),
            ("defaultValue", value.defaultValue.map { .string(SchemaPrinter.literal($0, value.type, schema)) } ?? .null), ("isDeprecated", .bool(false)),
            ("deprecationReason", .null),
        ])
    }

    private static func reference(_ input: FieldInput) -> TypeReference? { input.object.string.flatMap { TypeReference($0) } }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members: members.map { .init(key: $0.0, value: $0.1) })) }
}

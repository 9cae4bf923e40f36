import Wire

/// The schema's own schema (GraphQL, October 2021, 4.2).
///
/// How far an introspection may go has limits of its own. A `__Type` is represented by its notation, a string like `[Order!]!`; everything else by an object with the members that its fields show.
enum IntrospectionTypes {
    /// The fields that the query's root has besides its own.
    static let root: [FieldDefinition] = [
        .computed("__schema", "__Schema!", "All that can be asked.") { input in Introspection.schema(input.schema) },
        .computed("__type", "__Type", "A type by its name.", arguments: [InputValue("name", "String!")]) { input in
            guard let name = input.arguments["name"]?.string, input.schema[name] != nil else { return .null }
            return .string(name)
        },
    ]

    static let all: [TypeDefinition] = [
        .object(schema), .object(type), .object(field), .object(inputValue), .object(enumValue), .object(directive), .enumeration(kind), .enumeration(location),
    ]

    private static let schema = ObjectType(
        "__Schema", "All that can be asked.",
        [
            FieldDefinition("description", "String"),
            FieldDefinition("types", "[__Type!]!", "All types."),
            FieldDefinition("queryType", "__Type!", "Where queries begin."),
            FieldDefinition("mutationType", "__Type", "Where mutations begin."),
            FieldDefinition("subscriptionType", "__Type", "Where subscriptions begin."),
            FieldDefinition("directives", "[__Directive!]!", "All directives."),
        ])

    private static let deprecated = [InputValue("includeDeprecated", "Boolean!", "Whether to list what should no longer be used.", default: .bool(false))]

    private static let type = ObjectType(
        "__Type", "A type. Lists and types that are never null have another type within.",
        [
            .computed("kind", "__TypeKind!", "What kind of type it is.", Introspection.kind),
            .computed("name", "String") { Introspection.named($0) { .string($0.name) } },
            .computed("description", "String") { Introspection.named($0) { $0.description.map { .string($0) } ?? .null } },
            .computed("specifiedByURL", "String", "Where a scalar is specified.") { Introspection.named($0, Introspection.specification) },
            .computed("fields", "[__Field!]", "The fields of an object.", arguments: deprecated) { Introspection.named($0, Introspection.fields) },
            .computed("interfaces", "[__Type!]", "The interfaces of an object: none here.") { Introspection.named($0, Introspection.interfaces) },
            .computed("possibleTypes", "[__Type!]", "The types of an interface or a union, of which there are none here.") { _ in .null },
            .computed("enumValues", "[__EnumValue!]", "The values of an enumeration.", arguments: deprecated) {
                Introspection.named($0, Introspection.values)
            },
            .computed("inputFields", "[__InputValue!]", "The members of an input object.", arguments: deprecated) {
                Introspection.named($0, Introspection.inputFields)
            },
            .computed("ofType", "__Type", "The type within.", Introspection.ofType),
        ])

    private static let field = ObjectType(
        "__Field", "A field of an object.",
        [
            FieldDefinition("name", "String!"), FieldDefinition("description", "String"),
            .computed("args", "[__InputValue!]!", "Its arguments.", arguments: deprecated) { $0.object["args"] ?? .array([]) },
            FieldDefinition("type", "__Type!"), FieldDefinition("isDeprecated", "Boolean!"), FieldDefinition("deprecationReason", "String"),
        ])

    private static let inputValue = ObjectType(
        "__InputValue", "An argument, or a member of an input object.",
        [
            FieldDefinition("name", "String!"), FieldDefinition("description", "String"), FieldDefinition("type", "__Type!"),
            FieldDefinition("defaultValue", "String", "As it is written in GraphQL."), FieldDefinition("isDeprecated", "Boolean!"),
            FieldDefinition("deprecationReason", "String"),
        ])

    private static let enumValue = ObjectType(
        "__EnumValue", "A value of an enumeration.",
        [
            FieldDefinition("name", "String!"), FieldDefinition("description", "String"), FieldDefinition("isDeprecated", "Boolean!"),
            FieldDefinition("deprecationReason", "String"),
        ])

    private static let directive = ObjectType(
        "__Directive", "A directive.",
        [
            FieldDefinition("name", "String!"), FieldDefinition("description", "String"),
            FieldDefinition("isRepeatable", "Boolean!", "Whether it may stand at the same place more than once."),
            FieldDefinition("locations", "[__DirectiveLocation!]!", "Where it may stand."),
            .computed("args", "[__InputValue!]!", "Its arguments.", arguments: deprecated) { $0.object["args"] ?? .array([]) },
        ])

    private static let kind = EnumType(
        "__TypeKind", "What kind of type it is.",
        ["SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT", "LIST", "NON_NULL"].map { EnumType.Value($0) })

    private static let location = EnumType(
        "__DirectiveLocation", "Where a directive may stand.",
        [
            "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT", "VARIABLE_DEFINITION", "SCHEMA",
            "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT",
            "INPUT_FIELD_DEFINITION",
        ].map { EnumType.Value($0) })
}

import Wire

/// All types, and where operations begin.
public struct Schema: Sendable {
    /// In the order in which they were given, the built-in ones behind them.
    let types: [TypeDefinition]
    private let byName: [String: TypeDefinition]
    public let query: String
    public let mutation: String?

    /// - Parameters:
    ///   - query: the name of the type that queries begin with.
    ///   - mutation: the same for mutations; nil for none.
    public init(query: String, mutation: String?, types: [TypeDefinition]) {
        (self.query, self.mutation) = (query, mutation)
        self.types = types + BuiltInTypes.scalars + IntrospectionTypes.all
        byName = Dictionary(self.types.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> TypeDefinition? { byName[name] }

    func object(_ name: String) -> ObjectType? { if case .object(let type) = byName[name] { type } else { nil } }

    /// The type that operations of a kind begin with.
    func root(_ kind: OperationKind) -> ObjectType? {
        switch kind {
        case .query: object(query)
        case .mutation: mutation.flatMap(object)
        case .subscription: nil
        }
    }

    /// A field of a type, those of introspection included (GraphQL, October 2021, 4.1 and 4.2).
    func field(_ name: String, of type: ObjectType) -> FieldDefinition? {
        if name == "__typename" { return .computed("__typename", "String!") { [name = type.name] _ in .string(name) } }
        if type.name == query, let field = IntrospectionTypes.root.first(where: { $0.name == name }) { return field }
        return type.field(name)
    }

    /// What is wrong with the schema itself, in words; empty for one that can be used. For tests.
    public func mistakes() -> [String] {
        var mistakes: [String] = []
        func check(_ type: TypeReference, _ place: String, isInput: Bool) {
            guard let definition = self[type.name] else { return mistakes.append("\(place) is of the type \(type), which there is not") }
            if isInput, !definition.isInput { mistakes.append("\(place) cannot be of the type \(type)") }
            if !isInput, case .input = definition { mistakes.append("\(place) cannot be of the type \(type)") }
        }
        if Set(types.map(\.name)).count != types.count { mistakes.append("two types have the same name") }
        if root(.query) == nil { mistakes.append("there is no type \(query)") }
        if let mutation, object(mutation) == nil { mistakes.append("there is no type \(mutation)") }
        for type in types {
            switch type {
            case .scalar: break
            case .enumeration(let type): if Set(type.values.map(\.name)).count != type.values.count { mistakes.append("\(type.name) has a value twice") }
            case .input(let type): for field in type.fields { check(field.type, "\(type.name).\(field.name)", isInput: true) }
            case .object(let type):
                if Set(type.fields.map(\.name)).count != type.fields.count { mistakes.append("\(type.name) has a field twice") }
                for field in type.fields {
                    check(field.type, "\(type.name).\(field.name)", isInput: false)
                    for argument in field.arguments { check(argument.type, "\(type.name).\(field.name)(\(argument.name))", isInput: true) }
                    if let size = field.sizeArgument, field.argument(size) == nil { mistakes.append("\(type.name).\(field.name) has no argument \(size)") }
                }
            }
        }
        return mistakes
    }
}

/// A directive that documents may use.
struct DirectiveDefinition: Sendable {
    let name: String
    let description: String
    let locations: [String]
    let arguments: [InputValue]

    /// `@skip` and `@include` are executed. The others exist for schemas alone, and are told so that tools know them.
    static let all = [
        DirectiveDefinition(
            name: "include", description: "Includes this only when the argument is true.", locations: ["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"],
            arguments: [InputValue("if", "Boolean!", "Included when true.")]),
        DirectiveDefinition(
            name: "skip", description: "Leaves this out when the argument is true.", locations: ["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"],
            arguments: [InputValue("if", "Boolean!", "Left out when true.")]),
        DirectiveDefinition(
            name: "deprecated", description: "Marks what should no longer be used.",
            locations: ["FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INPUT_FIELD_DEFINITION", "ENUM_VALUE"],
            arguments: [InputValue("reason", "String", "Why, and what to use instead.", default: .string("No longer supported"))]),
        DirectiveDefinition(
            name: "specifiedBy", description: "Tells where a scalar is specified.", locations: ["SCALAR"],
            arguments: [InputValue("url", "String!", "The address of the specification.")]),
    ]

    static func named(_ name: String) -> DirectiveDefinition? { all.first { $0.name == name } }
}

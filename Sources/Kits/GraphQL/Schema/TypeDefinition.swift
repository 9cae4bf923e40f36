import Wire

/// A type of a schema. Interfaces and unions are not needed so far: every object is of the type that its field says.
public enum TypeDefinition: Sendable {
    case scalar(ScalarType)
    case object(ObjectType)
    case enumeration(EnumType)
    case input(InputType)

    public var name: String {
        switch self {
        case .scalar(let type): type.name
        case .object(let type): type.name
        case .enumeration(let type): type.name
        case .input(let type): type.name
        }
    }

    var description: String? {
        switch self {
        case .scalar(let type): type.description
        case .object(let type): type.description
        case .enumeration(let type): type.description
        case .input(let type): type.description
        }
    }

    /// Whether it may stand in arguments and variables.
    var isInput: Bool { if case .object = self { false } else { true } }
    /// Whether its values have no fields to choose from.
    var isLeaf: Bool {
        switch self {
        case .scalar, .enumeration: true
        case .object, .input: false
        }
    }
}

/// A leaf. Its values are JSON on the way in and on the way out.
public struct ScalarType: Sendable {
    public let name: String
    public let description: String
    /// Where it is specified; nil where the description is all.
    public let specification: String?
    /// What a value from the client means; nil for one that is none of this type.
    let read: @Sendable (JSONValue) -> JSONValue?
    /// What a value of a field looks like; nil for one that is none of this type.
    let show: @Sendable (JSONValue) -> JSONValue?

    public init(
        _ name: String, _ description: String, specification: String? = nil, read: @escaping @Sendable (JSONValue) -> JSONValue?,
        show: @escaping @Sendable (JSONValue) -> JSONValue?
    ) {
        (self.name, self.description, self.specification, self.read, self.show) = (name, description, specification, read, show)
    }
}

/// A leaf with a list of values.
public struct EnumType: Sendable {
    /// One value of the list.
    public struct Value: Sendable {
        public let name: String
        public let description: String?
        public init(_ name: String, _ description: String? = nil) { (self.name, self.description) = (name, description) }
    }

    public let name: String
    public let description: String
    public let values: [Value]

    public init(_ name: String, _ description: String, _ values: [Value]) { (self.name, self.description, self.values) = (name, description, values) }

    func has(_ name: String) -> Bool { values.contains { $0.name == name } }
}

/// An argument, or a member of an input object.
public struct InputValue: Sendable {
    public let name: String
    public let type: TypeReference
    public let description: String?
    public let defaultValue: JSONValue?

    /// - Parameter type: as it is written in GraphQL.
    public init(_ name: String, _ type: String, _ description: String? = nil, default value: JSONValue? = nil) {
        (self.name, self.description, defaultValue) = (name, description, value)
        self.type = TypeReference(type) ?? .named(type)
    }

    /// Whether it must be given.
    var isRequired: Bool { type.isRequired && defaultValue == nil }
}

/// An object that clients send.
public struct InputType: Sendable {
    public let name: String
    public let description: String
    public let fields: [InputValue]

    public init(_ name: String, _ description: String, _ fields: [InputValue]) { (self.name, self.description, self.fields) = (name, description, fields) }

    func field(_ name: String) -> InputValue? { fields.first { $0.name == name } }
}

/// An object that clients choose fields of.
public struct ObjectType: Sendable {
    public let name: String
    public let description: String
    public let fields: [FieldDefinition]

    public init(_ name: String, _ description: String, _ fields: [FieldDefinition]) { (self.name, self.description, self.fields) = (name, description, fields) }

    func field(_ name: String) -> FieldDefinition? { fields.first { $0.name == name } }
}

/// A field of an object.
public struct FieldDefinition: Sendable {
    /// Where its value comes from.
    enum Resolution: Sendable {
        /// The member of this name of the object's JSON.
        case member(String)
        /// What a function makes of the object.
        case value(@Sendable (FieldInput) throws -> JSONValue)
        /// What a source has. Fields of an object with the same label ask the same question, which costs once.
        case call(label: String, @Sendable (FieldInput, any GraphQLSource) async throws -> JSONValue)
    }

    public let name: String
    public let type: TypeReference
    public let description: String?
    public let arguments: [InputValue]
    /// How many elements a list is taken to have where no argument says it; 1 for what is no list.
    public let size: Int
    /// The argument that says how many elements there may be.
    public let sizeArgument: String?
    let resolution: Resolution

    private init(_ name: String, _ type: String, _ description: String?, _ arguments: [InputValue], size: Int, by argument: String?, _ resolution: Resolution) {
        (self.name, self.description, self.arguments, self.size, sizeArgument) = (name, description, arguments, size, argument)
        (self.type, self.resolution) = (TypeReference(type) ?? .named(type), resolution)
    }

    /// A field that is a member of its object.
    /// - Parameter member: nil for the field's own name.
    public init(_ name: String, _ type: String, _ description: String? = nil, member: String? = nil, size: Int = 1) {
        self.init(name, type, description, [], size: size, by: nil, .member(member ?? name))
    }

    /// A field that is computed from its object.
    public static func computed(
        _ name: String, _ type: String, _ description: String? = nil, arguments: [InputValue] = [], size: Int = 1,
        _ value: @escaping @Sendable (FieldInput) throws -> JSONValue
    ) -> FieldDefinition {
        FieldDefinition(name, type, description, arguments, size: size, by: nil, .value(value))
    }

    /// A field whose value a source has.
    /// - Parameters:
    ///   - label: what is asked; fields of an object with the same label ask the same.
    ///   - sizeArgument: the argument that says how many elements there may be.
    public static func called(
        _ name: String, _ type: String, _ description: String? = nil, arguments: [InputValue] = [], size: Int = 1, by sizeArgument: String? = nil,
        label: String? = nil, _ call: @escaping @Sendable (FieldInput, any GraphQLSource) async throws -> JSONValue
    ) -> FieldDefinition {
        FieldDefinition(name, type, description, arguments, size: size, by: sizeArgument, .call(label: label ?? name, call))
    }

    /// What it costs to ask a source once.
    static let callCost = 10
    /// What an introspection costs, whose lists are as long as the schema is: a few of them are all that an operation may have.
    static let introspectionCost = 1_000

    func argument(_ name: String) -> InputValue? { arguments.first { $0.name == name } }
}

/// What a field is computed from.
public struct FieldInput: Sendable {
    /// The object whose field it is; null at the root.
    public let object: JSONValue
    /// The arguments that were given or have defaults.
    public let arguments: JSONObject
    let schema: Schema
}

/// Where fields that are no members get their values: one source for each operation.
public protocol GraphQLSource: Sendable {
    /// Asks for something.
    /// - Throws: ``GraphQLError`` in the words of whoever refuses; its place is added.
    func fetch(_ request: SourceRequest) async throws -> JSONValue
}

/// A question to a source; two that are equal have the same answer within an operation, unless they change something.
public struct SourceRequest: Sendable, Hashable {
    public let method: String
    /// The path's segments, as they are, not encoded.
    public let path: [String]
    public let query: [String: String]
    /// JSON; empty for none.
    public let body: [UInt8]
    /// By which a change is done only once.
    public let idempotencyKey: String?
    public var isChange: Bool { method != "GET" }

    public init(_ method: String, _ path: [String], query: [String: String] = [:], body: [UInt8] = [], idempotencyKey: String? = nil) {
        (self.method, self.path, self.query, self.body, self.idempotencyKey) = (method, path, query, body, idempotencyKey)
    }
}

/// How much a request may ask for. Whoever may send documents may send hostile ones: each number bounds one way in which a small document makes much work.
public struct GraphQLLimits: Sendable {
    /// Bytes of a document.
    public var documentBytes = 32 * 1024
    /// Tokens of a document.
    public var tokens = 10_000
    /// How deep braces, brackets and types may be nested as they are written, so that the parser's stack is bounded.
    public var nesting = 50
    /// Operations and fragments of a document together.
    public var definitions = 100
    /// Aliases of a document: they ask for the same thing many times.
    public var aliases = 100
    /// Fields within fields, fragments included; a field of the root has depth 1.
    public var depth = 12
    /// The same below `__schema` and `__type`, where the customary query needs more.
    public var introspectionDepth = 18
    /// How often an introspection may go from a type to its fields and their types.
    public var introspectionRounds = 2
    /// The cost of an operation; see ``FieldDefinition/cost``.
    public var cost = 10_000
    /// Selections that are looked at when fragments are put in their places.
    public var selections = 20_000
    /// Values in an answer.
    public var values = 200_000
    /// Errors that are told.
    public var errors = 50
    public init() {}
}

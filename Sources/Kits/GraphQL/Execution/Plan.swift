import Wire

/// What an operation does, with fragments and variables in their places.
struct Plan: Sendable {
    let kind: OperationKind
    /// The fields of the root.
    let fields: [PlannedField]
    let weight: OperationWeight
}

/// How much an operation asks for, counted before it is executed.
public struct OperationWeight: Sendable, Equatable {
    /// How deep fields lie in fields.
    public internal(set) var depth: Int
    /// Objects that may be in the answer, and what has to be asked for them.
    public internal(set) var cost: Int
    public init(depth: Int, cost: Int) { (self.depth, self.cost) = (depth, cost) }
}

/// A field of the answer: all fields of a document that have this name there.
struct PlannedField: Sendable {
    let responseKey: String
    let definition: FieldDefinition
    let arguments: JSONObject
    let location: SourceLocation
    /// The fields within; empty for a leaf.
    let fields: [PlannedField]
    /// Whether it, or something within, has to be asked of a source.
    let isAsynchronous: Bool
}

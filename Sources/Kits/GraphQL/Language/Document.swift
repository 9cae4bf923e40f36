/// A parsed executable document (GraphQL, October 2021, 2): operations and fragments.
struct Document: Sendable {
    var operations: [OperationNode] = []
    var fragments: [FragmentNode] = []
}

/// What an operation does.
public enum OperationKind: String, Sendable {
    case query
    case mutation
    case subscription
}

struct OperationNode: Sendable {
    let kind: OperationKind
    let name: String?
    let variables: [VariableNode]
    let directives: [DirectiveNode]
    let selections: [SelectionNode]
    let location: SourceLocation
}

struct FragmentNode: Sendable {
    let name: String
    let typeCondition: String
    let directives: [DirectiveNode]
    let selections: [SelectionNode]
    let location: SourceLocation
}

struct VariableNode: Sendable {
    let name: String
    let type: TypeReference
    let defaultValue: ValueNode?
    let directives: [DirectiveNode]
    let location: SourceLocation
}

struct DirectiveNode: Sendable {
    let name: String
    let arguments: [ArgumentNode]
    let location: SourceLocation
}

struct ArgumentNode: Sendable {
    let name: String
    let value: ValueNode
    let location: SourceLocation
}

indirect enum SelectionNode: Sendable {
    case field(FieldNode)
    case spread(SpreadNode)
    case inline(InlineNode)
}

struct FieldNode: Sendable {
    let alias: String?
    let name: String
    let arguments: [ArgumentNode]
    let directives: [DirectiveNode]
    /// Empty where there are no braces.
    let selections: [SelectionNode]
    let location: SourceLocation

    /// The name under which it stands in the answer.
    var responseKey: String { alias ?? name }
}

struct SpreadNode: Sendable {
    let name: String
    let directives: [DirectiveNode]
    let location: SourceLocation
}

struct InlineNode: Sendable {
    let typeCondition: String?
    let directives: [DirectiveNode]
    let selections: [SelectionNode]
    let location: SourceLocation
}

/// A value as it is written.
indirect enum ValueNode: Sendable, Equatable {
    case variable(String)
    /// The number's text.
    case int(String)
    /// The number's text.
    case float(String)
    case string(String)
    case boolean(Bool)
    case null
    case enumeration(String)
    case list([ValueNode])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: String
        let value: ValueNode
    }

    /// What kind of value it is, in words.
    var kind: String {
        switch self {
        case .variable: "a variable"
        case .int: "a whole number"
        case .float: "a number"
        case .string: "a string"
        case .boolean: "a boolean"
        case .null: "null"
        case .enumeration(let name): "the name \(name)"
        case .list: "a list"
        case .object: "an object"
        }
    }

    /// Whether two values say the same: the order of an object's members does not matter.
    func isSame(as other: ValueNode) -> Bool {
        switch (self, other) {
        case (.list(let a), .list(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
        case (.object(let a), .object(let b)):
            a.count == b.count
                && zip(a.sorted { $0.name < $1.name }, b.sorted { $0.name < $1.name }).allSatisfy { $0.name == $1.name && $0.value.isSame(as: $1.value) }
        default: self == other
        }
    }
}

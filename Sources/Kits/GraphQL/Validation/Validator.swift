/// Checks a document against a schema before anything of it is executed (GraphQL, October 2021, 5). All that is wrong is told, up to a limit.
///
/// Each operation and fragment is looked at once, so that the work grows with the document and not with how its fragments use each other. Whether fields of the same
/// name can be merged (5.3.2) is the ``Planner``'s business, because it sees them side by side.
struct Validator {
    /// A use of a variable.
    struct Use {
        let name: String
        /// The type of the place; nil within a value of any shape.
        let type: TypeReference?
        /// Whether the place has a default, so that a variable without a value does no harm.
        let hasDefault: Bool
        let location: SourceLocation
    }

    /// What an operation or a fragment refers to.
    struct References {
        var variables: [Use] = []
        var spreads: [SpreadNode] = []
    }

    let schema: Schema
    let limits: GraphQLLimits
    let document: Document
    private(set) var errors: [GraphQLError] = []
    /// Of fragments, by name.
    var references: [String: References] = [:]
    private let fragments: [String: FragmentNode]

    private init(_ document: Document, _ schema: Schema, _ limits: GraphQLLimits) {
        (self.document, self.schema, self.limits) = (document, schema, limits)
        fragments = Dictionary(document.fragments.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// All mistakes; empty for a document that can be executed.
    static func errors(in document: Document, _ schema: Schema, _ limits: GraphQLLimits) -> [GraphQLError] {
        var validator = Validator(document, schema, limits)
        validator.checkFragments()
        validator.checkOperations()
        return validator.errors
    }

    mutating func refuse(_ message: String, _ locations: SourceLocation...) {
        guard errors.count < limits.errors else { return }
        // Names are the client's, and may be long: an answer is not to be much larger than what it answers.
        errors.append(GraphQLError(String(message.prefix(300)), code: "invalid-document", at: locations))
    }

    private mutating func checkFragments() {
        var seen: Set<String> = []
        for fragment in document.fragments {
            if !seen.insert(fragment.name).inserted { refuse("There are two fragments \"\(fragment.name)\".", fragment.location) }
            var found = References()
            check(fragment.directives, at: "FRAGMENT_DEFINITION", &found)
            if let type = object(fragment.typeCondition, fragment.location) { check(fragment.selections, on: type, &found) }
            references[fragment.name] = found
        }
        checkCycles()
    }

    /// The object that a type condition names.
    private mutating func object(_ name: String, _ location: SourceLocation) -> ObjectType? {
        guard let definition = schema[name] else {
            refuse("There is no type \"\(name)\".", location)
            return nil
        }
        guard case .object(let type) = definition else {
            refuse("\(name) has no fields, so there are no fragments on it.", location)
            return nil
        }
        return type
    }

    /// No fragment may contain itself. Each is entered once.
    private mutating func checkCycles() {
        var finished: Set<String> = []
        for fragment in document.fragments where !finished.contains(fragment.name) {
            var path: [(name: String, next: Int)] = [(fragment.name, 0)]
            while let (name, next) = path.last {
                let spreads = references[name]?.spreads ?? []
                guard next < spreads.count else {
                    finished.insert(name)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let spread = spreads[next]
                if path.contains(where: { $0.name == spread.name }) {
                    refuse("The fragment \"\(spread.name)\" contains itself.", spread.location)
                } else if fragments[spread.name] != nil, !finished.contains(spread.name) {
                    path.append((spread.name, 0))
                }
            }
        }
    }

    private mutating func checkOperations() {
        var names: Set<String> = []
        var used: Set<String> = []
        for operation in document.operations {
            if let name = operation.name, !names.insert(name).inserted { refuse("There are two operations \"\(name)\".", operation.location) }
            if operation.name == nil, document.operations.count > 1 {
                refuse("An operation without a name must be the only one.", operation.location)
            }
            var found = References()
            check(operation.directives, at: operation.kind.rawValue.uppercased(), &found)
            if let type = schema.root(operation.kind) {
                check(operation.selections, on: type, &found)
            } else {
                refuse("There are no \(operation.kind == .query ? "queries" : "\(operation.kind.rawValue)s") here.", operation.location)
            }
            used.formUnion(checkVariables(of: operation, found))
        }
        for fragment in document.fragments where !used.contains(fragment.name) {
            refuse("The fragment \"\(fragment.name)\" is used nowhere.", fragment.location)
        }
    }

    private mutating func check(_ selections: [SelectionNode], on type: ObjectType, _ found: inout References) {
        for selection in selections {
            switch selection {
            case .field(let field): check(field, on: type, &found)
            case .spread(let spread):
                check(spread.directives, at: "FRAGMENT_SPREAD", &found)
                found.spreads.append(spread)
                guard let fragment = fragments[spread.name] else {
                    refuse("There is no fragment \"\(spread.name)\".", spread.location)
                    continue
                }
                checkCondition(fragment.typeCondition, on: type, spread.location)
            case .inline(let inline):
                check(inline.directives, at: "INLINE_FRAGMENT", &found)
                guard let condition = inline.typeCondition else {
                    check(inline.selections, on: type, &found)
                    continue
                }
                checkCondition(condition, on: type, inline.location)
                if let type = object(condition, inline.location) { check(inline.selections, on: type, &found) }
            }
        }
    }

    /// An object is of its own type only. What is no object is told elsewhere.
    private mutating func checkCondition(_ condition: String, on type: ObjectType, _ location: SourceLocation) {
        guard condition != type.name, schema.object(condition) != nil else { return }
        refuse("Here is always a \(type.name), never a \(condition).", location)
    }

    private mutating func check(_ field: FieldNode, on type: ObjectType, _ found: inout References) {
        check(field.directives, at: "FIELD", &found)
        guard let definition = schema.field(field.name, of: type) else {
            return refuse("There is no field \"\(field.name)\" in \(type.name).", field.location)
        }
        check(field.arguments, of: "\(type.name).\(field.name)", definition.arguments, field.location, &found)
        guard let target = schema[definition.type.name] else { return }
        guard case .object(let object) = target else {
            if !field.selections.isEmpty { refuse("\"\(field.name)\" is a \(target.name) and has no fields.", field.location) }
            return
        }
        if field.selections.isEmpty { refuse("Of \"\(field.name)\", which is a \(target.name), fields must be chosen.", field.location) }
        check(field.selections, on: object, &found)
    }
}

import Wire

/// Puts fragments and variables in their places (GraphQL, October 2021, 6.3.2): fields of the same name become one, or the document is refused (5.3.2).
///
/// That can be done before anything is executed, because all types are objects: what a field is does not depend on what it returns. So depth and cost are known
/// before, and a document that is small only because its fragments use each other has to be as large as it makes itself: each selection that is looked at is counted.
struct Planner {
    /// Selections that belong together, and whether a directive leaves them out. What is left out must be valid all the same.
    private struct Part {
        let selections: [SelectionNode]
        let isIncluded: Bool
    }

    /// The fields of the same name.
    private struct Group {
        let first: FieldNode
        let definition: FieldDefinition
        var isIncluded: Bool
        var parts: [Part]
    }

    /// Where the planner is.
    private struct Place {
        var depth = 0
        var isIntrospection = false
        /// How often an introspection has gone from a type to its fields.
        var rounds = 0
    }

    private let schema: Schema
    private let limits: GraphQLLimits
    private let fragments: [String: FragmentNode]
    /// Nil where the operation is only looked at.
    private let coercion: Coercion?
    private var selections: Int
    private var depth = 0

    private init(_ document: Document, _ schema: Schema, _ limits: GraphQLLimits, _ coercion: Coercion?, _ selections: Int) {
        (self.schema, self.limits, self.coercion, self.selections) = (schema, limits, coercion, selections)
        fragments = Dictionary(document.fragments.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The plan of an operation of a valid document.
    /// - Parameter selections: how many were looked at before, in other operations of the document: together they have one bound.
    /// - Throws: ``GraphQLError`` for fields that contradict each other, and for too much.
    static func plan(
        _ operation: OperationNode, of document: Document, _ schema: Schema, _ limits: GraphQLLimits, _ coercion: Coercion, selections: Int
    ) throws(GraphQLError) -> Plan {
        var planner = Planner(document, schema, limits, coercion, selections)
        let (fields, cost) = try planner.root(operation)
        return Plan(kind: operation.kind, fields: fields, weight: OperationWeight(depth: planner.depth, cost: cost))
    }

    /// Looks at an operation that is not executed: its fields must not contradict each other either.
    /// - Parameter selections: how many were looked at; those of this operation are added.
    static func check(
        _ operation: OperationNode, of document: Document, _ schema: Schema, _ limits: GraphQLLimits, selections: inout Int
    ) throws(GraphQLError) {
        var planner = Planner(document, schema, limits, nil, selections)
        _ = try planner.root(operation)
        selections = planner.selections
    }

    private mutating func root(_ operation: OperationNode) throws(GraphQLError) -> ([PlannedField], Int) {
        guard let type = schema.root(operation.kind) else { throw .invalid("There are no \(operation.kind.rawValue)s here.", operation.location) }
        return try plan([Part(selections: operation.selections, isIncluded: true)], on: type, Place())
    }

    private mutating func plan(_ parts: [Part], on type: ObjectType, _ place: Place) throws(GraphQLError) -> ([PlannedField], Int) {
        var groups: [Group] = []
        var places: [String: Int] = [:]
        var visited: Set<String> = []
        for part in parts { try collect(part, on: type, &groups, &places, &visited) }
        var fields: [PlannedField] = []
        var cost = 0
        var labels: Set<String> = []
        for group in groups {
            let (field, own) = try plan(group, place)
            guard group.isIncluded else { continue }
            fields.append(field)
            cost += own
            if case .call(let label, _) = group.definition.resolution, place.depth == 0 || labels.insert(label).inserted { cost += FieldDefinition.callCost }
            guard cost <= limits.cost else { throw .tooMuch("The operation costs more than \(limits.cost).", group.first.location) }
        }
        return (fields, cost)
    }

    /// A field and what it costs, but for asking for it.
    private mutating func plan(_ group: Group, _ place: Place) throws(GraphQLError) -> (PlannedField, Int) {
        let (node, definition) = (group.first, group.definition)
        var place = place
        place.depth += 1
        if node.name == "__schema" || node.name == "__type" { place.isIntrospection = true }
        if place.isIntrospection, ["fields", "inputFields"].contains(node.name) { place.rounds += 1 }
        try check(place, node)
        let given = group.isIncluded ? try coercion?.arguments(node.arguments, definition.arguments, node.location) : nil
        let arguments = given ?? JSONObject(members: [])
        var fields: [PlannedField] = []
        var cost = 0
        if let type = schema.object(definition.type.name) {
            let (within, each) = try plan(group.parts, on: type, place)
            fields = within
            // Null is what the argument is where it is not given.
            let asked = definition.sizeArgument.flatMap { arguments[$0]?.integer ?? definition.argument($0)?.defaultValue?.integer }
            let count = max(1, asked ?? Int64(definition.size))
            // Both factors are bounded: one by 32 bits, the other by the limit of the cost.
            let introspection = node.name == "__schema" || node.name == "__type" ? FieldDefinition.introspectionCost : 0
            cost = introspection + (definition.type.element == nil && definition.sizeArgument == nil ? 1 + each : Int(count) * (1 + each))
        }
        let isCall = if case .call = definition.resolution { true } else { false }
        let field = PlannedField(
            responseKey: node.responseKey, definition: definition, arguments: arguments, location: node.location, fields: fields,
            isAsynchronous: isCall || fields.contains { $0.isAsynchronous })
        return (field, cost)
    }

    private mutating func check(_ place: Place, _ node: FieldNode) throws(GraphQLError) {
        depth = max(depth, place.depth)
        let limit = place.isIntrospection ? limits.introspectionDepth : limits.depth
        guard place.depth <= limit else { throw .tooMuch("Fields lie deeper than \(limit) in fields.", node.location) }
        guard place.rounds <= limits.introspectionRounds else {
            throw .tooMuch("An introspection goes from types to fields \(limits.introspectionRounds) times at most.", node.location)
        }
    }

    /// Sorts the fields of a selection, those of its fragments included, by their names in the answer. Each fragment counts once.
    private mutating func collect(
        _ part: Part, on type: ObjectType, _ groups: inout [Group], _ places: inout [String: Int], _ visited: inout Set<String>
    ) throws(GraphQLError) {
        for selection in part.selections {
            selections += 1
            switch selection {
            case .field(let field):
                try count(field.location)
                let isIncluded = part.isIncluded ? try isIncluded(field.directives, field.location) : false
                try add(field, isIncluded, on: type, &groups, &places)
            case .spread(let spread):
                try count(spread.location)
                let isIncluded = part.isIncluded ? try isIncluded(spread.directives, spread.location) : false
                guard let fragment = fragments[spread.name], visited.insert("\(isIncluded) \(spread.name)").inserted else { continue }
                try collect(Part(selections: fragment.selections, isIncluded: isIncluded), on: type, &groups, &places, &visited)
            case .inline(let inline):
                try count(inline.location)
                let isIncluded = part.isIncluded ? try isIncluded(inline.directives, inline.location) : false
                try collect(Part(selections: inline.selections, isIncluded: isIncluded), on: type, &groups, &places, &visited)
            }
        }
    }

    private func count(_ location: SourceLocation) throws(GraphQLError) {
        guard selections <= limits.selections else {
            throw .tooMuch("With its fragments in their places the operation has more than \(limits.selections) selections.", location)
        }
    }

    private func add(
        _ field: FieldNode, _ isIncluded: Bool, on type: ObjectType, _ groups: inout [Group], _ places: inout [String: Int]
    ) throws(GraphQLError) {
        let part = Part(selections: field.selections, isIncluded: isIncluded)
        if let index = places[field.responseKey] {
            let first = groups[index].first
            guard first.name == field.name, Planner.areSame(first.arguments, field.arguments) else {
                throw .invalid(
                    "\"\(field.responseKey)\" cannot be two things: give one an alias, or both the same arguments.", first.location, field.location)
            }
            groups[index].isIncluded = groups[index].isIncluded || isIncluded
            if !part.selections.isEmpty { groups[index].parts.append(part) }
            return
        }
        guard let definition = schema.field(field.name, of: type) else { throw .invalid("There is no field \"\(field.name)\".", field.location) }
        places[field.responseKey] = groups.count
        groups.append(Group(first: field, definition: definition, isIncluded: isIncluded, parts: [part]))
    }

    private static func areSame(_ a: [ArgumentNode], _ b: [ArgumentNode]) -> Bool {
        a.count == b.count && a.allSatisfy { argument in b.contains { $0.name == argument.name && $0.value.isSame(as: argument.value) } }
    }

    /// What `@skip` and `@include` say (GraphQL, October 2021, 3.13).
    private func isIncluded(_ directives: [DirectiveNode], _ location: SourceLocation) throws(GraphQLError) -> Bool {
        guard let coercion else { return true }
        for directive in directives {
            guard let definition = DirectiveDefinition.named(directive.name) else { continue }
            let condition = try coercion.arguments(directive.arguments, definition.arguments, location)["if"]?.bool ?? false
            if directive.name == "skip" ? condition : !condition { return false }
        }
        return true
    }
}

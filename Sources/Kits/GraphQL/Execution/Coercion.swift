import Wire

/// Makes values of the types that the schema says (GraphQL, October 2021, 6.1.2 and 6.4.1).
struct Coercion {
    let schema: Schema
    /// The variables' values; absent are those that were not given and have no default.
    private(set) var variables: [String: JSONValue] = [:]

    /// Takes over the variables that an operation declares.
    /// - Parameter given: what the client sent.
    /// - Throws: ``GraphQLRefusal`` with all that do not fit.
    init(_ operation: OperationNode, _ given: JSONObject, _ schema: Schema) throws(GraphQLRefusal) {
        self.schema = schema
        var errors: [GraphQLError] = []
        for variable in operation.variables {
            guard let value = given[variable.name] else {
                if let value = variable.defaultValue {
                    do { variables[variable.name] = try literal(value, variable.type, "$" + variable.name) } catch { errors.append(error) }
                } else if variable.type.isRequired {
                    errors.append(
                        GraphQLError("The variable \"$\(variable.name)\" (\(variable.type)) is required.", code: "bad-variables", at: [variable.location]))
                }
                continue
            }
            do { variables[variable.name] = try self.value(value, variable.type, "$" + variable.name) } catch {
                var error = error
                error.locations = [variable.location]
                errors.append(error)
            }
        }
        if !errors.isEmpty { throw GraphQLRefusal(errors) }
    }

    /// The arguments of a field or a directive that are given, or have defaults.
    func arguments(_ nodes: [ArgumentNode], _ definitions: [InputValue], _ location: SourceLocation) throws(GraphQLError) -> JSONObject {
        var members: [JSONObject.Member] = []
        for definition in definitions {
            let node = nodes.first { $0.name == definition.name }
            var value: JSONValue?
            if let node {
                if case .variable(let name) = node.value { value = variables[name] } else { value = try literal(node.value, definition.type, node.name) }
            }
            value = value ?? definition.defaultValue
            guard let value else {
                if definition.type.isRequired {
                    throw GraphQLError("The argument \"\(definition.name)\" is required.", code: "bad-variables", at: [location])
                }
                continue
            }
            if definition.type.isRequired, value == .null {
                throw GraphQLError("The argument \"\(definition.name)\" must not be null.", code: "bad-variables", at: [location])
            }
            members.append(.init(key: definition.name, value: value))
        }
        return JSONObject(members: members)
    }

    /// A value from the client.
    /// - Parameter place: where it stands, in words.
    private func value(_ value: JSONValue, _ type: TypeReference, _ place: String) throws(GraphQLError) -> JSONValue {
        if value == .null {
            guard !type.isRequired else { throw Coercion.mismatch(place, type, "null") }
            return .null
        }
        if let element = type.element {
            guard let values = value.array else { return .array([try self.value(value, element, place)]) }
            var list: [JSONValue] = []
            for (index, value) in values.enumerated() { list.append(try self.value(value, element, "\(place)[\(index)]")) }
            return .array(list)
        }
        switch schema[type.name] {
        case .scalar(let scalar):
            guard let value = scalar.read(value) else { throw Coercion.mismatch(place, type, value.kind) }
            return value
        case .enumeration(let enumeration):
            guard let name = value.string, enumeration.has(name) else { throw Coercion.mismatch(place, type, value.kind) }
            return value
        case .input(let input):
            guard let object = value.object else { throw Coercion.mismatch(place, type, value.kind) }
            if let unknown = object.members.first(where: { input.field($0.key) == nil }) {
                throw GraphQLError("\"\(place)\" has no member \"\(unknown.key.prefix(64))\" (\(input.name)).", code: "bad-variables")
            }
            return try members(of: input, place) { field throws(GraphQLError) in
                guard let value = object[field.name] else { return nil }
                return try self.value(value, field.type, "\(place).\(field.name)")
            }
        case .object, nil: throw Coercion.mismatch(place, type, value.kind)
        }
    }

    /// A value that stands in the document, which is valid but for the values of its variables.
    private func literal(_ node: ValueNode, _ type: TypeReference, _ place: String) throws(GraphQLError) -> JSONValue {
        switch node {
        case .variable(let name):
            let value = variables[name] ?? .null
            guard value != .null || !type.isRequired else { throw Coercion.mismatch(place, type, "null") }
            return value
        case .null: return .null
        default: break
        }
        if let element = type.element {
            guard case .list(let nodes) = node else { return .array([try literal(node, element, place)]) }
            var list: [JSONValue] = []
            for node in nodes { list.append(try literal(node, element, place)) }
            return .array(list)
        }
        if case .input(let input) = schema[type.name], case .object(let given) = node {
            return try members(of: input, place) { field throws(GraphQLError) in
                guard let member = given.first(where: { $0.name == field.name }) else { return nil }
                // A variable without a value counts as a member that is not there.
                if case .variable(let name) = member.value, variables[name] == nil { return nil }
                return try literal(member.value, field.type, "\(place).\(field.name)")
            }
        }
        if case .scalar(let scalar) = schema[type.name] {
            guard let json = json(node), let value = scalar.read(json) else { throw Coercion.mismatch(place, type, node.kind) }
            return value
        }
        guard case .enumeration(let name) = node else { throw Coercion.mismatch(place, type, node.kind) }
        return .string(name)
    }

    private func members(
        of input: InputType, _ place: String, _ value: (InputValue) throws(GraphQLError) -> JSONValue?
    ) throws(GraphQLError) -> JSONValue {
        var members: [JSONObject.Member] = []
        for field in input.fields {
            if let value = try value(field) ?? field.defaultValue {
                members.append(.init(key: field.name, value: value))
            } else if field.type.isRequired {
                throw GraphQLError("\"\(place).\(field.name)\" (\(field.type)) is required.", code: "bad-variables")
            }
        }
        return .object(JSONObject(members: members))
    }

    /// The JSON that a literal is, with the values of its variables.
    private func json(_ node: ValueNode) -> JSONValue? {
        switch node {
        case .variable(let name): return variables[name] ?? .null
        case .list(let nodes): return .array(nodes.compactMap(json))
        case .object(let members):
            return .object(JSONObject(members: members.compactMap { member in json(member.value).map { .init(key: member.name, value: $0) } }))
        default: return Coercion.json(node)
        }
    }

    /// The JSON that a literal without variables is; nil for names and what has parts.
    static func json(_ node: ValueNode) -> JSONValue? {
        switch node {
        case .int(let text), .float(let text): .number(text)
        case .string(let text): .string(text)
        case .boolean(let value): .bool(value)
        case .null: .null
        case .variable, .enumeration, .list, .object: nil
        }
    }

    private static func mismatch(_ place: String, _ type: TypeReference, _ found: String) -> GraphQLError {
        GraphQLError("\"\(place)\" must be \(type), not \(found).", code: "bad-variables")
    }
}

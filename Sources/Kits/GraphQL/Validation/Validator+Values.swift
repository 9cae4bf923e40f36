import Wire

/// Arguments, directives and values (GraphQL, October 2021, 5.4, 5.6 and 5.7).
extension Validator {
    mutating func check(_ directives: [DirectiveNode], at place: String, _ found: inout References) {
        var seen: Set<String> = []
        for directive in directives {
            guard let definition = DirectiveDefinition.named(directive.name) else {
                refuse("There is no directive \"@\(directive.name)\".", directive.location)
                continue
            }
            if !seen.insert(directive.name).inserted { refuse("\"@\(directive.name)\" stands here twice.", directive.location) }
            if !definition.locations.contains(place) { refuse("\"@\(directive.name)\" must not stand here.", directive.location) }
            check(directive.arguments, of: "@\(directive.name)", definition.arguments, directive.location, &found)
        }
    }

    /// - Parameter owner: what has the arguments, in words.
    mutating func check(
        _ arguments: [ArgumentNode], of owner: String, _ definitions: [InputValue], _ location: SourceLocation, _ found: inout References
    ) {
        var seen: Set<String> = []
        for argument in arguments {
            if !seen.insert(argument.name).inserted { refuse("The argument \"\(argument.name)\" is given twice.", argument.location) }
            guard let definition = definitions.first(where: { $0.name == argument.name }) else {
                refuse("\(owner) has no argument \"\(argument.name)\".", argument.location)
                // Its variables are in use all the same.
                check(argument.value, nil, hasDefault: false, argument, &found)
                continue
            }
            check(argument.value, definition.type, hasDefault: definition.defaultValue != nil, argument, &found)
        }
        for definition in definitions where definition.isRequired && !seen.contains(definition.name) {
            refuse("\(owner) needs the argument \"\(definition.name)\" (\(definition.type)).", location)
        }
    }

    /// Whether a value may stand at a place of a type; the variables in it are noted.
    /// - Parameter type: nil for a place that takes anything.
    mutating func check(_ value: ValueNode, _ type: TypeReference?, hasDefault: Bool, _ argument: ArgumentNode, _ found: inout References) {
        if case .variable(let name) = value {
            found.variables.append(Use(name: name, type: type, hasDefault: hasDefault, location: argument.location))
            return
        }
        guard let type else { return checkMembers(value, argument, &found) }
        if case .null = value {
            if type.isRequired { refuse("\"\(argument.name)\" must not be null: \(type) is needed.", argument.location) }
            return
        }
        if let element = type.element {
            guard case .list(let values) = value else { return check(value, element, hasDefault: false, argument, &found) }
            for value in values { check(value, element, hasDefault: false, argument, &found) }
            return
        }
        switch schema[type.name] {
        case .scalar(let scalar): check(value, scalar, argument, &found)
        case .enumeration(let enumeration):
            guard case .enumeration(let name) = value, enumeration.has(name) else {
                return refuse(
                    "\"\(argument.name)\" must be one of \(enumeration.values.map(\.name).joined(separator: ", ")), not \(value.kind).", argument.location)
            }
        case .input(let input): check(value, input, argument, &found)
        case .object, nil: refuse("\"\(argument.name)\" cannot be given.", argument.location)
        }
    }

    /// Notes the variables in a value of any shape.
    private mutating func checkMembers(_ value: ValueNode, _ argument: ArgumentNode, _ found: inout References) {
        switch value {
        case .list(let values): for value in values { check(value, nil, hasDefault: false, argument, &found) }
        case .object(let members):
            if Set(members.map(\.name)).count != members.count { refuse("\"\(argument.name)\" has a member twice.", argument.location) }
            for member in members { check(member.value, nil, hasDefault: false, argument, &found) }
        case .enumeration: refuse("\"\(argument.name)\" cannot be \(value.kind) here.", argument.location)
        default: return
        }
    }

    private mutating func check(_ value: ValueNode, _ scalar: ScalarType, _ argument: ArgumentNode, _ found: inout References) {
        if scalar.name == BuiltInTypes.json.name { return checkMembers(value, argument, &found) }
        // A whole number is written as one; 1.0 is accepted from variables alone, whose JSON knows one kind of number.
        let isFraction = if case .float = value { scalar.name == BuiltInTypes.int.name || scalar.name == BuiltInTypes.long.name } else { false }
        guard !isFraction, let json = Coercion.json(value), scalar.read(json) != nil else {
            return refuse("\"\(argument.name)\" must be \(scalar.name), not \(value.kind).", argument.location)
        }
    }

    private mutating func check(_ value: ValueNode, _ input: InputType, _ argument: ArgumentNode, _ found: inout References) {
        guard case .object(let members) = value else {
            return refuse("\"\(argument.name)\" must be an object (\(input.name)), not \(value.kind).", argument.location)
        }
        var seen: Set<String> = []
        for member in members {
            let place = ArgumentNode(name: member.name, value: member.value, location: argument.location)
            if !seen.insert(member.name).inserted { refuse("\(input.name) has the member \"\(member.name)\" twice here.", argument.location) }
            guard let field = input.field(member.name) else {
                refuse("\(input.name) has no member \"\(member.name)\".", argument.location)
                check(member.value, nil, hasDefault: false, place, &found)
                continue
            }
            check(member.value, field.type, hasDefault: field.defaultValue != nil, place, &found)
        }
        for field in input.fields where field.isRequired && !seen.contains(field.name) {
            refuse("\(input.name) needs the member \"\(field.name)\" (\(field.type)).", argument.location)
        }
    }
}

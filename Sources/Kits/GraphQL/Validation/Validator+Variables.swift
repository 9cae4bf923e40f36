/// Variables (GraphQL, October 2021, 5.8): declared once, of types that can be sent, all used, and used where their type fits.
extension Validator {
    /// - Parameter found: what the operation itself refers to.
    /// - Returns: the fragments that the operation uses, directly or through others.
    mutating func checkVariables(of operation: OperationNode, _ found: References) -> Set<String> {
        var declared: [String: VariableNode] = [:]
        for variable in operation.variables {
            if declared.updateValue(variable, forKey: variable.name) != nil {
                refuse("The variable \"$\(variable.name)\" is declared twice.", variable.location)
            }
            var none = References()
            check(variable.directives, at: "VARIABLE_DEFINITION", &none)
            checkType(of: variable)
        }
        var reached: Set<String> = []
        var waiting = found.spreads.map(\.name)
        var uses = found.variables
        while let name = waiting.popLast() {
            guard let fragment = references[name], reached.insert(name).inserted else { continue }
            uses += fragment.variables
            waiting += fragment.spreads.map(\.name)
        }
        for use in uses { check(use, declared, operation) }
        let used = Set(uses.map(\.name))
        for variable in operation.variables where !used.contains(variable.name) {
            refuse("The variable \"$\(variable.name)\" is used nowhere in this operation.", variable.location)
        }
        return reached
    }

    private mutating func checkType(of variable: VariableNode) {
        guard let type = schema[variable.type.name] else { return refuse("There is no type \"\(variable.type.name)\".", variable.location) }
        guard type.isInput else { return refuse("\"$\(variable.name)\" cannot be of the type \(variable.type): it cannot be sent.", variable.location) }
        guard let value = variable.defaultValue else { return }
        var none = References()
        check(value, variable.type, hasDefault: false, ArgumentNode(name: "$" + variable.name, value: value, location: variable.location), &none)
    }

    private mutating func check(_ use: Use, _ declared: [String: VariableNode], _ operation: OperationNode) {
        guard let variable = declared[use.name] else {
            return refuse("The variable \"$\(use.name)\" is not declared\(operation.name.map { " in \"\($0)\"" } ?? "").", use.location, operation.location)
        }
        guard let place = use.type, schema[variable.type.name]?.isInput == true else { return }
        let hasValue = use.hasDefault || variable.defaultValue.map { $0 != .null } ?? false
        let needed = place.isRequired && !variable.type.isRequired && hasValue ? place.optional : place
        if !variable.type.isCompatible(with: needed) {
            refuse("\"$\(use.name)\" is a \(variable.type); here must be a \(place).", variable.location, use.location)
        }
    }
}

/// Values and types.
extension Parser {
    /// - Parameter isConstant: whether variables may not stand here.
    mutating func value(isConstant: Bool) throws(GraphQLError) -> ValueNode {
        try descend()
        defer { ascend() }
        let token = token
        switch token.kind {
        case .int:
            advance()
            return .int(token.text)
        case .float:
            advance()
            return .float(token.text)
        case .string:
            advance()
            return .string(token.text)
        case .name:
            advance()
            return Parser.word(token.text)
        case .punctuator(UInt8(ascii: "[")): return .list(try list(isConstant: isConstant))
        case .punctuator(UInt8(ascii: "{")): return .object(try object(isConstant: isConstant))
        case .punctuator(UInt8(ascii: "$")) where !isConstant:
            advance()
            return .variable(try name())
        default: throw .syntax("Expected a value, found \(token.words).", token.location)
        }
    }

    private static func word(_ text: String) -> ValueNode {
        switch text {
        case "true": .boolean(true)
        case "false": .boolean(false)
        case "null": .null
        default: .enumeration(text)
        }
    }

    private mutating func list(isConstant: Bool) throws(GraphQLError) -> [ValueNode] {
        try expect("[")
        var values: [ValueNode] = []
        while !takes("]") { values.append(try value(isConstant: isConstant)) }
        return values
    }

    private mutating func object(isConstant: Bool) throws(GraphQLError) -> [ValueNode.Member] {
        try expect("{")
        var members: [ValueNode.Member] = []
        while !takes("}") {
            let name = try name()
            try expect(":")
            members.append(ValueNode.Member(name: name, value: try value(isConstant: isConstant)))
        }
        return members
    }

    mutating func type() throws(GraphQLError) -> TypeReference {
        try descend()
        defer { ascend() }
        let type: TypeReference
        if takes("[") {
            type = .list(try self.type())
            try expect("]")
        } else {
            type = .named(try name())
        }
        return takes("!") ? .required(type) : type
    }
}

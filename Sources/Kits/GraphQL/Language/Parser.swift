/// Parses executable documents (GraphQL, October 2021, 2.2 to 2.12; descriptions as of September 2025) by recursive descent, with a bound on the recursion. Schemas are not read.
struct Parser {
    private let tokens: [Token]
    let limits: GraphQLLimits
    private var index = 0
    private var depth = 0
    private var aliases = 0

    private init(_ tokens: [Token], _ limits: GraphQLLimits) { (self.tokens, self.limits) = (tokens, limits) }

    /// - Throws: ``GraphQLError``: a syntax error, or too much of something.
    static func parse(_ text: String, _ limits: GraphQLLimits) throws(GraphQLError) -> Document {
        var parser = Parser(try Lexer.tokens(text, limits), limits)
        return try parser.document()
    }

    /// The token at hand; the last one is the end, and nothing goes beyond it.
    var token: Token { tokens[min(index, tokens.count - 1)] }

    mutating func advance() { if index < tokens.count - 1 { index += 1 } }

    /// Takes a punctuator if it is there.
    mutating func takes(_ mark: Unicode.Scalar) -> Bool {
        guard case .punctuator(let byte) = token.kind, UInt32(byte) == mark.value else { return false }
        advance()
        return true
    }

    func isAt(_ mark: Unicode.Scalar) -> Bool {
        guard case .punctuator(let byte) = token.kind else { return false }
        return UInt32(byte) == mark.value
    }

    mutating func expect(_ mark: Unicode.Scalar) throws(GraphQLError) {
        guard takes(mark) else { throw .syntax("Expected \"\(mark)\", found \(token.words).", token.location) }
    }

    mutating func name() throws(GraphQLError) -> String {
        guard token.kind == .name else { throw .syntax("Expected a name, found \(token.words).", token.location) }
        let text = token.text
        advance()
        return text
    }

    private mutating func keyword(_ word: String) -> Bool {
        guard token.kind == .name, token.text == word else { return false }
        advance()
        return true
    }

    /// Skips a description, as the edition of September 2025 allows before operations, fragments and variables.
    private mutating func describes() -> Bool {
        guard token.kind == .string else { return false }
        advance()
        return true
    }

    /// Goes one level deeper, which must be followed by ``ascend()``.
    mutating func descend() throws(GraphQLError) {
        depth += 1
        guard depth <= limits.nesting else { throw .tooMuch("The document is nested deeper than \(limits.nesting) levels.", token.location) }
    }

    mutating func ascend() { depth -= 1 }

    private mutating func document() throws(GraphQLError) -> Document {
        var document = Document()
        repeat {
            let isDescribed = describes()
            let location = token.location
            if isDescribed, isAt("{") { throw .syntax("Only what begins with a word can be described.", location) }
            if keyword("fragment") { document.fragments.append(try fragment(location)) } else { document.operations.append(try operation()) }
            guard document.operations.count + document.fragments.count <= limits.definitions else {
                throw .tooMuch("The document has more than \(limits.definitions) operations and fragments.", location)
            }
        } while token.kind != .end
        return document
    }

    private mutating func operation() throws(GraphQLError) -> OperationNode {
        let location = token.location
        if isAt("{") {
            return OperationNode(kind: .query, name: nil, variables: [], directives: [], selections: try selections(), location: location)
        }
        guard token.kind == .name, let kind = OperationKind(rawValue: token.text) else {
            throw .syntax("Expected query, mutation, fragment or \"{\", found \(token.words).", location)
        }
        advance()
        let name = token.kind == .name ? try name() : nil
        let variables = try variables()
        let directives = try directives(isConstant: false)
        return OperationNode(kind: kind, name: name, variables: variables, directives: directives, selections: try selections(), location: location)
    }

    private mutating func fragment(_ location: SourceLocation) throws(GraphQLError) -> FragmentNode {
        guard token.text != "on" else { throw .syntax("A fragment must not be named \"on\".", token.location) }
        let name = try name()
        guard keyword("on") else { throw .syntax("Expected \"on\", found \(token.words).", token.location) }
        let type = try self.name()
        let directives = try directives(isConstant: false)
        return FragmentNode(name: name, typeCondition: type, directives: directives, selections: try selections(), location: location)
    }

    private mutating func variables() throws(GraphQLError) -> [VariableNode] {
        guard takes("(") else { return [] }
        var variables: [VariableNode] = []
        repeat {
            _ = describes()
            let location = token.location
            try expect("$")
            let name = try name()
            try expect(":")
            let type = try type()
            let value = takes("=") ? try value(isConstant: true) : nil
            variables.append(VariableNode(name: name, type: type, defaultValue: value, directives: try directives(isConstant: true), location: location))
        } while !takes(")")
        return variables
    }

    private mutating func selections() throws(GraphQLError) -> [SelectionNode] {
        try descend()
        try expect("{")
        var selections: [SelectionNode] = []
        repeat { selections.append(try selection()) } while !takes("}")
        ascend()
        return selections
    }

    private mutating func selection() throws(GraphQLError) -> SelectionNode {
        let location = token.location
        guard token.kind == .ellipsis else { return .field(try field(location)) }
        advance()
        if token.kind == .name, token.text != "on" {
            let name = try name()
            return .spread(SpreadNode(name: name, directives: try directives(isConstant: false), location: location))
        }
        let type = keyword("on") ? try name() : nil
        let directives = try directives(isConstant: false)
        return .inline(InlineNode(typeCondition: type, directives: directives, selections: try selections(), location: location))
    }

    private mutating func field(_ location: SourceLocation) throws(GraphQLError) -> FieldNode {
        var name = try name()
        var alias: String?
        if takes(":") {
            alias = name
            name = try self.name()
            aliases += 1
            guard aliases <= limits.aliases else { throw .tooMuch("The document has more than \(limits.aliases) aliases.", location) }
        }
        let arguments = try arguments(isConstant: false)
        let directives = try directives(isConstant: false)
        let selections = isAt("{") ? try selections() : []
        return FieldNode(alias: alias, name: name, arguments: arguments, directives: directives, selections: selections, location: location)
    }

    private mutating func directives(isConstant: Bool) throws(GraphQLError) -> [DirectiveNode] {
        var directives: [DirectiveNode] = []
        while isAt("@") {
            let location = token.location
            advance()
            let name = try name()
            directives.append(DirectiveNode(name: name, arguments: try arguments(isConstant: isConstant), location: location))
        }
        return directives
    }

    private mutating func arguments(isConstant: Bool) throws(GraphQLError) -> [ArgumentNode] {
        guard takes("(") else { return [] }
        var arguments: [ArgumentNode] = []
        repeat {
            let location = token.location
            let name = try name()
            try expect(":")
            arguments.append(ArgumentNode(name: name, value: try value(isConstant: isConstant), location: location))
        } while !takes(")")
        return arguments
    }
}

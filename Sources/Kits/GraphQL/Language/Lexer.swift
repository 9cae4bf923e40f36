/// A token of a document.
struct Token: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// One of `! $ & ( ) : = @ [ ] { | }`.
        case punctuator(UInt8)
        /// `...`
        case ellipsis
        case name
        case int
        case float
        case string
        case end
    }

    let kind: Kind
    /// The name, the number's text, or the string's value.
    let text: String
    let location: SourceLocation

    /// The token as messages name it.
    var words: String {
        switch kind {
        case .punctuator(let byte): "\"\(Character(UnicodeScalar(byte)))\""
        case .ellipsis: "\"...\""
        case .name: "the name \"\(text.prefix(40))\""
        case .int, .float: "the number \(text.prefix(40))"
        case .string: "a string"
        case .end: "the end of the document"
        }
    }
}

/// Takes a document to pieces (GraphQL, October 2021, 2.1; strings with the escapes `\u{...}` of the later draft).
struct Lexer {
    let bytes: [UInt8]
    var index = 0
    var line = 1
    var lineStart = 0
    /// Bytes of this line so far that do not begin a character.
    var continuations = 0

    private init(_ text: String) { bytes = Array(text.utf8) }

    /// All tokens of a document, the last of which is the end.
    static func tokens(_ text: String, _ limits: GraphQLLimits) throws(GraphQLError) -> [Token] {
        guard text.utf8.count <= limits.documentBytes else {
            throw .tooMuch("The document has \(text.utf8.count) bytes; at most \(limits.documentBytes) are read.")
        }
        var lexer = Lexer(text)
        var tokens: [Token] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
            guard tokens.count <= limits.tokens else { throw .tooMuch("The document has more than \(limits.tokens) tokens.", token.location) }
        }
    }

    var location: SourceLocation { SourceLocation(line: line, column: index - lineStart - continuations + 1) }
    var isAtEnd: Bool { index >= bytes.count }

    /// The byte at a distance; nil behind the end.
    func peek(_ distance: Int = 0) -> UInt8? { index + distance < bytes.count ? bytes[index + distance] : nil }

    private mutating func next() throws(GraphQLError) -> Token {
        skipIgnored()
        let location = location
        guard let byte = peek() else { return Token(kind: .end, text: "", location: location) }
        switch byte {
        case UInt8(ascii: "."):
            guard peek(1) == UInt8(ascii: "."), peek(2) == UInt8(ascii: ".") else { throw .syntax("A single point is nothing here.", location) }
            index += 3
            return Token(kind: .ellipsis, text: "", location: location)
        case UInt8(ascii: "\""): return Token(kind: .string, text: try string(), location: location)
        case UInt8(ascii: "-"), 48...57: return try number()
        case _ where Lexer.beginsName(byte): return Token(kind: .name, text: name(), location: location)
        case _ where "!$&():=@[]{|}".utf8.contains(byte):
            index += 1
            return Token(kind: .punctuator(byte), text: "", location: location)
        default: throw .syntax("This character is nothing here.", location)
        }
    }

    /// Skips space, line ends, commas, comments and the byte order mark.
    private mutating func skipIgnored() {
        while let byte = peek() {
            switch byte {
            case 9, 32, UInt8(ascii: ","): index += 1
            case 10, 13: newLine()
            case UInt8(ascii: "#"): while let byte = peek(), byte != 10, byte != 13 { skipInText(byte) }
            case 0xEF where peek(1) == 0xBB && peek(2) == 0xBF:
                index += 3
                continuations += 2
            default: return
            }
        }
    }

    /// Goes behind a line's end: LF, CR, or both.
    mutating func newLine() {
        index += peek() == 13 && peek(1) == 10 ? 2 : 1
        (line, lineStart, continuations) = (line + 1, index, 0)
    }

    /// Goes behind a byte of a text, where characters may have several.
    mutating func skipInText(_ byte: UInt8) {
        if byte & 0xC0 == 0x80 { continuations += 1 }
        index += 1
    }

    private mutating func name() -> String {
        let start = index
        while let byte = peek(), Lexer.beginsName(byte) || Lexer.isDigit(byte) { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func number() throws(GraphQLError) -> Token {
        let (start, location) = (index, location)
        var kind = Token.Kind.int
        if peek() == UInt8(ascii: "-") { index += 1 }
        if peek() == UInt8(ascii: "0") {
            index += 1
            if let byte = peek(), Lexer.isDigit(byte) { throw .syntax("A number must not begin with 0.", location) }
        } else {
            try digits(location)
        }
        if peek() == UInt8(ascii: ".") {
            kind = .float
            index += 1
            try digits(location)
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            kind = .float
            index += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { index += 1 }
            try digits(location)
        }
        if let byte = peek(), byte == UInt8(ascii: ".") || Lexer.beginsName(byte) { throw .syntax("This number does not end as numbers do.", location) }
        return Token(kind: kind, text: String(decoding: bytes[start..<index], as: UTF8.self), location: location)
    }

    private mutating func digits(_ location: SourceLocation) throws(GraphQLError) {
        guard let byte = peek(), Lexer.isDigit(byte) else { throw .syntax("This number lacks a digit.", location) }
        while let byte = peek(), Lexer.isDigit(byte) { index += 1 }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    static func beginsName(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 }
}

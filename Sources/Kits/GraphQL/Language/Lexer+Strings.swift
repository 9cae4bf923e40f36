/// Strings: between quotation marks with escapes, and blocks between three of them.
extension Lexer {
    /// The value of the string that begins here.
    mutating func string() throws(GraphQLError) -> String {
        let quote = UInt8(ascii: "\"")
        if peek(1) == quote, peek(2) == quote { return try blockString() }
        let start = location
        index += 1
        var value: [UInt8] = []
        while let byte = peek(), byte != 10, byte != 13 {
            if byte == quote {
                index += 1
                return String(decoding: value, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\") {
                try escape(into: &value)
            } else {
                value.append(byte)
                skipInText(byte)
            }
        }
        throw .syntax("This string does not end.", start)
    }

    private mutating func escape(into value: inout [UInt8]) throws(GraphQLError) {
        let start = location
        guard let byte = peek(1) else { throw .syntax("This escape does not end.", start) }
        index += 2
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): value.append(byte)
        case UInt8(ascii: "b"): value.append(8)
        case UInt8(ascii: "f"): value.append(12)
        case UInt8(ascii: "n"): value.append(10)
        case UInt8(ascii: "r"): value.append(13)
        case UInt8(ascii: "t"): value.append(9)
        case UInt8(ascii: "u"): value.append(contentsOf: String(Character(try unicode(start))).utf8)
        default: throw .syntax("There is no such escape.", start)
        }
    }

    /// A character by its number: `XXXX`, two of these as a surrogate pair, or `{X...}`; the letter u is read already.
    private mutating func unicode(_ start: SourceLocation) throws(GraphQLError) -> UnicodeScalar {
        var code: UInt32
        if peek() == UInt8(ascii: "{") {
            code = try braced(start)
        } else {
            code = try fourDigits(start)
            if (0xD800...0xDBFF).contains(code), peek() == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") {
                index += 2
                let low = try fourDigits(start)
                guard (0xDC00...0xDFFF).contains(low) else { throw .syntax("This escape is half a character.", start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
        }
        guard let scalar = UnicodeScalar(code) else { throw .syntax("This escape is no character.", start) }
        return scalar
    }

    private mutating func braced(_ start: SourceLocation) throws(GraphQLError) -> UInt32 {
        index += 1
        var code: UInt32 = 0
        var count = 0
        while let byte = peek(), let digit = Lexer.hex(byte) {
            // Leading zeros may be many; what is too large stays too large.
            code = min(code, 0x10FFFF) * 16 + digit
            count += 1
            index += 1
        }
        guard count > 0, code <= 0x10FFFF, peek() == UInt8(ascii: "}") else { throw .syntax("This escape is no character.", start) }
        index += 1
        return code
    }

    private mutating func fourDigits(_ start: SourceLocation) throws(GraphQLError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Lexer.hex(byte) else { throw .syntax("This escape lacks a digit.", start) }
            code = code << 4 + digit
            index += 1
        }
        return code
    }

    private static func hex(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 48...57: UInt32(byte - 48)
        case 65...70: UInt32(byte - 55)
        case 97...102: UInt32(byte - 87)
        default: nil
        }
    }

    private mutating func blockString() throws(GraphQLError) -> String {
        let start = location
        let quote = UInt8(ascii: "\"")
        index += 3
        var lines: [[UInt8]] = [[]]
        while let byte = peek() {
            if byte == quote, peek(1) == quote, peek(2) == quote {
                index += 3
                return Lexer.unindented(lines)
            }
            if byte == UInt8(ascii: "\\"), peek(1) == quote, peek(2) == quote, peek(3) == quote {
                lines[lines.count - 1] += [quote, quote, quote]
                index += 4
            } else if byte == 10 || byte == 13 {
                lines.append([])
                newLine()
            } else {
                lines[lines.count - 1].append(byte)
                skipInText(byte)
            }
        }
        throw .syntax("This string does not end.", start)
    }

    /// Takes away what all lines but the first are indented by, and blank lines at both ends (GraphQL, October 2021, 2.9.4).
    private static func unindented(_ lines: [[UInt8]]) -> String {
        func indent(_ line: [UInt8]) -> Int? { line.firstIndex { $0 != 32 && $0 != 9 } }
        let common = lines.dropFirst().compactMap(indent).min() ?? 0
        let cut = lines.enumerated().map { $0.offset == 0 ? $0.element : Array($0.element.dropFirst(common)) }
        guard let first = cut.firstIndex(where: { indent($0) != nil }), let last = cut.lastIndex(where: { indent($0) != nil }) else { return "" }
        return String(decoding: Array(cut[first...last].joined(separator: [10])), as: UTF8.self)
    }
}

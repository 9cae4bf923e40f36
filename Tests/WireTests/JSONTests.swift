import Testing

@testable import Wire

@Suite("JSON parser")
struct JSONParserTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    @Test(
        "accepts what RFC 8259 allows",
        arguments: [
            "null", "true", "false", "0", "-0", "10", "-1.5e+10", "1E-2", "\"\"", "[]", "{}", " [ 1 , 2 ] ", "\t\r\n{\"a\" : null}\n", "[[[]],{}]", "{\"\":1}",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "\"\\ud83d\\ude80\"", "\"\u{7F}\u{E9}\u{1F680}\"", "{\"a\":1,\"A\":2}", "123456789012345678901234567890",
        ])
    func accepts(text: String) throws { _ = try parse(text) }

    @Test(
        "refuses everything else, and what readers disagree about",
        arguments: [
            "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1 2", "[1,]", "[,1]", "[1 2]", "[",
            "]", "{", "}", "{\"a\"}",
            "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[1]x", "{}{}",
            "// c\n1", "\"", "\"a", "\"\\",
            "\"\\u12\"", "\"\\u12g4\"", "\"\\x41\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\u0000\"",
            "\"a\nb\"", "\"a\tb\"", "\"\u{1}\"",
            "\u{FEFF}1", "\u{A0}1", "1\u{0}", "\u{0}", "[1\u{0}]",
        ])
    func refuses(text: String) { #expect(throws: JSONSyntaxError.self) { try parse(text) } }

    @Test("finds duplicate keys among many as well")
    func manyKeys() throws {
        let members = (0..<40).map { "\"k\($0)\":\($0)" }
        let object = try #require(try parse("{" + members.joined(separator: ",") + "}").object)
        #expect(object.members.map(\.key) == (0..<40).map { "k\($0)" })
        for duplicate in [0, 15, 16, 17, 39] {
            let error = #expect(throws: JSONSyntaxError.self) { try parse("{" + (members + ["\"k\(duplicate)\":1"]).joined(separator: ",") + "}") }
            #expect(error?.reason == "duplicate key")
        }
    }

    @Test("nests 64 levels deep and no deeper")
    func depth() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = open == "[" ? "" : "1"
            _ = try parse(String(repeating: open, count: 64) + inner + String(repeating: close, count: 64))
            #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: open, count: 65) + inner + String(repeating: close, count: 65)) }
            #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: open, count: 100_000)) }
        }
    }

    @Test("keeps numbers as they are written, up to 128 characters")
    func numbers() throws {
        #expect(try parse("1.10e+2") == .number("1.10e+2"))
        #expect(try parse(String(repeating: "9", count: 128)).integer == nil)
        #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: "9", count: 129)) }
        #expect(try parse("9223372036854775807").integer == .max)
        #expect(try parse("-9223372036854775808").integer == .min)
        for text in ["9223372036854775808", "1.0", "1e2"] { #expect(try parse(text).integer == nil) }
        #expect(try parse("1e400").double == .infinity)
    }

    @Test("reads escapes as the characters that they stand for")
    func escapes() throws {
        #expect(try parse("\"\\u00e9\\ud83d\\ude80\\\"\\/\\b\\f\\n\\r\\t\"").string == "\u{E9}\u{1F680}\"/\u{8}\u{C}\n\r\t")
    }

    @Test(
        "refuses bytes that are no UTF-8, with and without escapes beside them",
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80], [0xC3]] as [[UInt8]])
    func utf8(bytes: [UInt8]) {
        for prefix in ["\"", "\"\\n", "{\""] {
            let suffix = prefix == "{\"" ? "\":1}" : "\""
            #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(Array(prefix.utf8) + bytes + Array(suffix.utf8)) }
        }
    }

    @Test("no bytes make it trap, and what it accepts it reads again from its own writing")
    func fuzz() throws {
        var random = SystemRandomNumberGenerator()
        let seed = Array(#"{"a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude80\n",{"b":{"c":[]}}],"d":"x","é":0}"#.utf8)
        let alphabet = Array("{}[]\",:\\u0019eE+-.tfn \n".utf8) + [0, 0xC3, 0xA9, 0xED, 0xFF]
        var accepted = 0
        for round in 0..<30_000 {
            var bytes = round % 4 == 0 ? (0..<Int.random(in: 0...30, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 } : seed
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: bytes[index] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(bytes[index], at: index)
                default: bytes = Array(bytes.prefix(index))
                }
            }
            guard let value = try? JSONParser.parse(bytes) else { continue }
            accepted += 1
            var writer = JSONWriter()
            writer.value(value)
            #expect(try JSONParser.parse(writer.bytes) == value)
        }
        #expect(accepted > 1000)
    }
}

@Suite("JSON writer")
struct JSONWriterTests {
    private func text(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("puts commas between members and elements and nowhere else")
    func commas() {
        let written = text { json in
            json.object { json in
                json.member("a", 1)
                json.key("b")
                json.array { json in
                    json.object { _ in }
                    json.array([Int64.min, .max]) { $0.integer($1) }
                    json.null()
                    json.raw("{}")
                    json.raw([91, 93])
                }
                json.optional("none", nil as String?)
                json.optional("c", "x")
                json.member("d", true)
                json.key(escaping: "e\"")
                json.bool(false)
            }
        }
        #expect(written == #"{"a":1,"b":[{},[-9223372036854775808,9223372036854775807],null,{},[]],"c":"x","d":true,"e\"":false}"#)
    }

    @Test("escapes what must be escaped and nothing else")
    func escaping() {
        #expect(
            text { $0.string("\"\\/\u{8}\u{9}\u{A}\u{C}\u{D}\u{0}\u{1F}\u{7F}\u{E9}\u{1F680}") } == #""\"\\/\b\t\n\f\r\u0000\u001f"# + "\u{7F}\u{E9}\u{1F680}\""
        )
    }

    @Test("writes at most three decimals, and null for what JSON cannot express")
    func decimals() {
        for (value, expected) in [
            (0, "0"), (1.5, "1.5"), (0.0004, "0"), (2.0005, "2.001"), (-1.25, "-1.25"), (1e6, "1000000"), (.nan, "null"), (.infinity, "null"), (1e15, "null"),
        ] as [(Double, String)] {
            #expect(text { $0.decimal(value) } == expected)
        }
    }

    @Test("every value is read back as it was written")
    func roundTrip() throws {
        var random = SystemRandomNumberGenerator()
        func value(_ depth: Int) -> JSONValue {
            switch Int.random(in: 0...(depth > 4 ? 3 : 5), using: &random) {
            case 0: .null
            case 1: .bool(.random(using: &random))
            case 2: .number(String(Int64.random(in: .min ... .max, using: &random)))
            case 3: .string(string())
            case 4: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(depth + 1) })
            default:
                .object(
                    JSONObject(members: (0..<Int.random(in: 0...4, using: &random)).map { JSONObject.Member(key: "\($0)\(string())", value: value(depth + 1)) })
                )
            }
        }
        func string() -> String {
            let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\u{1}", "\u{1F}", "\n", "/", "\u{E9}", "\u{2028}", "\u{1F680}", "\u{10FFFF}", "\u{301}"]
            return String(String.UnicodeScalarView((0..<Int.random(in: 0...6, using: &random)).map { _ in scalars.randomElement(using: &random) ?? "a" }))
        }
        for _ in 0..<2000 {
            let original = value(0)
            var writer = JSONWriter()
            writer.value(original)
            #expect(try JSONParser.parse(writer.bytes) == original)
        }
    }
}

import GraphQL
import Testing
import Wire

@Suite("GraphQL documents")
struct DocumentTests {
    /// What a text between quotation marks means.
    private func text(_ literal: String) async throws -> String? {
        let (data, _) = try await Shop.run("{ echo(text: \(literal)) }")
        return try Shop.json(data)["echo"]?["text"]?.string
    }

    @Test("strings mean what they say: escapes, surrogate pairs, blocks")
    func strings() async throws {
        let literals = [
            "\"\"": "", #""a b""#: "a b", #""\"\\\/\b\f\n\r\t""#: "\"\\/\u{8}\u{c}\n\r\t", #""\u0041\u00e9""#: "Aé",
            #""\uD83D\uDE00 \u{1F600} \u{000041}""#: "😀 😀 A",
            #""é 😀""#: "é 😀", "\"# , { }\"": "# , { }", "\"\"\"a\"\"\"": "a", "\"\"\"\"\"\"": "", "\"\"\"\n    a\n      b\n\n    c\n  \"\"\"": "a\n  b\n\nc",
            #""""a \""" \n b""""#: #"a """ \n b"#, "\"\"\"a\r\n  b\r  c\"\"\"": "a\nb\nc",
        ]
        for (literal, meaning) in literals {
            let found = try await text(literal)
            #expect(found == meaning, "\(literal)")
        }
    }

    @Test(
        "what is no document is refused with its place",
        arguments: [
            ("", 1, 1), ("{", 1, 2), ("{ }", 1, 3), ("{ a", 1, 4), ("query", 1, 6), ("type A { b: C }", 1, 1), ("{ a(b: ) }", 1, 8), ("{ a() }", 1, 5),
            ("{ a(b: \"c) }", 1, 8), ("{\n  a(b: \"\n\") }", 2, 8), ("{ a(b: 01) }", 1, 8), ("{ a(b: 1.) }", 1, 8), ("{ a(b: 1e) }", 1, 8),
            ("{ a(b: 1a) }", 1, 8), ("{ a(b: -) }", 1, 8), ("{ a(b: \"\\x\") }", 1, 9), ("{ a(b: \"\\uD83D\") }", 1, 9), ("{ a(b: \"\\u{110000}\") }", 1, 9),
            ("{ a(b: \"\\u{}\") }", 1, 9), ("{ a .. b }", 1, 5), ("{ a ? }", 1, 5), ("{ é }", 1, 3), ("# é 😀\n{ ~ }", 2, 3), ("{ ...on }", 1, 9),
            ("fragment on on Thing { id }", 1, 10), ("query ($a: Int = $b) { a }", 1, 18), ("{ a(b: \"\"\"c) }", 1, 8), ("\u{7}{ a }", 1, 1),
            ("\"said\" { a }", 1, 8), ("{ a } }", 1, 7), ("query ($a Int) { a }", 1, 11), ("query () { a }", 1, 8), ("{ a @ }", 1, 7),
        ])
    func syntax(_ document: String, _ line: Int, _ column: Int) throws {
        let error = try #require(try Shop.errors(document).first)
        #expect(error.code == "syntax-error", "\(document): \(error.message)")
        #expect(error.locations == [SourceLocation(line: line, column: column)], "\(document): \(error.message)")
    }

    @Test("marks between tokens do not matter: byte order mark, commas, comments, line ends")
    func ignored() async throws {
        let (data, errors) = try await Shop.run("\u{FEFF},,{ # a comment }\r\n\techo(int:1,,text:\"a\")\r}\n# the end")
        #expect(errors.isEmpty)
        #expect(data == #"{"echo":{"int":1,"text":"a","colour":"RED"}}"#)
    }

    @Test(
        "each bound on documents holds, however they are made large",
        arguments: [
            (String(repeating: "#", count: 40_000), "bytes"), ("{" + String(repeating: " a", count: 11_000) + "}", "tokens"),
            (String(repeating: "{ a ", count: 60) + String(repeating: "}", count: 60), "nested"), ("{ a(b: " + String(repeating: "[", count: 5_000), "nested"),
            ("query ($a: " + String(repeating: "[", count: 5_000), "nested"), ("{ a(b: " + String(repeating: "{a:", count: 2_000), "nested"),
            ("{" + (0..<101).map { " a\($0): b" }.joined() + "}", "aliases"), (String(repeating: "fragment a on Thing { id } ", count: 101), "fragments"),
        ])
    func bounds(_ document: String, _ word: String) throws {
        let errors = try Shop.errors(document)
        #expect(errors.map(\.code) == ["too-complex"])
        #expect(errors.first?.message.contains(word) == true, "\(errors)")
    }
}

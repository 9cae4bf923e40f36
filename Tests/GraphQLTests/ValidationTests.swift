import GraphQL
import Testing

@Suite("Checking GraphQL documents")
struct ValidationTests {
    @Test(
        "what a document may not say is told before anything is executed",
        arguments: [
            ("{ nothing }", "There is no field \"nothing\" in Query."), ("{ thing(id: 1) { nothing } }", "There is no field \"nothing\" in Thing."),
            ("{ thing(id: 1) }", "fields must be chosen"), ("{ thing(id: 1) { id { x } } }", "has no fields"),
            ("{ thing { id } }", "needs the argument \"id\""), ("{ thing(id: null) { id } }", "must not be null"),
            ("{ thing(id: 1, x: 2) { id } }", "no argument \"x\""), ("{ thing(id: 1, id: 2) { id } }", "given twice"),
            ("{ thing(id: 1.5) { id } }", "must be ID"), ("{ echo(int: \"1\") }", "must be Int"), ("{ echo(int: 1.0) }", "must be Int"),
            ("{ echo(int: 2147483648) }", "must be Int"), ("{ echo(int: 123456789012345678901234567890) }", "must be Int"),
            ("{ echo(float: 1e999) }", "must be Float"), ("{ echo(text: 1) }", "must be String"), ("{ echo(flag: \"true\") }", "must be Boolean"),
            ("{ echo(colour: BLUE) }", "one of RED, GREEN"), ("{ echo(colour: \"RED\") }", "one of RED, GREEN"),
            ("{ echo(list: [1, null]) }", "must not be null"),
            ("{ echo(list: [1, \"2\"]) }", "must be Int"), ("{ echo(box: {height: 1}) }", "needs the member \"width\""),
            ("{ echo(box: {width: 1, width: 2}) }", "twice"), ("{ echo(box: {width: 1, depth: 2}) }", "no member \"depth\""),
            ("{ echo(box: 1) }", "must be an object"),
            ("{ echo(json: {a: RED}) }", "the name RED"), ("{ echo(time: \"yesterday\") }", "must be DateTime"),
            ("{ echo(long: 9223372036854775808) }", "must be Long"),
            ("{ echo @skip }", "needs the argument \"if\""), ("{ echo @hide(if: true) }", "no directive"),
            ("{ echo @skip(if: true) @skip(if: true) }", "twice"),
            ("query @skip(if: true) { echo }", "must not stand here"), ("{ ...A }", "no fragment \"A\""),
            ("{ ...A } fragment A on Nothing { id }", "no type \"Nothing\""), ("{ ...A } fragment A on Colour { id }", "no fragments on it"),
            ("{ ...A } fragment A on Thing { id }", "never a Thing"), ("{ echo } fragment A on Query { echo }", "used nowhere"),
            ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "contains itself"),
            ("{ ...A } fragment A on Query { ...A }", "contains itself"),
            ("{ ...A } fragment A on Query { echo } fragment A on Query { echo }", "two fragments"), ("{ ... on Thing { id } }", "never a Thing"),
            ("query A { echo } query A { echo }", "two operations"), ("{ echo } query A { echo }", "must be the only one"),
            ("subscription { echo }", "no subscriptions"),
            ("query ($a: Int) { echo }", "used nowhere"), ("{ echo(int: $a) }", "not declared"),
            ("query ($a: Int, $a: Int) { echo(int: $a) }", "declared twice"),
            ("query ($a: Thing) { echo(json: $a) }", "cannot be sent"), ("query ($a: Nothing) { echo(json: $a) }", "no type \"Nothing\""),
            ("query ($a: Int) { echo(text: $a) }", "is a Int; here must be a String"), ("query ($a: ID) { thing(id: $a) { id } }", "here must be a ID!"),
            ("query ($a: [Int]) { echo(list: $a) }", "here must be a [Int!]"), ("query ($a: Int = \"x\") { echo(int: $a) }", "must be Int"),
            ("query ($a: Int) { ...A } fragment A on Query { echo(text: $a) }", "here must be a String"),
            ("query A { ...F } fragment F on Query { echo(int: $x) }", "not declared in \"A\""),
            ("{ echo(int: 1) echo(int: 2) }", "cannot be two things"), ("{ a: echo a: thing(id: 1) { id } }", "cannot be two things"),
            ("{ thing(id: 1) { a: id } ...F } fragment F on Query { thing(id: 1) { a: name } }", "cannot be two things"),
            ("{ echo(int: 1) ...F @skip(if: true) } fragment F on Query { echo(int: 2) }", "cannot be two things"),
            ("query A { echo } query B { echo(int: 1) echo }", "cannot be two things"), ("{ __schema { nothing } }", "no field \"nothing\""),
            ("{ thing(id: 1) { __schema { description } } }", "no field \"__schema\""),
        ])
    func refused(_ document: String, _ words: String) throws {
        let errors = try Shop.errors(document, operation: document.hasPrefix("query A") ? "A" : nil)
        #expect(errors.contains { $0.message.contains(words) }, "\(document): \(errors.map(\.message))")
        #expect(errors.allSatisfy { $0.code == "invalid-document" && !$0.locations.isEmpty })
    }

    @Test(
        "what is allowed is not refused",
        arguments: [
            "{ thing(id: 1) { id id name } thing(id: 1) { colour } }", "query ($a: Int = 3) { things(first: $a) { id } }",
            "{ __typename thing(id: \"x\") { __typename } }",
            "query ($a: Boolean!) { echo @include(if: $a) @skip(if: $a) }", "{ echo(list: 1) }", "{ echo(list: null, box: null) }", "{ echo(float: 1) }",
            "{ echo(json: {a: [1, 2.5, \"x\", null, true], b: {}}) }", "query ($a: Int!) { echo(json: {a: [$a]}) }", "{ ... { ... on Query { echo } } }",
            "{ echo(box: {width: 1, inner: {width: 2, inner: null}}) e: echo(box: {inner: null, width: 1}) e: echo(box: {width: 1, inner: null}) }",
            "\"about it\" query A(\"and this\" $a: Int) { echo(int: $a) } \"a part\" fragment F on Query { echo }",
        ])
    func allowed(_ document: String) throws {
        // The last one has a fragment too many, which is the only thing that may be wrong with it.
        let errors = try Shop.errors(document, #"{"a":1}"#).filter {
            $0.code == "syntax-error" || !$0.message.contains("\"F\" is used nowhere") && $0.code == "invalid-document"
        }
        #expect(errors.isEmpty, "\(errors)")
    }

    @Test("long names do not make long answers")
    func longNames() throws {
        let name = String(repeating: "x", count: 20_000)
        let errors = try Shop.errors("query \(name) {" + (0..<60).map { " a\($0): echo(int: $v\($0))" }.joined() + "}")
        #expect(errors.count == 50)
        #expect(errors.allSatisfy { $0.message.utf8.count <= 300 })
    }

    @Test("many mistakes are told up to a number")
    func many() throws {
        #expect(try Shop.errors("{" + (0..<200).map { " x\($0)" }.joined() + "}").count == 50)
    }
}

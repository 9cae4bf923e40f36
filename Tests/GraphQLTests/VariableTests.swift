import GraphQL
import Testing

@Suite("GraphQL variables")
struct VariableTests {
    @Test(
        "variables are read as their types say",
        arguments: [
            ("Int", "int", "5", "5"), ("Int", "int", "5.0", "5"), ("Int", "int", "1e2", "100"), ("Float", "float", "1.5e3", "1.5e3"),
            ("Float", "float", "2", "2"),
            ("String", "text", #""x""#, #""x""#), ("Boolean", "flag", "true", "true"), ("ID", "id", "7", #""7""#), ("ID", "id", #""a""#, #""a""#),
            ("Long", "long", "9223372036854775807", "9223372036854775807"), ("Decimal", "decimal", "19.990", #""19.990""#),
            ("Decimal", "decimal", #""0.1""#, #""0.1""#),
            ("DateTime", "time", #""2026-11-21T13:00:00Z""#, #""2026-11-21T13:00:00Z""#), ("Colour", "colour", #""GREEN""#, #""GREEN""#),
            ("[Int!]", "list", "[1,2]", "[1,2]"),
            ("[Int!]", "list", "3", "[3]"), ("Box", "box", #"{"width":1}"#, #"{"width":1,"height":7}"#),
            ("JSON", "json", #"{"a":[1,{"b":null}]}"#, #"{"a":[1,{"b":null}]}"#),
            ("Int", "int", "null", "null"),
        ])
    func values(_ type: String, _ name: String, _ given: String, _ read: String) async throws {
        let (data, errors) = try await Shop.run("query ($v: \(type)) { echo(\(name): $v) }", #"{"v":\#(given)}"#)
        #expect(errors.isEmpty)
        #expect(try Shop.json(data)["echo"]?[name] == Shop.json(read))
    }

    @Test(
        "variables that are not of their types are refused, with their names",
        arguments: [
            ("Int", "int", "2147483648"), ("Int", "int", "1.5"), ("Int", "int", "1e400"), ("Int", "int", #""5""#), ("Int", "int", "true"),
            ("Float", "float", "1e999"),
            ("String", "text", "5"), ("Boolean", "flag", "1"), ("ID", "id", "1.5"), ("ID", "id", "{}"), ("Long", "long", "9223372036854775808"),
            ("Long", "long", "1e19"),
            ("Decimal", "decimal", "[]"), ("DateTime", "time", #""soon""#), ("Colour", "colour", #""BLUE""#), ("Colour", "colour", "1"),
            ("[Int!]", "list", "[1,null]"),
            ("[Int!]", "list", #"["1"]"#), ("Box", "box", "{}"), ("Box", "box", #"{"width":1,"depth":2}"#), ("Box", "box", #"{"width":null}"#),
            ("Box", "box", "[]"), ("Int!", "int", "null"),
        ])
    func refused(_ type: String, _ name: String, _ given: String) throws {
        let errors = try Shop.errors("query ($v: \(type)) { echo(\(name): $v) }", #"{"v":\#(given)}"#)
        #expect(errors.map(\.code) == ["bad-variables"], "\(errors)")
        #expect(errors.first?.message.contains("$v") == true)
    }

    @Test("what is not given takes the variable's default, then the argument's; a required one must be given")
    func defaults() async throws {
        #expect(try await Shop.run("query ($v: Colour = GREEN) { echo(colour: $v) }").data == #"{"echo":{"colour":"GREEN"}}"#)
        #expect(try await Shop.run("query ($v: Colour) { echo(colour: $v) }").data == #"{"echo":{"colour":"RED"}}"#)
        #expect(try await Shop.run("query ($v: Colour) { echo(colour: $v) }", #"{"v":null}"#).data == #"{"echo":{"colour":null}}"#)
        #expect(try await Shop.run("query ($v: Int) { echo(int: $v) }").data == #"{"echo":{"colour":"RED"}}"#)
        #expect(
            try await Shop.run("query ($v: Int = 4) { echo(box: {width: 1, height: $v}) }").data == #"{"echo":{"colour":"RED","box":{"width":1,"height":4}}}"#)
        #expect(try await Shop.run("query ($v: Int) { echo(box: {width: 1, height: $v}) }").data == #"{"echo":{"colour":"RED","box":{"width":1,"height":7}}}"#)
        #expect(try Shop.errors("query ($v: Int!) { echo(int: $v) }").map(\.code) == ["bad-variables"])
        #expect(try Shop.errors("query ($v: Int = 4) { things(first: $v) { id } }", #"{"w":1}"#).isEmpty, "what is not declared is not looked at")
        // The place must not be null. The default lets a variable that may be null stand there, but not be null.
        #expect(try Shop.errors("query ($v: Boolean = true) { echo @skip(if: $v) }", #"{"v":null}"#).map(\.code) == ["bad-variables"])
    }
}

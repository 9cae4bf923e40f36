import GraphQL
import Testing

@Suite("Executing GraphQL operations")
struct ExecutionTests {
    @Test("fields come in the order they are asked for, merged, under their aliases")
    func order() async throws {
        let source = try Shop.Source(["things/1": #"{"id":"1","name":"one","colour":"RED","size":3,"tags":["a"],"part":{"id":"2","name":"two"}}"#])
        let (data, errors) = try await Shop.run(
            "{ thing(id: 1) { name label: name ...F part { id } } ...Q } fragment F on Thing { part { name } colour __typename } fragment Q on Query { thing(id: 1) { size tags } }",
            from: source)
        #expect(errors.isEmpty)
        #expect(
            data == #"{"thing":{"name":"one","label":"one","part":{"name":"two","id":"2"},"colour":"RED","__typename":"Thing","size":3,"tags":["a"]}}"#)
    }

    @Test("skip and include leave out what they say, in all combinations")
    func directives() async throws {
        for (skip, include) in [(true, true), (true, false), (false, true), (false, false)] {
            let (data, _) = try await Shop.run(
                "query ($s: Boolean!, $i: Boolean!) { __typename echo @skip(if: $s) @include(if: $i) ... @include(if: $i) { a: __typename } ...F @skip(if: $s) } fragment F on Query { b: __typename }",
                #"{"s":\#(skip),"i":\#(include)}"#)
            let json = try Shop.json(data)
            #expect((json["echo"] != nil) == (!skip && include))
            #expect((json["a"] != nil) == include)
            #expect((json["b"] != nil) == !skip)
        }
    }

    @Test("what fails is null with an error that says where, and takes with it only what cannot be without it")
    func nulls() async throws {
        let things = #"[{"id":"1","name":"one"},{"id":"2","name":"two"}]"#
        let source = try Shop.Source(["things": things, "parents/1": #"{"id":"p","name":"p"}"#, "sure/1": #"{"id":"s","name":"s"}"#])
        let (data, errors) = try await Shop.run("{ things { id parent { name } } }", from: source)
        #expect(data == #"{"things":[{"id":"1","parent":{"name":"p"}},{"id":"2","parent":null}]}"#)
        #expect(errors.map(\.path) == [[.key("things"), .index(1), .key("parent")]])
        #expect(errors.first?.locations == [SourceLocation(line: 1, column: 15)])
        #expect(errors.first?.code == "not-found")

        // A thing that lacks what it must have is no thing, and a list of things must not have holes.
        let (sure, failures) = try await Shop.run("{ __typename things { id sure { name } } }", from: source)
        #expect(sure == #"{"__typename":"Query","things":null}"#)
        #expect(failures.map(\.path) == [[.key("things"), .index(1), .key("sure")]])

        let (missing, _) = try await Shop.run("{ thing(id: 9) { id } }", from: source)
        #expect(missing == #"{"thing":null}"#)
    }

    @Test("a source's value that is not of the field's type is null with an error, whatever the source")
    func types() async throws {
        let source = try Shop.Source(["things/1": #"{"id":5,"name":"one","colour":"BLUE","size":99999999999,"tags":"x","parts":[{"id":"2"}]}"#])
        let (data, errors) = try await Shop.run("{ thing(id: 1) { id colour size } }", from: source)
        #expect(data == #"{"thing":{"id":"5","colour":null,"size":null}}"#)
        #expect(errors.count == 2)
        let (name, failures) = try await Shop.run("{ thing(id: 1) { parts { id name } } }", from: source)
        #expect(name == #"{"thing":{"parts":null}}"#)
        #expect(failures.map(\.path) == [[.key("thing"), .key("parts"), .index(0), .key("name")]])
        #expect(try await Shop.run("{ thing(id: 1) { tags } }", from: source).data == #"{"thing":null}"#)
    }

    @Test("a mutation's fields are done one after the other, and each holds whatever becomes of the others")
    func mutations() async throws {
        let source = try Shop.Source(["things/a": #"{"id":"a","name":"a"}"#, "things/c": #"{"id":"c","name":"c"}"#, "parents/a": #"{"id":"p","name":"p"}"#])
        let (data, errors) = try await Shop.run(
            "mutation { a: add(name: \"a\") { id parent { id } } b: add(name: \"b\") { id } c: add(name: \"c\") { id } }", from: source)
        #expect(data == #"{"a":{"id":"a","parent":{"id":"p"}},"b":null,"c":{"id":"c"}}"#)
        #expect(errors.map(\.path) == [[.key("b")]])
        #expect(source.asked == ["POST things/a", "GET parents/a", "POST things/b", "POST things/c"])
    }

    @Test("an operation is chosen by its name, which is needed where there are several")
    func operations() async throws {
        let document = "query A { a: __typename } query B { b: __typename }"
        #expect(try await Shop.run(document, operation: "B").data == #"{"b":"Query"}"#)
        #expect(try Shop.errors(document).map(\.code) == ["unknown-operation"])
        #expect(try Shop.errors(document, operation: "C").map(\.code) == ["unknown-operation"])
        #expect(try Shop.errors("{ __typename }", operation: "A").map(\.code) == ["unknown-operation"])
        #expect(try Shop.errors("fragment F on Query { echo }").map(\.code) == ["invalid-document"])
    }
}

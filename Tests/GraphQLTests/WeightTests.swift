import GraphQL
import Testing

@Suite("Weighing GraphQL operations")
struct WeightTests {
    private func weight(_ document: String, _ variables: String = "{}") throws -> OperationWeight { try Shop.prepare(document, variables).get().weight }

    @Test("an operation costs its objects, and ten for each question to a source")
    func costs() throws {
        #expect(try weight("{ echo }") == OperationWeight(depth: 1, cost: 0))
        #expect(try weight("{ thing(id: 1) { id name } }") == OperationWeight(depth: 2, cost: 11))
        #expect(try weight("{ things(first: 100) { id } }").cost == 10 + 100)
        #expect(try weight("query ($n: Int) { things(first: $n) { id } }", #"{"n":3}"#).cost == 10 + 3)
        #expect(try weight("{ things(first: null) { id } }").cost == 10 + 10, "null is the default")
        #expect(try weight("{ things { parent { id } } }").cost == 10 + 10 * (1 + 10 + 1))
        #expect(try weight("{ thing(id: 1) { parts { id part { id } } } }").cost == 10 + 1 + 10 * 2)
        #expect(try weight("{ things(first: 100) @skip(if: true) { parent { id } } }").cost == 0, "what is left out costs nothing")
    }

    @Test("depth is counted through fragments")
    func depth() throws {
        #expect(try weight("{ thing(id: 1) { ...A } } fragment A on Thing { part { ...B } } fragment B on Thing { part { id } }").depth == 4)
    }

    @Test(
        "small documents that ask for much are refused",
        arguments: [
            ("{ things(first: 2147483647) { id } }", "costs more"), ("{ things(first: 500) { parent { parts { id } } } }", "costs more"),
            ("{" + (0..<90).map { " a\($0): things(first: 200) { id }" }.joined() + "}", "costs more"),
            ("{ thing(id: 1) { " + String(repeating: "part { ", count: 12) + "id" + String(repeating: " }", count: 12) + " } }", "deeper"),
            // Each fragment is used twice by the one before it: 2 to the 20th fields, were they all looked at.
            (
                "{ thing(id: 1) { ...F0 } } "
                    + (0..<20).map { "fragment F\($0) on Thing { a: part { ...F\($0 + 1) } b: part { ...F\($0 + 1) } } " }.joined()
                    + "fragment F20 on Thing { id }",
                "than"
            ), ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "introspection"),
            ("{ __type(name: \"Thing\") { " + String(repeating: "ofType { ", count: 20) + "name" + String(repeating: " }", count: 20) + " } }", "deeper"),
        ])
    func attacks(_ document: String, _ words: String) throws {
        let errors = try Shop.errors(document)
        #expect(errors.map(\.code) == ["too-complex"], "\(errors)")
        #expect(errors.first?.message.contains(words) == true, "\(errors)")
    }

    @Test("fragments that use each other are put in their places once, and counted")
    func selections() throws {
        var limits = GraphQLLimits()
        (limits.depth, limits.selections) = (30, 1000)
        let bomb =
            "{ thing(id: 1) { ...F0 } } " + (0..<15).map { "fragment F\($0) on Thing { a: part { ...F\($0 + 1) } b: part { ...F\($0 + 1) } } " }.joined()
            + "fragment F15 on Thing { id }"
        #expect(try Shop.errors(bomb, limits: limits).first?.message.contains("selections") == true)
        let flat = "{ thing(id: 1) { " + String(repeating: "...F ", count: 900) + "} } fragment F on Thing { id name colour size }"
        #expect(try Shop.errors(flat, limits: limits).isEmpty, "a fragment that is used twice in the same place counts once")
    }

    @Test("the operations of a document have one bound together")
    func operations() throws {
        var limits = GraphQLLimits()
        limits.selections = 100
        let fragment = "fragment F on Query { echo a: echo b: echo c: echo d: echo e: echo f: echo g: echo h: echo } "
        func document(_ count: Int) -> String { fragment + (0..<count).map { "query Q\($0) { ...F } " }.joined() }
        #expect(try Shop.errors(document(10), operation: "Q0", limits: limits).isEmpty)
        #expect(try Shop.errors(document(11), operation: "Q0", limits: limits).map(\.code) == ["too-complex"])
        #expect(try Shop.errors(document(11), operation: "Q10", limits: limits).map(\.code) == ["too-complex"])
    }

    @Test("an answer with too many values is given up")
    func values() async throws {
        var limits = GraphQLLimits()
        limits.values = 20
        let source = try Shop.Source(["things": "[" + (0..<50).map { #"{"id":"\#($0)","name":"x"}"# }.joined(separator: ",") + "]"])
        let operation = try Shop.prepare("{ things { id name } }", limits: limits).get()
        let answer = await GraphQLEngine(schema: Shop.schema, limits: limits).execute(operation, source)
        #expect(answer.data == .null)
        #expect(answer.errors.map(\.code) == ["too-complex"])
    }
}

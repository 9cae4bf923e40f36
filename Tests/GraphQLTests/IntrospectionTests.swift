import GraphQL
import Testing

@Suite("GraphQL introspection")
struct IntrospectionTests {
    /// What GraphiQL and the client libraries ask.
    private static let customary = """
        query IntrospectionQuery { __schema { description queryType { name } mutationType { name } subscriptionType { name } types { ...FullType }
          directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
        fragment FullType on __Type { kind name description specifiedByURL
          fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
          inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
          enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
        fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
        fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
          ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }
        """

    @Test("the customary query is answered, and tells every type, field and argument")
    func customary() async throws {
        let (data, errors) = try await Shop.run(IntrospectionTests.customary)
        #expect(errors.isEmpty)
        let types = try #require(try Shop.json(data)["__schema"]?["types"]?.array)
        let names = types.compactMap { $0["name"]?.string }
        for name in ["Query", "Mutation", "Thing", "Box", "Colour", "Int", "Float", "String", "Boolean", "ID", "JSON", "__Schema", "__Type", "__TypeKind"] {
            #expect(names.contains(name))
        }
        let query = try #require(types.first { $0["name"]?.string == "Query" })
        #expect(query["fields"]?.array?.compactMap { $0["name"]?.string } == ["thing", "things", "echo"], "__schema and __type are not told")
        let first = query["fields"]?[1]?["args"]?[0]
        #expect(first?["defaultValue"]?.string == "10")
        #expect(query["fields"]?[2]?["args"]?.array?.compactMap { $0["defaultValue"]?.string } == ["RED"])
    }

    @Test("types are told with what is around them")
    func wrapping() async throws {
        let (data, _) = try await Shop.run(
            "{ __type(name: \"Thing\") { kind fields { name type { kind name ofType { kind ofType { kind ofType { name } } } } } } no: __type(name: \"Nothing\") { name } }"
        )
        let tags = try Shop.json(data)["__type"]?["fields"]?.array?.first { $0["name"]?.string == "tags" }?["type"]
        #expect(
            try tags == Shop.json(#"{"kind":"NON_NULL","name":null,"ofType":{"kind":"LIST","ofType":{"kind":"NON_NULL","ofType":{"name":"String"}}}}"#))
        #expect(try Shop.json(data)["no"] == .null)
    }

    @Test("a schema is written in GraphQL's own language, and has no mistakes")
    func printed() {
        let text = SchemaPrinter.print(Shop.schema)
        for part in [
            "type Thing {", "  tags: [String!]!", "input Box {", "  height: Int = 7", "enum Colour {", "scalar Long", "colour: Colour = RED",
            "@specifiedBy(url: ",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("__Type") && !text.contains("scalar Int"))
        #expect(Shop.schema.mistakes().isEmpty)
        let wrong = Schema(query: "Query", mutation: "Gone", types: [.object(ObjectType("Query", "", [FieldDefinition("a", "Nothing")]))])
        #expect(wrong.mistakes().count == 2)
    }
}

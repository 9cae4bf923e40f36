import GraphQL
import Synchronization
import Wire

/// A small schema for the kit's tests, and a source that notes what it is asked.
enum Shop {
    static let schema = Schema(
        query: "Query", mutation: "Mutation",
        types: [
            .object(
                ObjectType(
                    "Query", "Asks.",
                    [
                        .called("thing", "Thing", arguments: [InputValue("id", "ID!")]) { input, source in
                            try await source.fetch(SourceRequest("GET", ["things", input.arguments["id"]?.string ?? ""]))
                        },
                        .called("things", "[Thing!]", arguments: [InputValue("first", "Int", default: .number("10"))], by: "first") { _, source in
                            try await source.fetch(SourceRequest("GET", ["things"]))
                        },
                        .computed(
                            "echo", "JSON",
                            arguments: [
                                InputValue("int", "Int"), InputValue("float", "Float"), InputValue("text", "String"), InputValue("flag", "Boolean"),
                                InputValue("id", "ID"), InputValue("long", "Long"), InputValue("decimal", "Decimal"), InputValue("time", "DateTime"),
                                InputValue("colour", "Colour", default: .string("RED")), InputValue("list", "[Int!]"), InputValue("box", "Box"),
                                InputValue("json", "JSON"),
                            ]
                        ) { .object($0.arguments) },
                    ])),
            .object(
                ObjectType(
                    "Mutation", "Changes.",
                    [
                        .called("add", "Thing", arguments: [InputValue("name", "String!")]) { input, source in
                            try await source.fetch(SourceRequest("POST", ["things", input.arguments["name"]?.string ?? ""]))
                        }
                    ])),
            .object(
                ObjectType(
                    "Thing", "A thing.",
                    [
                        FieldDefinition("id", "ID!"), FieldDefinition("name", "String!"), FieldDefinition("colour", "Colour"),
                        FieldDefinition("size", "Int"), FieldDefinition("tags", "[String!]!", size: 5), FieldDefinition("part", "Thing"),
                        FieldDefinition("parts", "[Thing!]", size: 10),
                        .called("parent", "Thing") { input, source in
                            try await source.fetch(SourceRequest("GET", ["parents", input.object["id"]?.string ?? ""]))
                        },
                        .called("sure", "Thing!") { input, source in try await source.fetch(SourceRequest("GET", ["sure", input.object["id"]?.string ?? ""])) },
                    ])),
            .input(
                InputType("Box", "A box.", [InputValue("width", "Int!"), InputValue("height", "Int", default: .number("7")), InputValue("inner", "Box")])),
            .enumeration(EnumType("Colour", "A colour.", [.init("RED"), .init("GREEN")])),
            .scalar(BuiltInTypes.long), .scalar(BuiltInTypes.decimal), .scalar(BuiltInTypes.dateTime), .scalar(BuiltInTypes.json),
        ])

    /// Answers from a table of JSON by path; what is not in it is refused.
    final class Source: GraphQLSource {
        private let answers: [String: JSONValue]
        private let log = Mutex<[String]>([])
        var asked: [String] { log.withLock { $0 } }

        init(_ answers: [String: String]) throws { self.answers = try answers.mapValues { try JSONParser.parse(Array($0.utf8)) } }

        func fetch(_ request: SourceRequest) async throws -> JSONValue {
            let path = request.path.joined(separator: "/")
            log.withLock { $0.append("\(request.method) \(path)") }
            guard let answer = answers[path] else { throw GraphQLError("There is no \(path).", code: "not-found") }
            return answer
        }
    }

    static let engine = GraphQLEngine(schema: schema)

    static func json(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    static func prepare(
        _ document: String, _ variables: String = "{}", operation: String? = nil, limits: GraphQLLimits = GraphQLLimits()
    ) throws -> Result<PreparedOperation, GraphQLRefusal> {
        let variables = try json(variables).object ?? JSONObject(members: [])
        let engine = GraphQLEngine(schema: schema, limits: limits)
        do { return .success(try engine.prepare(GraphQLRequest(document: document, operationName: operation, variables: variables))) } catch {
            return .failure(error)
        }
    }

    /// The errors of a document that is not executed; none for one that could be.
    static func errors(_ document: String, _ variables: String = "{}", operation: String? = nil, limits: GraphQLLimits = GraphQLLimits()) throws
        -> [GraphQLError]
    {
        switch try prepare(document, variables, operation: operation, limits: limits) {
        case .success: []
        case .failure(let refusal): refusal.errors
        }
    }

    /// The data of a document, as JSON text, and the errors in it.
    static func run(
        _ document: String, _ variables: String = "{}", operation: String? = nil, from source: Source? = nil
    ) async throws -> (data: String, errors: [GraphQLError]) {
        let answer = await engine.execute(try prepare(document, variables, operation: operation).get(), try source ?? Source([:]))
        var writer = JSONWriter()
        writer.value(answer.data)
        return (String(decoding: writer.bytes, as: UTF8.self), answer.errors)
    }
}

import GraphQL
import HTTPTypes
import Web
import Wire

/// `/graphql`: GraphQL over HTTP as its draft specification has it (graphql.github.io/graphql-over-http). POST with JSON, or GET for queries.
struct GraphQLEndpoint: Sendable {
    /// Where it is, at the root as well as below `/api/v1`.
    static let path = "/graphql"
    /// An operation that is not done by then is answered with what is there.
    static let patience: Duration = .seconds(30)

    private let engine: GraphQLEngine
    private let dispatcher: RouteDispatcher
    private let gate: AdmissionGate
    private let limits: RequestLimits?

    /// - Parameters:
    ///   - dispatcher: of the routes that the fields come from.
    ///   - limits: how fast callers may ask them.
    init(engine: GraphQLEngine = GraphQLEngine(schema: WaybillSchema.schema), dispatcher: RouteDispatcher, gate: AdmissionGate, limits: RequestLimits?) {
        (self.engine, self.dispatcher, self.gate, self.limits) = (engine, dispatcher, gate, limits)
    }

    /// The routes, for the root as well as for the API. Whoever is known may ask; what he may see and do, the routes decide that his fields come from.
    var routes: [Route] {
        [
            Route(.post, GraphQLEndpoint.path, .queryGraphQL, access: .known, isForwarded: true) { try await post($0) },
            Route(.get, GraphQLEndpoint.path, .queryGraphQLByGet, access: .known, isForwarded: true) { try await get($0) },
        ]
    }

    private func post(_ request: WebRequest) async throws -> WebResponse {
        let object = try request.object()
        let body = BodyReader(object)
        let (document, name) = (object["query"]?.string, object["operationName"] ?? .null)
        let (variables, extensions) = (object["variables"] ?? .null, object["extensions"] ?? .null)
        if document == nil { body.refuse("query", "is required and must be a string") }
        if name != .null, name.string == nil { body.refuse("operationName", "must be a string or null") }
        if variables != .null, variables.object == nil { body.refuse("variables", "must be an object or null") }
        if extensions != .null, extensions.object == nil { body.refuse("extensions", "must be an object or null") }
        try body.finish()
        return try await answer(
            GraphQLRequest(document: document ?? "", operationName: name.string, variables: variables.object ?? JSONObject(members: [])), to: request)
    }

    private func get(_ request: WebRequest) async throws -> WebResponse {
        // Not checked by the operation's declaration: the request goes on to other routes, with its place in a trace.
        guard let document = try request.parameter("query") else { throw Problem.badParameter("query", "is required") }
        var variables = JSONObject(members: [])
        if let text = try request.parameter("variables"), !text.isEmpty {
            guard let object = (try? JSONParser.parse(Array(text.utf8)))?.object else { throw Problem.badParameter("variables", "must be a JSON object") }
            variables = object
        }
        let name = try request.parameter("operationName").flatMap { $0.isEmpty ? nil : $0 }
        return try await answer(GraphQLRequest(document: document, operationName: name, variables: variables), to: request)
    }

    private func answer(_ asked: GraphQLRequest, to request: WebRequest) async throws -> WebResponse {
        let form = GraphQLForm(request.headers)
        let operation: PreparedOperation
        do { operation = try engine.prepare(asked) } catch { return form.refusal(error) }
        // A link or a form can make a browser send a GET: nothing may change by it.
        guard request.method == .post || operation.kind == .query else {
            throw Problem(.methodNotAllowed, "method-not-allowed", "A \(operation.kind.rawValue) must be sent with POST.", headers: [.allow: "POST"])
        }
        let end = ContinuousClock.now + GraphQLEndpoint.patience
        let source = RouteSource(
            request, deadline: min(request.deadline ?? end, end), idempotencyKey: try key(request, operation), dispatcher: dispatcher, gate: gate,
            limits: limits)
        return form.answer(await engine.execute(operation, source), engine.limits)
    }

    /// The header's key, which can only mean an operation's only change.
    private func key(_ request: WebRequest, _ operation: PreparedOperation) throws(Problem) -> String? {
        guard operation.kind == .mutation, let key = request.headers[.idempotencyKey] else { return nil }
        guard operation.rootFields == 1 else {
            throw Problem(
                .badRequest, "bad-idempotency-key",
                "The header Idempotency-Key stands for one change. Give each field of this operation an argument \"idempotencyKey\" instead.")
        }
        return key
    }
}

import HTTPTypes
import Wire

/// The API as an OpenAPI 3.1 document, made of the routes that answer it. The same routes give the same bytes, in whatever order they come.
public struct OpenAPIDocument: Sendable {
    /// A route and the path at which it is asked.
    public struct Entry: Sendable {
        public let path: String
        public let route: Route
        public let operation: APIOperation
    }

    /// What is documented, by tag, path and method.
    public let entries: [Entry]
    /// The version of the API.
    public let version: String

    /// - Parameters:
    ///   - api: routes below `/api/v1`.
    ///   - root: routes at the root.
    public init(api: [Route], root: [Route], version: String = "1.0.0") {
        self.version = version
        let all = api.map { ("/api/v1" + $0.path, $0) } + root.map { ($0.path, $0) }
        // What is offered at the root as well is told once, at its place below `/api/v1`.
        var told: Set<String> = []
        entries = all.compactMap { path, route in route.operation.map { Entry(path: path, route: route, operation: $0) } }
            .filter { told.insert($0.operation.id).inserted }
            .sorted { ($0.operation.tag.rank, $0.path, $0.rank) < ($1.operation.tag.rank, $1.path, $1.rank) }
    }

    /// The document.
    public var json: JSONValue {
        let paths = Dictionary(grouping: entries, by: \.path)
        var seen: Set<String> = []
        let order = entries.map(\.path).filter { seen.insert($0).inserted }
        return .object(
            JSONObject([
                ("openapi", .string("3.1.0")), ("info", info),
                ("servers", .array([.object(JSONObject([("url", .string("/")), ("description", .string("The platform that gave this document."))]))])),
                ("tags", .array(tags.map { .object(JSONObject([("name", .string($0.name)), ("description", .string($0.about))])) })),
                (
                    "paths",
                    .object(JSONObject(order.map { path in (path, .object(JSONObject((paths[path] ?? []).map { ($0.method, $0.document) }))) }))
                ),
                ("components", components),
            ]))
    }

    private var info: JSONValue {
        .object(
            JSONObject([
                ("title", .string("Waybill")), ("version", .string(version)),
                ("summary", .string("Orders from placement to delivery, with stock, payments and everything that happened.")),
                ("description", .string(OpenAPIDocument.introduction)),
                ("license", .object(JSONObject([("name", .string("Apache 2.0")), ("identifier", .string("Apache-2.0"))]))),
            ]))
    }

    private var tags: [APITag] { Set(entries.map(\.operation.tag)).sorted { $0.rank < $1.rank } }

    private var components: JSONValue {
        var schemas: [String: APISchema] = [:]
        for (name, schema) in entries.flatMap(\.operation.components) + ProblemSchema.schema.components { schemas[name] = schema }
        return .object(
            JSONObject([
                ("schemas", .object(JSONObject(schemas.sorted { $0.key < $1.key }.map { ($0.key, $0.value.document) }))),
                ("responses", .object(JSONObject(SharedReply.all.map { ($0.name, $0.document) }))),
                ("securitySchemes", SecuritySchemes.document),
            ]))
    }

    private static let introduction = """
        Send a token as `Authorization: Bearer ...`, or an API key as `X-API-Key`. `waybill token` and `POST /api/v1/auth/token` give tokens.

        `/api/...` is the same as `/api/v1/...`. Bodies are JSON without U+0000. Amounts are decimal texts with the digits of their currency, `"19.99"`; times are RFC 3339 in UTC;
        identifiers are UUIDs. Members that are not known are refused in requests; answers may have more of them in a later release.

        A refusal is a problem of RFC 9457: `type` is for programs, `detail` for people, `errors` names each mistake in a body by its JSON pointer.

        `Idempotency-Key` makes it safe to send a request again: what it did is done once, and the first answer is given again (`Idempotency-Replayed: true`) for 24
        hours. `Waybill-Deadline` says for how many milliseconds the caller waits: what could not be begun by then is not begun (504). Every answer has an
        `X-Request-Id`, by which the logs know it.
        """
}

extension OpenAPIDocument.Entry {
    var method: String { route.method.rawValue.lowercased() }
    /// Reading stands before writing.
    var rank: Int { ["get": 0, "post": 1, "put": 2, "patch": 3, "delete": 4][method] ?? 5 }
}

extension APIOperation {
    /// The components that it names.
    var components: [(name: String, schema: APISchema)] {
        parameters.flatMap(\.schema.components) + (body?.schema.components ?? []) + replies.flatMap { $0.schema?.components ?? [] }
    }
}

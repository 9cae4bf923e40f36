import HTTPTypes
import Wire

/// The refusals that any operation of a kind may give: told once, in the document's components.
struct SharedReply: Sendable {
    let name: String
    let status: Int
    let problems: [APIProblem]
    /// Whether an operation may give it.
    let concerns: @Sendable (Route, APIOperation) -> Bool

    private init(_ name: String, _ status: Int, _ problems: [(String, String)], for concerns: @escaping @Sendable (Route, APIOperation) -> Bool) {
        (self.name, self.status, self.concerns) = (name, status, concerns)
        self.problems = problems.map { APIProblem(status, $0.0, $0.1) }
    }

    private static let isStrict: @Sendable (Route, APIOperation) -> Bool = { $1.isStrict }
    private static let needsToken: @Sendable (Route, APIOperation) -> Bool = { route, _ in !route.access.roles.isEmpty }

    static let all = [
        SharedReply(
            "BadRequest", 400,
            [
                ("bad-parameter", "A query parameter is unknown, missing, or not what it must be."), ("malformed-json", "The body is not acceptable JSON."),
                ("malformed-target", "The path or the query is not properly encoded."), ("bad-idempotency-key", "The Idempotency-Key is none."),
                ("bad-deadline", "The header Waybill-Deadline is no number."),
            ], for: isStrict),
        SharedReply(
            "Unauthenticated", 401,
            [("unauthenticated", "The request does not say who sends it."), ("invalid-token", "The token or the key does not hold.")], for: needsToken),
        SharedReply(
            "Forbidden", 403,
            [("forbidden", "None of the caller's roles may do this."), ("insufficient-scope", "The token is bound to other scopes.")], for: needsToken),
        SharedReply("NotFound", 404, [("not-found", "It does not exist, or the caller may not know of it.")]) { route, _ in route.path.contains("{") },
        SharedReply(
            "Conflict", 409, [("idempotency-key-in-flight", "A request with this Idempotency-Key is being worked on.")], for: { $1.honoursKey }),
        SharedReply("TooLarge", 413, [("body-too-large", "The body has more than 1 MiB.")], for: { $1.body != nil }),
        SharedReply("NotJSON", 415, [("unsupported-media-type", "The body is not said to be of a type that is taken here.")], for: { $1.body != nil }),
        SharedReply(
            "Invalid", 422,
            [
                ("invalid-body", "The body has mistakes; `errors` names each by its JSON pointer."),
                ("idempotency-key-reused", "The Idempotency-Key was used with another body."),
            ], for: { $1.body != nil }),
        SharedReply(
            "TooMany", 429, [("rate-limited", "The caller asks too often; `Retry-After` says when to come again.")], for: { route, _ in !route.path.isEmpty }),
        SharedReply(
            "Unavailable", 503, [("unavailable", "There is more work than can be done, or a part of the platform is away. Nothing was done; try again.")],
            for: isStrict),
        SharedReply("DeadlinePassed", 504, [("deadline-passed", "The time that `Waybill-Deadline` gave was over before anything was done.")], for: isStrict),
    ]

    var document: JSONValue { ProblemSchema.response(problems) }
}

/// Problem details as a schema.
enum ProblemSchema {
    static let schema = APISchema.component(
        "Problem",
        .object([
            .required("type", .text, "The kind of refusal: a URI, stable, for programs."), .required("title", .text, "The kind in words."),
            .required("status", .integer(100...599), "The HTTP status."), .required("detail", .text, "What happened, for people."),
            .optional("instance", .text, "The request's identity, by which the logs know it."),
            .optional(
                "errors",
                .array(
                    .object([
                        .required("pointer", .text, "Where: a JSON pointer (RFC 6901) into the body."), .required("detail", .text, "What is wrong there."),
                    ])), "Each mistake in a body."),
        ]))

    /// A response that tells each of some problems of one status.
    static func response(_ problems: [APIProblem]) -> JSONValue {
        let about = problems.map { "`\($0.type)`: \($0.about)" }.joined(separator: "\n\n")
        let examples = problems.map { problem in (problem.type, JSONValue.object(JSONObject([("value", example(problem))]))) }
        let content = JSONObject([("schema", schema.document), ("examples", .object(JSONObject(examples)))])
        var members: [(String, JSONValue)] = [("description", .string(about))]
        if problems.contains(where: { [429, 503].contains($0.status) }) { members.append(("headers", retryAfter)) }
        members.append(("content", .object(JSONObject([("application/problem+json", .object(content))]))))
        return .object(JSONObject(members))
    }

    private static let retryAfter: JSONValue = {
        let schema = JSONValue.object(JSONObject([("type", .string("integer"))]))
        let header = JSONObject([("description", .string("After how many seconds to try again.")), ("schema", schema)])
        return .object(JSONObject([("Retry-After", .object(header))]))
    }()

    private static func example(_ problem: APIProblem) -> JSONValue {
        let body = Problem(HTTPResponse.Status(code: problem.status), problem.type, problem.about).response(instance: exampleID).body
        guard case .bytes(let bytes) = body, let value = try? JSONParser.parse(bytes) else { return .null }
        return value
    }
    private static let exampleID = Identifier(high: 0x019a_4c1e_77a0_7c3d, low: 0x8f11_2b6d_0a5c_9e42)
}

/// How callers say who they are (OpenAPI 3.1, 4.8.27).
enum SecuritySchemes {
    static let document: JSONValue = {
        let scopes = JSONValue.object(JSONObject(Scope.allCases.sorted().map { ($0.rawValue, .string("")) }))
        func flow(_ name: String) -> (String, JSONValue) {
            (name, .object(JSONObject([("tokenUrl", .string("/api/v1/auth/token")), ("refreshUrl", .string("/api/v1/auth/token")), ("scopes", scopes)])))
        }
        return .object(
            JSONObject([
                (
                    "bearer",
                    .object(
                        JSONObject([
                            ("type", .string("http")), ("scheme", .string("bearer")), ("bearerFormat", .string("JWT")),
                            ("description", .string("A token of `waybill token` or `POST /api/v1/auth/token`.")),
                        ]))
                ),
                (
                    "apiKey",
                    .object(
                        JSONObject([
                            ("type", .string("apiKey")), ("in", .string("header")), ("name", .string("X-API-Key")),
                            ("description", .string("A key for servers, `wb_...`.")),
                        ]))
                ),
                (
                    "oauth2",
                    .object(
                        JSONObject([
                            ("type", .string("oauth2")), ("description", .string("The platform's own Identity service, or the one that is configured.")),
                            ("flows", .object(JSONObject([flow("clientCredentials"), flow("password")]))),
                        ]))
                ),
            ]))
    }()
}

import Web

/// What the entry itself answers, as its users see it.
extension APIOperation {
    static let queryGraphQL = APIOperation(
        "queryGraphQL", .graphQL, "Ask by GraphQL",
        "What a query needs, in one answer; `docs/graphql.md` and introspection tell what there is. Refusals of fields are among the answer's `errors`.",
        body: APIBody(
            .component(
                "GraphQLRequest",
                .object([
                    .required("query", .text, "The document; what is too long is refused among the answer's `errors`."),
                    .optional("operationName", .raw(#"{"type":["string","null"]}"#), "Which of its operations, where there are several."),
                    .optional("variables", .raw(#"{"type":["object","null"]}"#), "The variables' values."),
                    .optional("extensions", .raw(#"{"type":["object","null"]}"#), "Not looked at."),
                ])), example: #"{"query":"{ orders(first: 5) { nodes { id status } } }"}"#), APIReply(200, "What was asked for.", .graphQLAnswer))
    static let queryGraphQLByGet = APIOperation(
        "queryGraphQLByGet", .graphQL, "Ask by GraphQL with GET", "For queries only: what changes something must be sent with POST.",
        parameters: [
            .query("query", .text(0...8000), "The document.", isRequired: true, example: "{ __typename }"),
            .query("operationName", .filter(200), "Which of its operations, where there are several."),
            .query("variables", .text(0...8000), "The variables' values, as a JSON object.", example: "{}"),
            .query("extensions", .text(0...8000), "Not looked at.", example: "{}"),
        ], APIReply(200, "What was asked for.", .graphQLAnswer),
        problems: [
            APIProblem(405, "method-not-allowed", "The document changes something."),
            APIProblem(414, "malformed-request", "The address has more than 16 KiB: send it with POST."),
        ])

    static let showHealth = APIOperation(
        "showHealth", .platform, "Whether the platform can serve", "503 where it cannot; DEGRADED where some of it is away and the rest serves on.",
        parameters: [],
        APIReply(200, "It can.", .health), APIReply(503, "It cannot.", .health), isStrict: false)
    static let showReadiness = APIOperation(
        "showReadiness", .platform, "Whether requests should be sent here", "The same as `/health`, for readiness probes.", parameters: [],
        APIReply(200, "They should.", .health), APIReply(503, "They should not.", .health), isStrict: false)
    static let showLiveness = APIOperation(
        "showLiveness", .platform, "Whether the process lives", "Asks nothing else, for liveness probes.", parameters: [],
        APIReply(200, "It lives.", .object([.required("status", .oneOf(["UP"]), "It lives.")])), isStrict: false)
    static let showPlatformMetrics = APIOperation(
        "showMetrics", .platform, "Metrics", "In Prometheus' text form.", parameters: [],
        APIReply(200, "The metrics.", .text, contentType: "text/plain; version=0.0.4; charset=utf-8"), isStrict: false)
    static let showIndex = APIOperation(
        "showIndex", .platform, "Where to begin", parameters: [],
        APIReply(
            200, "Links.", .object([.required("name", .text, "`waybill`."), .required("links", .map(.text), "Paths by what is there.")])), isStrict: false)
    static let showOpenAPI = APIOperation(
        "showOpenAPI", .platform, "This document", "OpenAPI 3.1.", parameters: [], APIReply(200, "The document.", .map(.anything)), isStrict: false)
    static let showAsyncAPI = APIOperation(
        "showAsyncAPI", .platform, "The events as a document", "AsyncAPI 3.0.", parameters: [], APIReply(200, "The document.", .map(.anything)), isStrict: false
    )
}

extension APITag {
    static let graphQL = APITag("GraphQL", rank: 8, "Orders, products, payments and figures in one question.")
    static let platform = APITag("Platform", rank: 30, "Health, metrics and documents.")
}

extension APISchema {
    static let graphQLAnswer = APISchema.component(
        "GraphQLAnswer",
        .object([
            .optional("data", .anything, "What was found."), .optional("errors", .array(.map(.anything)), "What was refused, each with its path."),
            .optional("extensions", .map(.anything), "What the question cost, and what it might have."),
        ]))
    static let health = APISchema.component(
        "Health",
        .object([
            .required("status", .oneOf(["UP", "DEGRADED", "DOWN"]), "The whole."),
            .required(
                "checks",
                .array(
                    .object([
                        .required("name", .text, "What is needed."), .required("status", .oneOf(["UP", "DOWN"]), "Whether it is there."),
                        .optional("problem", .text, "What is wrong."),
                    ])), "What is needed."),
        ]))
}

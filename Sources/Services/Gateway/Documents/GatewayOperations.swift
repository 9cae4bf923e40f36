import Web

/// What the entry itself answers, as its users see it.
extension APIOperation {
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
    static let platform = APITag("Platform", rank: 30, "Health, metrics and documents.")
}

extension APISchema {
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

import HTTPTypes

/// What an operation is to those who use it: the part of a ``Route`` that is told, where the rest of it is done. The document at `/openapi.json` is made of routes and these,
/// and ``check(_:)`` holds requests to the parameters that are declared here, so that neither can drift from the other.
public struct APIOperation: Sendable {
    /// Its name, for programs: `placeOrder`. Unique.
    public let id: String
    public let tag: APITag
    /// What it does, in a few words.
    public let summary: String
    /// What else must be known, in whole sentences; CommonMark.
    public let about: String
    public let parameters: [APIParameter]
    public let body: APIBody?
    /// How it answers when it is done.
    public let replies: [APIReply]
    /// The refusals of its own; those that any operation may give are not repeated.
    public let problems: [APIProblem]
    /// Whether a repetition with the same Idempotency-Key is done once.
    public let honoursKey: Bool
    /// Whether query parameters that are not declared are refused. Not so for what probes and browsers ask.
    public let isStrict: Bool

    public init(
        _ id: String, _ tag: APITag, _ summary: String, _ about: String = "", parameters: [APIParameter] = [], body: APIBody? = nil, _ replies: APIReply...,
        problems: [APIProblem] = [], honoursKey: Bool = false, isStrict: Bool = true
    ) {
        (self.id, self.tag, self.summary, self.about, self.parameters, self.body) = (id, tag, summary, about, parameters, body)
        (self.replies, self.problems, self.honoursKey, self.isStrict) = (replies, problems, honoursKey, isStrict)
        query = parameters.filter { $0.place == .query }
    }

    /// The declared query parameters.
    let query: [APIParameter]
}

/// A part of the API.
public struct APITag: Sendable, Hashable {
    public let name: String
    public let about: String
    /// Where it stands among the others.
    public let rank: Int
    public init(_ name: String, rank: Int, _ about: String) { (self.name, self.rank, self.about) = (name, rank, about) }
}

/// A parameter in the path, the query or a header.
public struct APIParameter: Sendable, Equatable {
    /// Where a parameter stands (OpenAPI 3.1, 4.8.12).
    public enum Place: String, Sendable { case path, query, header }

    public let name: String
    public let place: Place
    public let schema: APISchema
    public let isRequired: Bool
    public let about: String
    public let example: String?

    public static func path(_ name: String, _ about: String, _ schema: APISchema = .identifier, example: String? = nil) -> APIParameter {
        APIParameter(name: name, place: .path, schema: schema, isRequired: true, about: about, example: example)
    }
    public static func query(_ name: String, _ schema: APISchema, _ about: String, isRequired: Bool = false, example: String? = nil) -> APIParameter {
        APIParameter(name: name, place: .query, schema: schema, isRequired: isRequired, about: about, example: example)
    }
    public static func header(_ name: String, _ schema: APISchema, _ about: String) -> APIParameter {
        APIParameter(name: name, place: .header, schema: schema, isRequired: false, about: about, example: nil)
    }

    /// The two parameters of ``Page``.
    public static func page(maximum: Int64 = 500, default value: Int = 50) -> [APIParameter] {
        [
            .query("limit", .integer(1...maximum), "How many at most; \(value) where nothing is said."),
            .query("cursor", .cursor, "The `nextCursor` of the page before."),
        ]
    }
}

/// What a request brings.
public struct APIBody: Sendable {
    public let schema: APISchema
    /// JSON, or what else is taken.
    public let contentTypes: [String]
    public let isRequired: Bool
    /// A body as JSON that is accepted.
    public let example: String

    public init(_ schema: APISchema, isRequired: Bool = true, contentTypes: [String] = ["application/json"], example: String) {
        (self.schema, self.isRequired, self.contentTypes, self.example) = (schema, isRequired, contentTypes, example)
    }
}

/// How an operation answers.
public struct APIReply: Sendable {
    public let status: Int
    public let about: String
    /// Nil for an answer without a body.
    public let schema: APISchema?
    public let contentType: String
    /// Names and meanings.
    public let headers: [(name: String, about: String)]
    /// A body as JSON.
    public let example: String?
    /// What may be asked next: the operation, and which parameter comes from which member of the body.
    public let links: [APILink]

    public init(
        _ status: Int, _ about: String, _ schema: APISchema? = nil, contentType: String = "application/json", headers: [(name: String, about: String)] = [],
        example: String? = nil, links: [APILink] = []
    ) {
        (self.status, self.about, self.schema, self.contentType, self.headers) = (status, about, schema, contentType, headers)
        (self.example, self.links) = (example, links)
    }
}

/// From an answer to the operation that goes on with it (OpenAPI 3.1, 4.8.20).
public struct APILink: Sendable {
    public let operation: String
    public let parameter: String
    /// A JSON pointer into the answer's body.
    public let pointer: String
    public init(_ operation: String, _ parameter: String, from pointer: String = "/id") {
        (self.operation, self.parameter, self.pointer) = (operation, parameter, pointer)
    }
}

/// A refusal: a kind of ``Problem``.
public struct APIProblem: Sendable, Hashable {
    public let status: Int
    /// The last part of the `type` URI.
    public let type: String
    /// When it is given.
    public let about: String
    public init(_ status: Int, _ type: String, _ about: String) { (self.status, self.type, self.about) = (status, type, about) }
}

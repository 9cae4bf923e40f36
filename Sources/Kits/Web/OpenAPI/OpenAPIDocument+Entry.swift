import HTTPTypes
import Wire

extension OpenAPIDocument.Entry {
    /// The Operation Object (OpenAPI 3.1, 4.8.10), with what the route says of who may use it.
    var document: JSONValue {
        var members: [(String, JSONValue)] = [
            ("operationId", .string(operation.id)), ("tags", .array([.string(operation.tag.name)])), ("summary", .string(operation.summary)),
            ("description", .string(about)), ("x-roles", .array(route.access.roles.sorted().map { .string($0.rawValue) })),
        ]
        if let scope = route.access.scope { members.append(("x-scope", .string(scope.rawValue))) }
        if let own = route.access.own.name { members.append(("x-own", .string(own))) }
        members.append(("security", security))
        let parameters = operation.parameters + (operation.honoursKey ? [APIParameter.idempotencyKey] : [])
        if !parameters.isEmpty { members.append(("parameters", .array(parameters.map(\.document)))) }
        if let body = operation.body { members.append(("requestBody", body.document)) }
        members.append(("responses", .object(JSONObject(responses))))
        return .object(JSONObject(members))
    }

    /// What must be known, and who may use it.
    public var about: String { [operation.about, access].filter { !$0.isEmpty }.joined(separator: "\n\n") }

    private var access: String {
        guard !route.access.roles.isEmpty else { return "Needs no token." }
        let roles = route.access.roles == Set(Role.allCases) ? "any role" : route.access.roles.sorted().map { "`\($0.rawValue)`" }.joined(separator: ", ")
        let own = route.access.roles.contains(.customer) && route.access.own != .nothing ? " Customers see and change only what is theirs." : ""
        return "For \(roles)" + (route.access.scope.map { "; scope `\($0.rawValue)`." } ?? ".") + own
    }

    private var security: JSONValue {
        guard !route.access.roles.isEmpty else { return .array([]) }
        let scopes = route.access.scope.map { [JSONValue.string($0.rawValue)] } ?? []
        return .array(
            [("bearer", []), ("apiKey", []), ("oauth2", scopes)].map { name, scopes in .object(JSONObject([(name, .array(scopes))])) })
    }

    /// By status: what it answers, what it refuses of its own, and what everything like it may refuse.
    private var responses: [(String, JSONValue)] {
        let replies = Dictionary(grouping: operation.replies, by: \.status)
        let shared = SharedReply.all.filter { $0.concerns(route, operation) }
        let own = Dictionary(grouping: operation.problems, by: \.status)
        let statuses = Set(replies.keys).union(own.keys).union(shared.map(\.status)).sorted()
        return statuses.map { status in
            let general = shared.first { $0.status == status }
            if let reply = replies[status]?.first { return (String(status), reply.document(or: general)) }
            guard let problems = own[status] else {
                return (String(status), .object(JSONObject([("$ref", .string("#/components/responses/\(general?.name ?? "")"))])))
            }
            return (String(status), ProblemSchema.response(problems + (general?.problems ?? [])))
        }
    }
}

extension Access.Own {
    /// How the document names it; nil where nothing belongs to anybody.
    var name: String? {
        switch self {
        case .nothing: nil
        case .byHandler: "by-handler"
        case .orderInPath(let parameter): "order-in-path:\(parameter)"
        case .orderInQuery(let parameter): "order-in-query:\(parameter)"
        }
    }
}

extension APIParameter {
    static let idempotencyKey = APIParameter.header(
        "Idempotency-Key", .text(1...255, pattern: "^[!-~]{1,255}$"),
        "The client's name for this request, a UUID for instance: with the same key and body it is done once.")

    var document: JSONValue {
        .object(
            JSONObject(
                [("name", .string(name)), ("in", .string(place.rawValue))] + (isRequired ? [("required", .bool(true))] : [])
                    + [("description", .string(about)), ("schema", schema.document)] + (example.map { [("example", .string($0))] } ?? [])))
    }
}

extension APIBody {
    var document: JSONValue {
        let content = contentTypes.map { type -> (String, JSONValue) in
            let example = type == "application/json" ? (try? JSONParser.parse(Array(example.utf8))).map { [("example", $0)] } ?? [] : []
            return (type, .object(JSONObject([("schema", schema.document)] + example)))
        }
        return .object(JSONObject([("required", .bool(isRequired)), ("content", .object(JSONObject(content)))]))
    }
}

extension APIReply {
    /// - Parameter general: what the gateway answers with the same status before the operation is asked.
    func document(or general: SharedReply? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [("description", .string(about))]
        if !headers.isEmpty {
            let schema = JSONValue.object(JSONObject([("type", .string("string"))]))
            members.append(
                (
                    "headers",
                    .object(JSONObject(headers.map { ($0.name, .object(JSONObject([("description", .string($0.about)), ("schema", schema)]))) }))
                ))
        }
        var content: [(String, JSONValue)] = []
        if let schema {
            let example = example.flatMap { try? JSONParser.parse(Array($0.utf8)) }.map { [("example", $0)] } ?? []
            content.append((contentType, .object(JSONObject([("schema", schema.document)] + example))))
        }
        if general != nil { content.append(("application/problem+json", .object(JSONObject([("schema", ProblemSchema.schema.document)])))) }
        if !content.isEmpty { members.append(("content", .object(JSONObject(content)))) }
        if !links.isEmpty { members.append(("links", .object(JSONObject(links.map { ($0.operation, $0.document) })))) }
        return .object(JSONObject(members))
    }
}

extension APILink {
    var document: JSONValue {
        .object(
            JSONObject([
                ("operationId", .string(operation)),
                ("parameters", .object(JSONObject([(parameter, .string("$response.body#\(pointer)"))]))),
            ]))
    }
}

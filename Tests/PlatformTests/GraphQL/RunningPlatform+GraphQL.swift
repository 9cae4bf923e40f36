import WaybillClient
import Wire

/// GraphQL over HTTP, as a client sends it.
enum GraphQLCall {
    /// The body of a request.
    static func body(_ document: String, _ variables: String? = nil, operation: String? = nil) -> String {
        var json = JSONWriter()
        json.object { json in
            json.member("query", document)
            json.optional("operationName", operation)
            if let variables {
                json.key("variables")
                json.raw(variables)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

extension RunningPlatform {
    /// Sends a document; the answer is 200, whatever is in it.
    func graphQL(_ document: String, _ variables: String? = nil, headers: [(String, String)] = []) async throws -> JSONValue {
        let answer = try await send("POST", "/graphql", GraphQLCall.body(document, variables), headers: headers)
        guard answer.status == 200 else { throw Unexpected("GraphQL gave \(answer.status) \(answer.json)") }
        return answer.json
    }

    /// The data of a document in which nothing may go wrong.
    func data(_ document: String, _ variables: String? = nil) async throws -> JSONValue {
        let answer = try await graphQL(document, variables)
        guard answer["errors"] == nil, let data = answer["data"] else { throw Unexpected("GraphQL gave \(answer.compact)") }
        return data
    }
}

extension RunningGateway {
    /// Sends a document to an entry.
    func graphQL(_ document: String, _ variables: String? = nil, headers: [(String, String)] = [], path: String = "/graphql") async throws -> ClientResponse {
        try await send("POST", path, headers: [("Content-Type", "application/json")] + headers, body: GraphQLCall.body(document, variables))
    }
}

extension JSONValue {
    /// The codes of the errors of an answer.
    var errorCodes: [String] { (self["errors"]?.array ?? []).compactMap { $0["extensions"]?["code"]?.string } }
}

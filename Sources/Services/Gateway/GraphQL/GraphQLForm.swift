import GraphQL
import HTTPTypes
import Web
import Wire

/// The form of an answer: the status tells what became of the request only to clients that know the newer media type (GraphQL over HTTP, 6.4).
struct GraphQLForm: Sendable {
    static let mediaType = "application/graphql-response+json"
    /// Whether the client knows it.
    let isModern: Bool

    init(_ headers: HTTPFields) {
        isModern = headers[values: .accept].flatMap { $0.split(separator: ",") }.contains { entry in
            let parts = entry.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard parts.first == GraphQLForm.mediaType else { return false }
            return !parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
        }
    }

    /// What was not executed.
    func refusal(_ refusal: GraphQLRefusal) -> WebResponse {
        response(isModern ? .badRequest : .ok) { json in
            json.key("errors")
            json.array(refusal.errors) { $1.write(to: &$0) }
        }
    }

    /// What was executed.
    func answer(_ answer: GraphQLAnswer, _ limits: GraphQLLimits) -> WebResponse {
        response(.ok) { json in
            if !answer.errors.isEmpty {
                json.key("errors")
                json.array(answer.errors) { $1.write(to: &$0) }
            }
            json.key("data")
            json.value(answer.data)
            json.key("extensions")
            json.object { json in
                json.key("cost")
                json.object { json in
                    json.member("asked", answer.weight.cost)
                    json.member("allowed", limits.cost)
                }
            }
        }
    }

    private func response(_ status: HTTPResponse.Status, _ write: (inout JSONWriter) -> Void) -> WebResponse {
        let type = isModern ? GraphQLForm.mediaType + "; charset=utf-8" : "application/json; charset=utf-8"
        return WebResponse(
            status: status, headers: [.contentType: type, .cacheControl: "no-store", .vary: "Accept"],
            body: .bytes(JSONWriter.object(capacity: 4096, write)))
    }
}

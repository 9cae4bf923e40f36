import Synchronization
import Testing
import Web
import Wire

/// Asks a running platform for operations by their names, and compares every answer with what is declared of it.
final class Clerk: Sendable {
    let platform: RunningPlatform
    private let operations: [String: (route: Route, operation: APIOperation)]
    private let seen = Mutex<Set<String>>([])

    init(platform: RunningPlatform, operations: [String: (route: Route, operation: APIOperation)]) {
        (self.platform, self.operations) = (platform, operations)
    }

    /// Whether an operation has answered with a status: `placeOrder 202`.
    func hasSeen(_ name: String) -> Bool { seen.withLock { $0.contains(name) } }

    /// - Parameters:
    ///   - parameters: those of the path.
    ///   - query: with its question mark.
    ///   - expected: the status; nil for 200, or 201 where that is what is declared.
    func ask(
        _ id: String, _ parameters: [String: String] = [:], query: String = "", body: String? = nil, expecting expected: Int? = nil
    ) async throws -> JSONValue {
        let (route, operation) = try #require(operations[id], "there is no operation \(id)")
        var path = route.path + query
        for (name, value) in parameters { path = path.replacing("{\(name)}", with: value) }
        let answer = try await platform.send(route.method.rawValue, path, body)
        let name = "\(id) \(answer.status)"
        let standard = operation.replies.contains { $0.status == 200 } ? 200 : operation.replies.first?.status ?? 200
        #expect(answer.status == expected ?? standard, "\(name): \(answer.json.compact.prefix(300))")
        seen.withLock { _ = $0.insert(name) }
        if let reply = operation.replies.first(where: { $0.status == answer.status }) {
            if reply.schema != nil { #expect(answer.headers("Content-Type") == reply.contentType, "\(name)") }
            for header in reply.headers { #expect(answer.headers(header.name) != nil, "\(name) has no \(header.name)") }
            if let schema = reply.schema {
                let isClosed = !id.hasPrefix("getOrderEvents") && id != "listEvents"
                #expect(SchemaJudge(isClosed: isClosed).objections(to: answer.json, schema) == [], "\(name)")
            }
        } else {
            checkRefusal(answer, name, operation)
        }
        return answer.json
    }

    private func checkRefusal(_ answer: RunningPlatform.Answer, _ name: String, _ operation: APIOperation) {
        #expect(answer.headers("Content-Type") == "application/problem+json", "\(name)")
        let type = answer.json["type"]?.string?.split(separator: "/").last.map(String.init) ?? ""
        let own = operation.problems.filter { $0.status == answer.status }.map(\.type)
        let general = [400: ["bad-parameter", "malformed-json"], 404: ["not-found"], 422: ["invalid-body"]][answer.status] ?? []
        #expect((own + general).contains(type), "\(name): \(type) is not declared")
    }
}

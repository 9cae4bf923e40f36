import Foundation
import Platform
import Testing
import WaybillClient
import Web
import Wire

/// What schemathesis asks of every other operation, asked of the two whose answers do not end (`Tests/API/schemathesis.toml`): statuses and content types are declared ones,
/// what the document allows is accepted and what it forbids refused, credentials are asked for, and other methods are told which there are.
@Suite("Streams and their description", .timeLimit(.minutes(3)))
struct StreamAgreementTests {
    private static let unknown = "019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42"

    /// A request and what may come of it.
    private struct Case {
        let operation: String
        let target: String
        var headers: [(String, String)] = []
        let statuses: Set<Int>
    }

    /// Of each parameter: what its schema allows, what it forbids, and twice.
    private static func cases(_ order: String) -> [Case] {
        let (follow, all) = ("/api/v1/orders/\(order)/stream", "/api/v1/events/stream")
        return [
            Case(operation: "followOrder", target: follow, statuses: [200]),
            Case(operation: "followOrder", target: follow, headers: [("Last-Event-ID", unknown)], statuses: [200]),
            Case(operation: "followOrder", target: follow + "?unknown=1", statuses: [400]),
            Case(operation: "followOrder", target: "/api/v1/orders/none/stream", statuses: [404]),
            Case(operation: "followOrder", target: "/api/v1/orders/%00/stream", statuses: [400, 404]),
            Case(operation: "followEvents", target: all, statuses: [200]), Case(operation: "followEvents", target: all + "?after=-1", statuses: [200]),
            Case(operation: "followEvents", target: all + "?after=0&type=OrderCreated,OrderConfirmed", statuses: [200]),
            Case(operation: "followEvents", target: all, headers: [("Last-Event-ID", "7")], statuses: [200]),
            Case(operation: "followEvents", target: all + "?after=9223372036854775807", statuses: [200]),
            Case(operation: "followEvents", target: all + "?after=-2", statuses: [400]),
            Case(operation: "followEvents", target: all + "?after=", statuses: [400]),
            Case(operation: "followEvents", target: all + "?after=x", statuses: [400]),
            Case(operation: "followEvents", target: all + "?after=1.5", statuses: [400]),
            Case(operation: "followEvents", target: all + "?after=9223372036854775808", statuses: [400]),
            Case(operation: "followEvents", target: all + "?after=1&after=2", statuses: [400]),
            Case(operation: "followEvents", target: all + "?type=Nonsense", statuses: [400]),
            Case(operation: "followEvents", target: all + "?type=", statuses: [400]),
            Case(operation: "followEvents", target: all + "?type=" + String(repeating: "OrderCreated,", count: 200) + "OrderCreated", statuses: [400]),
            Case(operation: "followEvents", target: all + "?unknown=1", statuses: [400]),
            Case(operation: "followEvents", target: all + "?type=%zz", statuses: [400]),
        ]
    }

    @Test("every answer is a declared one, and what is declared is what is answered")
    func answers() async throws {
        let operations = try await APIRoutes.operations()
        try await RunningPlatform.with(RunningPlatform.patient) { platform in
            let product = #"{"sku":"TOLD","name":"Told","price":"2.50","currency":"GBP","availableQuantity":9}"#
            _ = try await platform.send("POST", "/inventory/products", product)
            let placed = try await platform.send("POST", "/orders", #"{"currency":"GBP","items":[{"sku":"TOLD","quantity":1}]}"#)
            let order = try #require(placed.json["id"]?.string)
            for example in Self.cases(order) {
                let operation = try #require(operations[example.operation]?.operation)
                let stream = try await platform.client.stream(ClientRequest(path: example.target, headers: example.headers))
                defer { stream.end() }
                #expect(example.statuses.contains(stream.status), "\(example.target.prefix(80)): \(stream.status)")
                let type = stream.header("Content-Type") ?? ""
                guard stream.status == 200 else {
                    #expect(type == "application/problem+json", "\(example.target.prefix(80))")
                    let problem = try JSONParser.parse(try await stream.collect(upTo: 1 << 20))
                    #expect(problem["status"]?.integer == Int64(stream.status) && problem["type"]?.string != nil && problem["detail"]?.string != nil)
                    continue
                }
                #expect(operation.replies.contains { $0.status == 200 && $0.contentType == type }, "\(example.target.prefix(80)): \(type)")
            }
            let follow = try await platform.client.stream(ClientRequest(path: "/api/v1/orders/\(order)/stream"))
            var text = ""
            while !text.contains("\n\n"), let piece = try await follow.next() { text += String(decoding: piece, as: UTF8.self) }
            follow.end()
            let lines = text.components(separatedBy: "\n\n")[0].split(separator: "\n")
            #expect(lines.allSatisfy { line in ["id:", "event:", "data:", ":"].contains { line.hasPrefix($0) } }, "\(text)")
            for path in ["/api/v1/orders/\(order)/stream", "/api/v1/events/stream"] {
                for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE"] {
                    let other = try await platform.client.send(ClientRequest(method: method, path: path))
                    #expect(other.status == 405 && other.header("Allow") == "GET, HEAD", "\(method) \(path): \(other.status)")
                }
            }
        }
    }

    @Test("who does not say who he is, or lies about it, is not listened to")
    func credentials() async throws {
        func required(_ configuration: inout PlatformConfiguration) { configuration.authentication = .required(AuthenticationSettings()) }
        try await withTemporaryFolder { folder in
            try await RunningPlatform.with(folder: folder, required) { platform in
                let liars: [[(String, String)]] = [[], [("Authorization", "Bearer x.y.z")], [("Authorization", "Bearer ")], [("X-API-Key", "wb_x")]]
                for path in ["/api/v1/orders/\(Self.unknown)/stream", "/api/v1/events/stream"] {
                    for headers in liars {
                        let answer = try await platform.client.send(ClientRequest(path: path, headers: headers))
                        #expect(answer.status == 401 && answer.header("WWW-Authenticate")?.hasPrefix("Bearer") == true, "\(path) \(headers)")
                    }
                }
            }
        }
    }
}

import Gateway
import HTTPTypes
import Resilience
import Synchronization
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

/// GraphQL over HTTP, before routes that note who asks for what.
@Suite("GraphQL over HTTP", .timeLimit(.minutes(2)))
struct GraphQLEndpointTests {
    private static let mine = "01890a5d-ac96-774b-bcce-b302099a8057"
    private static let theirs = "01890a5d-ac96-774b-bcce-b302099a8058"

    /// Believes a token that is a role, a colon, a name, and scopes behind more of them.
    private struct Gullible: Authenticator {
        func authenticate(_ headers: HTTPFields) async throws(Problem) -> Principal? {
            guard let value = headers[.authorization] else { return nil }
            let parts = value.split(separator: " ").last?.split(separator: "|").map(String.init) ?? []
            guard parts.count >= 2, let role = Role(rawValue: parts[0]) else { throw Problem.invalidToken("it is not one") }
            return Principal(subject: parts[1], roles: [role], scopes: parts.count > 2 ? Set(parts[2...].compactMap { Scope(rawValue: $0) }) : nil)
        }
    }

    /// Counts what the routes are asked.
    private final class Counter: Sendable {
        private let log = Mutex<[String]>([])
        var asked: [String] { log.withLock { $0 } }
        func note(_ request: WebRequest) { log.withLock { $0.append("\(request.method) \(request.target)") } }
    }

    private static func routes(_ counter: Counter) -> [Route] {
        let order: @Sendable (WebRequest) async throws -> WebResponse = { request in
            counter.note(request)
            return .json { json in
                json.member("id", request.parameters["id"] ?? "none")
                json.member("status", "PAID")
                json.member("customerId", request.customer ?? "everybody")
            }
        }
        return [
            Route(.get, "/orders/{id}", access: .roles([.customer, .admin], .readOrders, own: .orderInPath("id")), order),
            Route(.post, "/orders/{id}/cancel", access: .roles([.customer, .admin], .writeOrders, own: .orderInPath("id")), order),
            Route(.get, "/orders", access: .roles([.customer, .admin], .readOrders, own: .byHandler)) { request in
                counter.note(request)
                return .json { json in
                    json.key("items")
                    json.array(0..<20) { json, _ in json.object { $0.member("id", request.customer == nil ? theirs : mine) } }
                }
            },
            Route(.get, "/payments", access: .roles([.admin], .readPayments, own: .orderInQuery("orderId"))) { request in
                counter.note(request)
                return .json { json in
                    json.key("items")
                    json.array(0..<1) { json, _ in json.object { $0.member("orderId", request.query.first?.value ?? "") } }
                }
            },
        ]
    }

    private static func asking(limits: RequestLimits? = nil, _ body: @escaping @Sendable (RunningGateway, Counter) async throws -> Void) async throws {
        let owners = OrderOwners { id in id.description == mine ? .customer("alice") : id.description == theirs ? .customer("bob") : .nobody }
        let counter = Counter()
        try await RunningGateway.with(routes(counter), control: AccessControl(.required(Gullible()), owners: owners), limits: limits) {
            try await body($0, counter)
        }
    }

    private static func token(_ text: String) -> [(String, String)] { [("Authorization", "Bearer " + text)] }

    @Test("who does not say who he is is asked, and whom a field's route does not let in has null there")
    func access() async throws {
        try await GraphQLEndpointTests.asking { (gateway, _) async throws in
            let document =
                "{ mine: order(id: \"\(GraphQLEndpointTests.mine)\") { id payment { orderId } } theirs: order(id: \"\(GraphQLEndpointTests.theirs)\") { id } }"
            for path in ["/graphql", "/api/v1/graphql", "/api/graphql"] {
                #expect(try await gateway.graphQL(document, path: path).status == 401)
                #expect(try await gateway.graphQL(document, headers: GraphQLEndpointTests.token("nonsense"), path: path).status == 401)
                let alice = try await gateway.graphQL(document, headers: GraphQLEndpointTests.token("customer|alice"), path: path)
                #expect(alice.status == 200)
                #expect(alice.json["data"]?["mine"]?["id"]?.string == GraphQLEndpointTests.mine)
                #expect(alice.json["data"]?["mine"]?["payment"] == .null)
                #expect(alice.json["data"]?["theirs"] == .null)
                #expect(alice.json.errorCodes == ["forbidden", "not-found"])
            }
            let root = try await gateway.graphQL(document, headers: GraphQLEndpointTests.token("admin|root"))
            #expect(root.json["errors"] == nil)
            #expect(root.json["data"]?["theirs"]?["id"]?.string == GraphQLEndpointTests.theirs)
            let bound = try await gateway.graphQL(document, headers: GraphQLEndpointTests.token("admin|root|orders:read"))
            #expect(bound.json.errorCodes == ["insufficient-scope"])
            let cancel = "mutation { cancelOrder(id: \"\(GraphQLEndpointTests.theirs)\") { id } }"
            #expect(try await gateway.graphQL(cancel, headers: GraphQLEndpointTests.token("customer|alice")).json.errorCodes == ["not-found"])
            #expect(try await gateway.graphQL(cancel, headers: GraphQLEndpointTests.token("admin|root|orders:read")).json.errorCodes == ["insufficient-scope"])
            #expect(try await gateway.graphQL(cancel, headers: GraphQLEndpointTests.token("warehouse|w")).json.errorCodes == ["forbidden"])
        }
    }

    @Test("one who hides behind another's words in the request changes nothing")
    func spoofing() async throws {
        try await GraphQLEndpointTests.asking { (gateway, _) async throws in
            let headers = GraphQLEndpointTests.token("customer|alice") + [("Waybill-Identity", "x.y"), ("Waybill-Roles", "admin"), ("X-Waybill-Actor", "root")]
            let answer = try await gateway.graphQL("{ orders { nodes { id } } }", headers: headers)
            #expect(answer.json["data"]?["orders"]?["nodes"]?[0]?["id"]?.string == GraphQLEndpointTests.mine)
        }
    }

    @Test("each question of an operation counts at the limits, so that one request is not many")
    func limits() async throws {
        var configuration = RequestLimits.Configuration()
        (configuration.readsPerSecond, configuration.writesPerSecond) = (3, 2)
        // A clock that stands still: nothing comes back while the test runs.
        let limits = RequestLimits(configuration, store: MemoryRateLimitStore(), milliseconds: { 0 })
        try await GraphQLEndpointTests.asking(limits: limits) { gateway, counter in
            let cancel = "mutation {" + (0..<7).map { " a\($0): cancelOrder(id: \"\(GraphQLEndpointTests.mine)\") { status }" }.joined() + "}"
            let changes = try await gateway.graphQL(cancel, headers: GraphQLEndpointTests.token("customer|alice"))
            #expect(changes.json.errorCodes == ["rate-limited", "rate-limited", "rate-limited"])
            #expect(changes.json["errors"]?[0]?["extensions"]?["retryAfterSeconds"]?.integer ?? 0 >= 1)
            #expect(counter.asked.count == 4)
            // The request before was the first of six reads, this one is the second.
            let look = "{" + (0..<6).map { " a\($0): order(id: \"01890a5d-ac96-774b-bcce-b302099a800\($0)\") { id }" }.joined() + "}"
            let reads = try await gateway.graphQL(look, headers: GraphQLEndpointTests.token("customer|alice"))
            #expect(reads.json.errorCodes.filter { $0 == "rate-limited" }.count == 2)
            #expect(reads.json.errorCodes.filter { $0 == "not-found" }.count == 4)
            let over = try await gateway.graphQL("{ __typename }", headers: GraphQLEndpointTests.token("customer|alice"))
            #expect(over.status == 429)
            let shop = try await gateway.graphQL(cancel, headers: GraphQLEndpointTests.token("admin|root"))
            #expect(shop.json["errors"] == nil)
        }
    }

    @Test("nothing more is begun for a caller who has gone")
    func deadline() async throws {
        let counter = Counter()
        let patient = Route(.post, "/orders/{id}/cancel", access: .everyone) { request in
            counter.note(request)
            if let deadline = request.deadline { try await ContinuousClock().sleep(until: deadline) }
            return .json { $0.member("id", "x") }
        }
        try await RunningGateway.with([patient]) { gateway in
            let document = "mutation { a: cancelOrder(id: \"x\") { id } b: cancelOrder(id: \"y\") { id } }"
            let answer = try await gateway.graphQL(document, headers: [("Waybill-Deadline", "150")])
            #expect(answer.json["data"]?["a"]?["id"]?.string == "x")
            #expect(answer.json["data"]?["b"] == .null)
            #expect(answer.json.errorCodes == ["deadline-passed"])
            #expect(counter.asked == ["POST /api/v1/orders/x/cancel"])
        }
    }

    @Test("the same question is asked once in an operation")
    func sharing() async throws {
        try await GraphQLEndpointTests.asking { (gateway, counter) async throws in
            let answer = try await gateway.graphQL(
                "{ orders(first: 20) { nodes { id payment { order { customerId } } } } }", headers: GraphQLEndpointTests.token("admin|root"))
            #expect(answer.json["data"]?["orders"]?["nodes"]?.array?.count == 20)
            #expect(answer.json["errors"] == nil)
            #expect(
                counter.asked == [
                    "GET /api/v1/orders?limit=20", "GET /api/v1/payments?orderId=\(GraphQLEndpointTests.theirs)",
                    "GET /api/v1/orders/\(GraphQLEndpointTests.theirs)",
                ])
        }
    }

    @Test("what an argument says stays within its place in the path or the query")
    func injection() async throws {
        try await GraphQLEndpointTests.asking { (gateway, counter) async throws in
            let headers = GraphQLEndpointTests.token("admin|root")
            for id in ["", ".", "..", "a/../b", "%2e%2e", "x?y=1", "x#y", "\\u0000", "x/cancel", "x\\n"] {
                let answer = try await gateway.graphQL("{ order(id: \"\(id)\") { id } }", headers: headers)
                #expect(answer.json.errorCodes == ["not-found"], "\(id)")
            }
            #expect(counter.asked.isEmpty)
            _ = try await gateway.graphQL("{ payment(orderId: \"a&orderId=b c%/é\") { id } }", headers: headers)
            #expect(counter.asked == ["GET /api/v1/payments?orderId=a%26orderId%3Db%20c%25%2F%C3%A9"])
        }
    }

    @Test("GET asks, and changes nothing")
    func get() async throws {
        try await GraphQLEndpointTests.asking { (gateway, counter) async throws in
            let headers = GraphQLEndpointTests.token("admin|root")
            let query = "query%20Q(%24id%3AID!)%7Border(id%3A%24id)%7Bid%7D%7D"
            let answer = try await gateway.send(
                "GET", "/graphql?query=\(query)&operationName=Q&variables=%7B%22id%22%3A%22\(GraphQLEndpointTests.mine)%22%7D", headers: headers)
            #expect(answer.json["data"]?["order"]?["id"]?.string == GraphQLEndpointTests.mine)
            let count = counter.asked.count
            let change = try await gateway.send(
                "GET", "/graphql?query=mutation%7BcancelOrder(id%3A%22\(GraphQLEndpointTests.mine)%22)%7Bid%7D%7D", headers: headers)
            #expect(change.status == 405)
            #expect(change.header("Allow") == "POST")
            #expect(counter.asked.count == count)
            for wrong in ["/graphql", "/graphql?query=%7B__typename%7D&variables=5", "/graphql?query=%7B__typename%7D&x=1", "/graphql?query=a&query=b"] {
                #expect(try await gateway.send("GET", wrong, headers: headers).status == 400, "\(wrong)")
            }
            #expect(try await gateway.send("PUT", "/graphql", headers: headers).status == 405)
        }
    }

    @Test("what a browser sends without asking first is not read, nor what is no request")
    func bodies() async throws {
        try await GraphQLEndpointTests.asking { (gateway, _) async throws in
            let headers = GraphQLEndpointTests.token("admin|root")
            for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/graphql"] {
                let answer = try await gateway.send("POST", "/graphql", headers: headers + [("Content-Type", type)], body: GraphQLCall.body("{ __typename }"))
                #expect(answer.status == 415, "\(type)")
            }
            let bodies = [
                ("", 400), ("{", 400), ("[]", 422), (#"[{"query":"{ __typename }"}]"#, 422), ("{}", 422), (#"{"query":5}"#, 422), (#"{"query":null}"#, 422),
                (#"{"query":"{ __typename }","variables":[]}"#, 422), (#"{"query":"{ __typename }","operationName":1}"#, 422),
                (#"{"query":"{ __typename }","extensions":1}"#, 422),
                (#"{"query":"{ __typename }","variables":null,"operationName":null,"extensions":{},"id":1}"#, 200),
                (#"{"query":"{ __typename }","query":"{ __typename }"}"#, 400),
            ]
            for (body, status) in bodies {
                let answer = try await gateway.send("POST", "/graphql", headers: headers + [("Content-Type", "application/json")], body: body)
                #expect(answer.status == status, "\(body)")
            }
        }
    }

    @Test("the status says what became of the request to those who know the newer media type")
    func mediaTypes() async throws {
        try await GraphQLEndpointTests.asking { (gateway, _) async throws in
            func ask(_ document: String, _ accept: String?) async throws -> (Int, String?) {
                let headers = GraphQLEndpointTests.token("admin|root") + (accept.map { [("Accept", $0)] } ?? [])
                let answer = try await gateway.graphQL(document, headers: headers)
                return (answer.status, answer.header("Content-Type")?.split(separator: ";").first.map(String.init))
            }
            let (old, new) = ("application/json", "application/graphql-response+json")
            for accept in [nil, "*/*", "application/json", "application/graphql-response+json;q=0, */*"] {
                #expect(try await ask("{ nothing }", accept) == (200, old), "\(accept ?? "none")")
            }
            for accept in ["application/graphql-response+json", "application/json;q=0.9, application/graphql-response+json; charset=utf-8"] {
                #expect(try await ask("{ nothing }", accept) == (400, new))
                #expect(try await ask("{", accept) == (400, new))
                #expect(try await ask("{ __typename }", accept) == (200, new))
                #expect(try await ask("{ order(id: \"x\") { id } }", accept) == (200, new), "it was executed, and a field failed")
            }
        }
    }

    @Test("hostile documents are refused before anything is asked")
    func attacks() async throws {
        try await GraphQLEndpointTests.asking { (gateway, counter) async throws in
            let documents = [
                String(repeating: "{ a ", count: 5000), "{ a(b: " + String(repeating: "[", count: 20_000),
                "{" + (0..<2000).map { " a\($0): orders(first: 500) { nodes { id } }" }.joined() + "}",
                "{" + (0..<90).map { " a\($0): orders(first: 500) { nodes { payment { id } } }" }.joined() + "}",
                "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
                "{ order(id: \"x\") { payment { order { payment { order { payment { order { payment { order { payment { order { payment { order { id } } } } } } } } } } } } } }",
                "{ orders(first: 999999999999999999999) { nodes { id } } }", "{ orders(first: -1) { nodes { id } } }",
                "{ orders(first: 2147483647) { nodes { id } } }",
                "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }",
                "{ order(id: \"" + String(repeating: "x", count: 900_000) + "\") { id } }",
                "{" + String(repeating: " __typename @include(if: true) @skip(if: false)", count: 1500) + "}", "{ \u{7} }", "{ \u{202E} }",
            ]
            for document in documents {
                let answer = try await gateway.graphQL(document, headers: GraphQLEndpointTests.token("admin|root"))
                #expect(answer.status == 200, "\(document.prefix(60))")
                #expect(answer.json["errors"]?.array?.isEmpty == false, "\(document.prefix(60))")
                #expect(answer.body.count < 40_000, "an answer is not much larger than what it answers")
            }
            #expect(counter.asked.isEmpty)
            let large = try await gateway.graphQL(String(repeating: " ", count: 1_200_000), headers: GraphQLEndpointTests.token("admin|root"))
            #expect(large.status == 413)
            let after = try await gateway.graphQL("{ __typename }", headers: GraphQLEndpointTests.token("admin|root"))
            #expect(after.json["data"]?["__typename"]?.string == "Query")
        }
    }
}

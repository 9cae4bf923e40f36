import Gateway
import HTTPTypes
import Synchronization
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

/// The entry lets in whom the routes' rules let in, and nobody to what is another's.
@Suite("Access control at the entry", .timeLimit(.minutes(2)))
struct AccessControlTests {
    private static let mine = "01890a5d-ac96-774b-bcce-b302099a8057"
    private static let theirs = "01890a5d-ac96-774b-bcce-b302099a8058"
    private static let guests = "01890a5d-ac96-774b-bcce-b302099a8059"

    /// Believes a token that is a role, a colon and a name.
    private struct Gullible: Authenticator {
        func authenticate(_ headers: HTTPFields) async throws(Problem) -> Principal? {
            guard let value = headers[.authorization] else { return nil }
            let parts = value.split(separator: " ").last?.split(separator: ":").map(String.init) ?? []
            guard parts.count >= 2, let role = Role(rawValue: parts[0]) else { throw Problem.invalidToken("it is not one") }
            return Principal(subject: parts[1], roles: [role], scopes: parts.count > 2 ? Set(parts[2...].compactMap { Scope(rawValue: $0) }) : nil)
        }
    }

    private static let owners = OrderOwners { id in
        switch id.description {
        case mine: .customer("alice")
        case theirs: .customer("bob")
        case guests: .guest
        default: .nobody
        }
    }

    private static func tell(_ request: WebRequest) -> WebResponse {
        .json {
            $0.member("subject", request.principal.subject)
            $0.member("customer", request.customer ?? "everybody")
            $0.member("body", request.body.count)
            $0.member("authorization", request.headers[.authorization] ?? "none")
        }
    }
    private static let routes = [
        Route(.get, "/open", access: .everyone) { tell($0) },
        Route(.get, "/orders/{id}", access: .roles([.customer, .admin], .readOrders, own: .orderInPath("id"))) { tell($0) },
        Route(.get, "/payments", access: .roles([.customer, .admin], .readPayments, own: .orderInQuery("orderId"))) { tell($0) },
        Route(.post, "/orders", access: .roles([.customer, .admin], .writeOrders, own: .byHandler)) { tell($0) },
        Route(.get, "/admin", access: .roles([.admin], .readOperations)) { tell($0) },
    ]

    private static func asking(_ body: @escaping @Sendable (RunningGateway) async throws -> Void) async throws {
        try await RunningGateway.with(routes, control: AccessControl(.required(Gullible()), owners: owners)) { try await body($0) }
    }

    @Test("who does not say who he is is asked, who says it wrongly is refused, who may not is told so")
    func refusals() async throws {
        try await AccessControlTests.asking { (gateway) async throws in
            func status(_ path: String, _ token: String?) async throws -> (Int, String?) {
                let response = try await gateway.send("GET", "/api/v1" + path, headers: token.map { [("Authorization", "Bearer " + $0)] } ?? [])
                return (response.status, response.header("WWW-Authenticate"))
            }
            #expect(try await status("/open", nil) == (200, nil))
            #expect(try await status("/open", "nonsense").0 == 200, "nobody is asked here")
            #expect(try await status("/admin", nil) == (401, "Bearer realm=\"waybill\""))
            #expect(try await status("/admin", "nonsense").1?.contains("error=\"invalid_token\"") == true)
            #expect(try await status("/orders/\(AccessControlTests.mine)", "nonsense").0 == 401, "what does not hold is never taken for nothing")
            #expect(try await status("/admin", "customer:alice").0 == 403)
            #expect(try await status("/admin", "admin:root").0 == 200)
            #expect(try await status("/admin", "admin:root:orders:read").0 == 403)
        }
    }

    @Test("what is another's, a guest's or nobody's answers in the same words")
    func foreign() async throws {
        try await AccessControlTests.asking { (gateway) async throws in
            func ask(_ path: String, _ token: String = "customer:alice") async throws -> ClientResponse {
                try await gateway.send("GET", "/api/v1" + path, headers: [("Authorization", "Bearer " + token)])
            }
            #expect(try await ask("/orders/\(AccessControlTests.mine)").json["customer"]?.string == "alice")
            #expect(try await ask("/orders/\(AccessControlTests.theirs)", "admin:root").json["customer"]?.string == "everybody")
            var answers: Set<[String?]> = []
            for id in [AccessControlTests.theirs, AccessControlTests.guests, "01890a5d-ac96-774b-bcce-b302099a8000", "nonsense", "%00", "..%2f"] {
                let response = try await ask("/orders/\(id)")
                guard id != "%00" else {
                    #expect(response.status == 400)
                    continue
                }
                #expect(response.status == 404, "\(id)")
                answers.insert(["type", "title", "detail"].map { response.json[$0]?.string })
            }
            #expect(answers.count == 1)
        }
    }

    @Test("customers whose names Swift takes for the same are two")
    func namesThatLookTheSame() {
        #expect(OrderOwners.Owner.customer("Kate") == .customer("Kate"))
        #expect(OrderOwners.Owner.customer("Kate") != .customer("\u{212A}ate"))
        #expect(OrderOwners.Owner.guest != .nobody)
    }

    @Test("customers name the order whose payments they want, once, and it is theirs")
    func query() async throws {
        try await AccessControlTests.asking { (gateway) async throws in
            func status(_ query: String, _ token: String = "customer:alice") async throws -> Int {
                try await gateway.send("GET", "/api/v1/payments" + query, headers: [("Authorization", "Bearer " + token)]).status
            }
            #expect(try await status("?orderId=\(AccessControlTests.mine)") == 200)
            #expect(try await status("?orderId=\(AccessControlTests.theirs)") == 404)
            #expect(try await status("") == 400)
            #expect(try await status("", "admin:root") == 200)
            #expect(try await status("?orderId=\(AccessControlTests.mine)&orderId=\(AccessControlTests.theirs)") == 400)
            #expect(try await status("?orderId=\(AccessControlTests.theirs)&orderId=\(AccessControlTests.mine)") == 400)
        }
    }

    @Test("nobody says who he is in the gateway's place")
    func spoofing() async throws {
        let word = InternalIdentity(secret: "not this platform's secret") { Timestamp(milliseconds: 0) }.value(for: Principal(subject: "x", roles: [.admin]))
        try await AccessControlTests.asking { (gateway) async throws in
            let plain = try await gateway.send("GET", "/api/v1/admin", headers: [("Waybill-Identity", word), ("Waybill-Roles", "admin")])
            #expect(plain.status == 401)
        }
        let own = InternalIdentity(secret: "this platform's own secret") { SystemClock().now() }
        try await RunningGateway.with(AccessControlTests.routes, control: AccessControl(.required(nil), identity: own)) { (gateway) async throws in
            func status(_ headers: [(String, String)]) async throws -> Int { try await gateway.send("GET", "/api/v1/admin", headers: headers).status }
            #expect(try await status([]) == 401)
            #expect(try await status([("Authorization", "Bearer admin:root")]) == 401, "a service behind a gateway reads no tokens")
            #expect(try await status([("Waybill-Identity", word)]) == 401)
            #expect(try await status([("Waybill-Identity", own.value(for: Principal(subject: "root", roles: [.admin])))]) == 200)
            #expect(try await status([("Waybill-Identity", own.value(for: Principal(subject: "alice", roles: [.customer])))]) == 403)
        }
    }

    @Test("a gateway tells the service who asks, and keeps the token to itself")
    func through() async throws {
        let identity = InternalIdentity(secret: "this platform's own secret") { SystemClock().now() }
        try await RunningGateway.with(AccessControlTests.routes, control: AccessControl(.required(nil), identity: identity)) { (service) async throws in
            let pool = try UpstreamPool("orders", urls: [service.url], configuration: .with { $0.identity = identity })
            let routes = ProxyRoutes(pool: pool).routes(AccessControlTests.routes)
            try await RunningGateway.with(routes, control: AccessControl(.required(Gullible()), owners: AccessControlTests.owners)) { (gateway) async throws in
                func ask(_ method: String, _ path: String, _ token: String?) async throws -> ClientResponse {
                    let headers = token.map { [("Authorization", "Bearer " + $0)] } ?? []
                    return try await gateway.send(method, "/api/v1" + path, headers: headers + [("Waybill-Identity", "forged"), ("X-Api-Key", "k")])
                }
                // The gateway has no secret of its own here: what a client sends under this name is neither believed nor passed on.
                let own = try await ask("GET", "/orders/\(AccessControlTests.mine)", "customer:alice")
                #expect(own.status == 200 && own.json["subject"]?.string == "alice" && own.json["customer"]?.string == "alice")
                #expect(own.json["authorization"]?.string == "none")
                #expect(try await ask("GET", "/orders/\(AccessControlTests.theirs)", "customer:alice").status == 404)
                #expect(try await ask("POST", "/orders", "customer:alice").json["customer"]?.string == "alice")
                #expect(try await ask("GET", "/admin", "customer:alice").status == 403)
                #expect(try await ask("GET", "/admin", nil).status == 401)
                #expect(try await ask("GET", "/admin", "admin:root").json["subject"]?.string == "root")
            }
            await pool.shutdown()
        }
    }
}

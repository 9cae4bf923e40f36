import HTTPTypes
import Synchronization
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

@Suite("Between the processes of one platform", .timeLimit(.minutes(1)))
struct TrustAndDeadlineTests {
    private static let id = "01890a5d-ac96-774b-bcce-b302099a8057"

    /// Tells what a handler knows of its request.
    private static let mirror = [
        Route(.post, "/mirror", access: .everyone) { request in
            let scope = RequestScope.current
            return .json {
                $0.member("id", request.id)
                $0.member("scope", scope?.id.description ?? "none")
                $0.member("traceparent", scope?.traceparent ?? "none")
                $0.member("left", scope?.deadline.map { Int(($0 - .now) / .milliseconds(1)) } ?? -1)
                $0.member("peer", request.clientAddress?.description ?? "none")
            }
        }
    ]

    @Test("an identity is taken over from those who know the secret, and from nobody else")
    func identity() async throws {
        try await RunningGateway.with(TrustAndDeadlineTests.mirror, trust: InternalTrust(secret: "between ourselves")) { (gateway) async throws in
            func id(_ headers: [(String, String)]) async throws -> String? {
                let response = try await gateway.send("POST", "/api/v1/mirror", headers: [("X-Request-Id", TrustAndDeadlineTests.id)] + headers)
                #expect(response.header("X-Request-Id") == response.json["id"]?.string && response.json["scope"] == response.json["id"])
                return response.json["id"]?.string
            }
            #expect(try await id([("Waybill-Internal", "between ourselves")]) == TrustAndDeadlineTests.id)
            for guess in ["", "between", "between ourselveS", "between ourselves2"] {
                #expect(try await id([("Waybill-Internal", guess)]) != TrustAndDeadlineTests.id, "\(guess)")
            }
            #expect(try await id([]) != TrustAndDeadlineTests.id)
            let odd = try await gateway.send("POST", "/api/v1/mirror", headers: [("X-Request-Id", "4711"), ("Waybill-Internal", "between ourselves")])
            #expect(odd.json["id"]?.string.flatMap { Identifier($0) } != nil)
        }
        try await RunningGateway.with(TrustAndDeadlineTests.mirror) { (gateway) async throws in
            let response = try await gateway.send(
                "POST", "/api/v1/mirror", headers: [("X-Request-Id", TrustAndDeadlineTests.id), ("Waybill-Internal", "")])
            #expect(response.json["id"]?.string != TrustAndDeadlineTests.id)
        }
        #expect(!InternalTrust(secret: "").covers([.internalSecret: ""]))
    }

    @Test("a request through a gateway keeps its identity, its trace and what is left of its time")
    func chain() async throws {
        try await RunningGateway.with(TrustAndDeadlineTests.mirror, trust: InternalTrust(secret: "between ourselves")) { (service) async throws in
            var configuration = UpstreamPool.Configuration()
            configuration.secret = Secret("between ourselves")
            let pool = try UpstreamPool("mirror", urls: [service.url], configuration: configuration)
            try await RunningGateway.with(ProxyRoutes(pool: pool).routes(TrustAndDeadlineTests.mirror)) { (gateway) async throws in
                let response = try await gateway.send(
                    "POST", "/api/v1/mirror",
                    headers: [("Waybill-Deadline", "5000"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
                #expect(response.status == 200 && response.json["id"]?.string == response.header("X-Request-Id"))
                #expect(response.json["traceparent"]?.string == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
                #expect((1...5_000).contains(response.json["left"]?.integer ?? -1))
                let unlimited = try await gateway.send("POST", "/api/v1/mirror")
                #expect((50_000...60_000).contains(unlimited.json["left"]?.integer ?? -1))
            }
            await pool.shutdown()
        }
    }

    @Test("a request whose time is over is not begun, and a time that is no number is refused")
    func deadline() async throws {
        let calls = Mutex(0)
        let routes = [
            Route(.post, "/work", access: .everyone) { _ in
                calls.withLock { $0 += 1 }
                return .json { $0.member("done", true) }
            }
        ]
        try await RunningGateway.with(routes) { (gateway) async throws in
            for text in ["0", "-5"] {
                let response = try await gateway.send("POST", "/api/v1/work", headers: [("Waybill-Deadline", text)], body: "{}")
                #expect(response.status == 504 && response.json["type"]?.string == "https://waybill.dev/problems/deadline-passed")
            }
            for text in ["", "soon", "1.5"] {
                #expect(try await gateway.send("POST", "/api/v1/work", headers: [("Waybill-Deadline", text)], body: "{}").status == 400)
            }
            #expect(calls.withLock { $0 } == 0)
            for text in ["60000", "9223372036854775807"] {
                #expect(try await gateway.send("POST", "/api/v1/work", headers: [("Waybill-Deadline", text)], body: "{}").status == 200)
            }
            #expect(calls.withLock { $0 } == 2)
        }
    }

    @Test("a client's own time is not cut below a tenth of a second, a process of the platform's is taken as it is")
    func least() async throws {
        try await RunningGateway.with(TrustAndDeadlineTests.mirror, trust: InternalTrust(secret: "between ourselves")) { (gateway) async throws in
            @Sendable func left(_ headers: [(String, String)]) async throws -> Int64 {
                try await gateway.send("POST", "/api/v1/mirror", headers: headers).json["left"]?.integer ?? 0
            }
            // On a busy machine one request may take longer than that.
            try await eventually("more than was asked for") { try await left([("Waybill-Deadline", "1")]) > 1 }
            for _ in 0..<5 { #expect(try await left([("Waybill-Deadline", "50"), ("Waybill-Internal", "between ourselves")]) <= 50) }
        }
    }
}

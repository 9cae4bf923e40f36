import HTTPTypes
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

/// A gateway in front of an instance, over real sockets: what goes through, and what does not.
@Suite("Routes that forward", .timeLimit(.minutes(2)))
struct ProxyRoutesTests {
    private static let patterns = [
        Route(.get, "/orders", access: .everyone) { _ in .text("never called") },
        Route(.post, "/orders", access: .everyone, startsWork: true) { _ in .text("never called") },
        Route(.put, "/orders/{id}/status", access: .everyone) { _ in .text("never called") },
        Route(.delete, "/orders/{id}", access: .everyone) { _ in .text("never called") },
        Route(.get, "/orders/{id}/stream", access: .everyone, answer: .stream) { _ in .text("never called") },
    ]

    private func withGateway(
        _ behaviour: FakeUpstream.Behaviour = .answer(200), _ configuration: UpstreamPool.Configuration = .init(),
        _ body: @escaping @Sendable (FakeUpstream, RunningGateway) async throws -> Void
    ) async throws {
        var configuration = configuration
        configuration.secret = Secret("between ourselves")
        let chosen = configuration
        try await FakeUpstream.with(behaviour) { (server) async throws in
            let pool = try UpstreamPool("orders", urls: [server.url], configuration: chosen)
            try await RunningGateway.with(
                ProxyRoutes(pool: pool).routes(ProxyRoutesTests.patterns), runners: [EndProxiedStreams(pools: [pool])]
            ) { (gateway) async throws in try await body(server, gateway) }
            await pool.shutdown()
        }
    }

    @Test("path, query and body arrive as they came, and the answer comes back as it was")
    func whole() async throws {
        let answer = FakeUpstream.Behaviour.answer(
            202, [("Location", "/api/v1/orders/1"), ("ETag", "\"7\""), ("Idempotency-Replayed", "true"), ("X-Own", "a"), ("X-Own", "b")], #"{"id":1}"#)
        try await withGateway(answer) { (server, gateway) async throws in
            let response = try await gateway.send(
                "POST", "/api/orders?a=%20b+c&&d=%C3%A9&d=", headers: [("Content-Type", "application/json"), ("Idempotency-Key", "k")], body: #"{"x":"ü"}"#)
            #expect(response.status == 202 && response.text == #"{"id":1}"#)
            #expect(
                response.header("Location") == "/api/v1/orders/1" && response.header("ETag") == "\"7\"" && response.header("Idempotency-Replayed") == "true")
            #expect(response.headers.filter { $0.0 == "X-Own" }.map(\.1) == ["a", "b"])
            let seen = try #require(server.seen.first)
            #expect(seen.method == "POST" && seen.target == "/api/orders?a=%20b+c&&d=%C3%A9&d=" && seen.body == Array(#"{"x":"ü"}"#.utf8))
            #expect(seen.header("Idempotency-Key") == "k" && seen.header("Content-Type") == "application/json")
            #expect(seen.header("Content-Length") == String(seen.body.count) && seen.header("Host") == "127.0.0.1:\(server.port)")
        }
    }

    @Test("what is about one connection, and what clients say of who they are, goes no further")
    func headers() async throws {
        try await withGateway { (server, gateway) async throws in
            // `Connection` itself is the client's own affair here, so a field that it would name is sent by hand below.
            let response = try await gateway.send(
                "GET", "/api/v1/orders",
                headers: [
                    ("Accept", "application/json"), ("If-None-Match", "\"1\""), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                    ("Authorization", "Bearer x"), ("Cookie", "a=b"),
                    ("X-Waybill-Actor", "Ann"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Upgrade", "h2c"), ("Proxy-Authorization", "x"),
                    ("Waybill-Internal", "guess"), ("Waybill-Identity", "admin"), ("X-Request-Id", "01890a5d-ac96-774b-bcce-b302099a8057"),
                    ("X-Forwarded-For", "10.0.0.1,  10.0.0.2"), ("X-Forwarded-Host", "evil"), ("Forwarded", "for=1"), ("X-Real-IP", "1.1.1.1"),
                ])
            #expect(response.status == 200)
            let seen = try #require(server.seen.first)
            for (name, value) in [
                ("Accept", "application/json"), ("If-None-Match", "\"1\""), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                ("Authorization", "Bearer x"), ("Cookie", "a=b"),
                ("X-Waybill-Actor", "Ann"), ("Waybill-Internal", "between ourselves"), ("X-Forwarded-For", "127.0.0.1"),
                ("Via", "1.1 waybill"),
            ] { #expect(seen.headers.filter { $0.0.lowercased() == name.lowercased() }.map(\.1) == [value], "\(name)") }
            for name in ["Keep-Alive", "TE", "Upgrade", "Proxy-Authorization", "Waybill-Identity", "X-Forwarded-Host", "Forwarded", "X-Real-IP"] {
                #expect(seen.header(name) == nil, "\(name)")
            }
            // The identity is the gateway's, there and in the answer.
            #expect(seen.header("X-Request-Id") != "01890a5d-ac96-774b-bcce-b302099a8057")
            #expect(seen.headers.filter { $0.0.lowercased() == "x-request-id" }.map(\.1) == [response.header("X-Request-Id")])
        }
    }

    @Test("a request without a place in a trace begins one, under its own identity; what is none goes no further")
    func traces() async throws {
        try await withGateway { (server, gateway) async throws in
            for headers in [[], [("traceparent", "00-ab-cd-01"), ("tracestate", "a=b")]] {
                let response = try await gateway.send("GET", "/api/v1/orders", headers: headers)
                let seen = try #require(server.seen.last)
                let parent = try #require(seen.header("traceparent"))
                let id = try #require(response.header("X-Request-Id"))
                #expect(TraceContext.isValid(parent) && parent.hasPrefix("00-" + id.filter { $0 != "-" }) && seen.header("tracestate") == nil)
            }
        }
    }

    @Test("fields that Connection names stay behind, both ways")
    func namedFields() {
        let id = Identifier(high: 1, low: 2)
        let request = WebRequest(
            method: .get, path: "/", headers: [.connection: "close, X-Hop", .accept: "a", HTTPField.Name("X-Hop") ?? .via: "1"], id: id)
        #expect(ForwardedHeaders.request(request).map(\.0) == ["Accept", "X-Request-Id", "Via"])
        let answer = ForwardedHeaders.response([
            ("Connection", "keep-alive, x-hop"), ("X-HOP", "1"), ("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("Date", "d"), ("ETag", "e"),
            ("Retry-After", "1"),
        ])
        #expect(answer.map(\.name.rawName) == ["ETag", "Retry-After"])
        let proxied = WebRequest(method: .get, path: "/", headers: [.forwardedFor: "10.0.0.1, 10.0.0.2"], id: id, clientAddress: IPAddress("192.0.2.1"))
        #expect(ForwardedHeaders.request(proxied).filter { $0.0 == "X-Forwarded-For" }.map(\.1) == ["192.0.2.1"])
    }

    @Test("refusals of the service come through as they are", arguments: [304, 400, 404, 409, 422, 429, 500, 503])
    func refusals(status: Int) async throws {
        let body = status == 304 ? "" : #"{"type":"x"}"#
        try await withGateway(.answer(status, [("Content-Type", "application/problem+json"), ("Retry-After", "3")], body)) { (_, gateway) async throws in
            let response = try await gateway.send("POST", "/api/v1/orders", body: "{}")
            #expect(response.status == status && response.text == body)
            #expect(response.header("Retry-After") == "3" && response.header("Content-Type") == "application/problem+json")
        }
    }

    @Test("an outcome that is not known is told as such, with what to do")
    func unknown() async throws {
        try await withGateway(.silence, .with { ($0.timeout, $0.attemptTimeout) = (.milliseconds(150), .milliseconds(150)) }) {
            (server, gateway) async throws in
            let unkeyed = try await gateway.send("POST", "/api/v1/orders", body: "{}")
            #expect(unkeyed.status == 504 && unkeyed.json["outcome"]?.string == "unknown")
            #expect(unkeyed.json["type"]?.string == "https://waybill.dev/problems/outcome-unknown")
            #expect(unkeyed.json["detail"]?.string?.contains("send an Idempotency-Key") == true)
            let keyed = try await gateway.send("POST", "/api/v1/orders", headers: [("Idempotency-Key", "k")], body: "{}")
            #expect(keyed.status == 504 && keyed.json["detail"]?.string?.contains("with the same Idempotency-Key") == true)
            let read = try await gateway.send("GET", "/api/v1/orders")
            #expect(read.status == 504 && read.json["type"]?.string == "https://waybill.dev/problems/upstream-timeout")
            server.set(.close(reset: true))
            let lost = try await gateway.send("DELETE", "/api/v1/orders/1")
            #expect(lost.status == 502 && lost.json["outcome"]?.string == "unknown")
        }
    }

    @Test("a service that is away is 503 at once, and after five failures nobody waits for it")
    func away() async throws {
        let dead = "http://127.0.0.1:\(try await FakeUpstream.deadPort())"
        let pool = try UpstreamPool("orders", urls: [dead], configuration: .init())
        try await RunningGateway.with(ProxyRoutes(pool: pool).routes(ProxyRoutesTests.patterns)) { (gateway) async throws in
            for _ in 0..<5 {
                let response = try await gateway.send("POST", "/api/v1/orders", body: "{}")
                #expect(response.status == 503 && response.header("Retry-After") == "1")
            }
            let open = try await gateway.send("GET", "/api/v1/orders")
            #expect(open.status == 503 && (Int(open.header("Retry-After") ?? "") ?? 0) > 20)
            #expect(open.json["type"]?.string == "https://waybill.dev/problems/upstream-unavailable")
        }
        await pool.shutdown()
    }

    @Test("large bodies go through up to the limits, and no further")
    func sizes() async throws {
        try await withGateway(.answer(200, [], String(repeating: "y", count: 64 << 10)), .with { $0.maximumBody = 64 << 10 }) {
            (server, gateway) async throws in
            let largest = String(repeating: "x", count: 1 << 20)
            let response = try await gateway.send("POST", "/api/v1/orders", body: largest)
            #expect(response.status == 200 && response.body.count == 64 << 10 && server.seen.last?.body.count == 1 << 20)
            #expect(try await gateway.send("POST", "/api/v1/orders", body: largest + "x").status == 413)
            #expect(server.seen.count == 1)
            server.set(.answer(200, [], String(repeating: "y", count: (64 << 10) + 1)))
            let tooLarge = try await gateway.send("GET", "/api/v1/orders")
            #expect(tooLarge.status == 502 && tooLarge.json["type"]?.string == "https://waybill.dev/problems/bad-upstream-answer")
        }
    }

    @Test("a gateway that is configured as its own service says so")
    func loop() async throws {
        try await withGateway { (server, gateway) async throws in
            let response = try await gateway.send("GET", "/api/v1/orders", headers: [("Via", "1.0 proxy, 1.1 waybill")])
            #expect(response.status == 508 && server.seen.isEmpty)
            #expect(try await gateway.send("GET", "/api/v1/orders", headers: [("Via", "1.0 proxy")]).status == 200)
        }
    }

    @Test("a path that cannot be passed on is a mistake of the client")
    func malformed() async throws {
        try await withGateway { (server, gateway) async throws in
            #expect(try await gateway.send("GET", "/api/v1/orders?a=%zz").status == 400)
            #expect(try await gateway.send("GET", "/api/v1/unknown").status == 404)
            #expect(try await gateway.send("PATCH", "/api/v1/orders").status == 405)
            #expect(server.seen.isEmpty)
        }
    }
}

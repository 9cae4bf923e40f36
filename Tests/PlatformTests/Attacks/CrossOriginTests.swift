import Gateway
import HTTPTypes
import Resilience
import Testing
import WaybillClient
import Web
import Wire

/// A page of an origin that is allowed can read every answer, above all why it was refused: whoever made the refusal, and however little of the request had been read.
@Suite("Refusals to pages of other origins", .timeLimit(.minutes(1)))
struct CrossOriginTests {
    private static let origin = "https://shop.example"
    private static let routes = [
        Route(.get, "/thing", access: .everyone) { _ in .json { $0.member("done", true) } },
        Route(.post, "/thing", access: .everyone) { .json(bytes: $0.body) },
        Route(.get, "/mine", access: .roles([.admin], .readOrders)) { _ in .json { $0.member("done", true) } },
        Route(.get, "/broken", access: .everyone) { _ in throw Unexpected("a bug") },
    ]

    private static func edge(_ origins: [String] = [CrossOriginTests.origin, "http://localhost:3000"]) throws -> EdgeConfiguration {
        var edge = EdgeConfiguration()
        edge.crossOrigin = try CrossOrigin(origins)
        (edge.limits.head, edge.limits.body, edge.limits.bodyGrace) = (.seconds(2), .seconds(2), .seconds(1))
        return edge
    }

    /// Believes whatever `Authorization` says, but for the word "wrong".
    private struct Credulous: Authenticator {
        func authenticate(_ headers: HTTPFields) async throws(Problem) -> Principal? {
            guard let name = headers[.authorization] else { return nil }
            if name == "wrong" { throw Problem.invalidToken("it is wrong") }
            return Principal(subject: name, roles: [.customer])
        }
    }

    /// Looks at one answer as a browser would, and at what its script then reads.
    private static func check(_ text: String, _ status: Int, allowed: String? = CrossOriginTests.origin) {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1).map(String.init)
        let lines = (parts.first ?? "").split(separator: "\r\n").map { $0.lowercased() }
        #expect(lines.first?.hasPrefix("http/1.1 \(status)") == true, "\(text)")
        let allows = lines.filter { $0.hasPrefix("access-control-allow-origin:") }
        #expect(allows == (allowed.map { ["access-control-allow-origin: \($0)"] } ?? []), "\(status): \(text)")
        #expect(lines.contains { $0.hasPrefix("access-control-expose-headers:") } == (allowed != nil), "\(status): \(text)")
        #expect(lines.filter { $0 == "vary: origin" }.count == (allowed == "*" ? 0 : 1), "\(status): \(text)")
        #expect(lines.contains("x-content-type-options: nosniff") && lines.contains("cache-control: no-store"), "\(status): \(text)")
        let problem = try? JSONParser.parse(Array((parts.last ?? "").utf8))
        #expect(problem?["status"]?.integer == Int64(status), "\(status): \(text)")
    }

    /// Requests that are refused before any route is looked for, with the line of the page's origin in them.
    private static func malformed(_ origin: String) -> [(String, Int)] {
        let line = "Host: a\r\nOrigin: \(origin)\r\n"
        return [
            ("GET /api/v1/thing HTTP/1.1\r\n\(line)Host: b\r\n\r\n", 400), ("GET /api/v1/thing HTTP/1.1\r\n\(line)A : b\r\n\r\n", 400),
            ("GET /a#b HTTP/1.1\r\n\(line)\r\n", 400), ("BREW /api/v1/thing HTTP/1.1\r\n\(line)\r\n", 405),
            ("GET /api/v1/thing HTTP/2.0\r\n\(line)\r\n", 505), ("POST /api/v1/thing HTTP/1.1\r\n\(line)Expect: tea\r\n\r\n", 417),
            ("GET /api/v1/thing HTTP/1.1\r\n\(line)X: \(String(repeating: "a", count: 17_000))\r\n\r\n", 431),
            ("POST /api/v1/thing HTTP/1.1\r\n\(line)Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST /api/v1/thing HTTP/1.1\r\n\(line)Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            ("POST http://a/api/v1/thing HTTP/1.1\r\n\(line)Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            ("GET /api/v1/thing HTTP/1.1\r\n\(line)X: ", 408), ("POST /api/v1/thing HTTP/1.1\r\n\(line)Content-Length: 9\r\n\r\na", 408),
        ]
    }

    @Test("what is refused for its bytes or its slowness says so to the page")
    func bytes() async throws {
        try await RunningGateway.with(CrossOriginTests.routes, edge: CrossOriginTests.edge()) { gateway in
            let pages: [(String, String?)] = [(CrossOriginTests.origin, CrossOriginTests.origin), ("https://other.example", nil)]
            for (origin, allowed) in pages {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (text, status) in CrossOriginTests.malformed(origin) {
                        group.addTask {
                            let connection = try await RawConnection.open(gateway.port)
                            try await connection.send(text)
                            CrossOriginTests.check(try await connection.untilClosed(), status, allowed: allowed)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("where all may read, all may read refusals; where nobody may, nobody may")
    func open() async throws {
        try await RunningGateway.with(CrossOriginTests.routes, edge: CrossOriginTests.edge(["*"])) { gateway in
            let connection = try await RawConnection.open(gateway.port)
            try await connection.send("BREW /a HTTP/1.1\r\nHost: a\r\nOrigin: https://anywhere.example\r\n\r\n")
            CrossOriginTests.check(try await connection.untilClosed(), 405, allowed: "*")
        }
        try await RunningGateway.with(CrossOriginTests.routes) { gateway in
            let connection = try await RawConnection.open(gateway.port)
            try await connection.send("BREW /a HTTP/1.1\r\nHost: a\r\nOrigin: https://anywhere.example\r\n\r\n")
            let text = try await connection.untilClosed()
            #expect(!text.lowercased().contains("access-control") && !text.lowercased().contains("vary"))
        }
    }

    @Test("what the doorman and the entry refuse for want of room says so, too")
    func overload() async throws {
        let pages: [(String, String?)] = [(CrossOriginTests.origin, CrossOriginTests.origin), ("https://other.example", nil), ("", nil)]
        try await GatewayHarness.with(edge: CrossOriginTests.edge()) { entry in
            entry.pressure.withLock { $0 = AdmissionControl.Pressure(pending: 100_000) }
            for (origin, allowed) in pages {
                // The first is the doorman's, the other, which has a query, the handler's behind the parser.
                for target in ["/api/v1/work", "/api/v1/work?x=1"] {
                    let connection = try await RawConnection.open(entry.listening)
                    let page = origin.isEmpty ? "" : "Origin: \(origin)\r\n"
                    try await connection.send("POST \(target) HTTP/1.1\r\nHost: a\r\n\(page)Content-Length: 0\r\n\r\n")
                    try await connection.until("nothing was done")
                    CrossOriginTests.check(connection.text, 503, allowed: allowed)
                    await connection.close()
                }
            }
        }
    }

    @Test("so does what is refused to a connection too many")
    func surplus() async throws {
        try await GatewayHarness.with(maximumConnections: 1, edge: CrossOriginTests.edge()) { entry in
            async let slow = entry.send("GET", "/api/v1/slow")
            await entry.slow.arrival()
            let connection = try await RawConnection.open(entry.listening)
            try await connection.send("GET /api/v1/quick HTTP/1.1\r\nHost: a\r\nOrigin: \(CrossOriginTests.origin)\r\n\r\n")
            CrossOriginTests.check(try await connection.untilClosed(), 503)
            entry.slow.open()
            _ = try await slow
        }
    }

    @Test("so do refusals of who asks, what for, how much and how often")
    func refusals() async throws {
        var configuration = RequestLimits.Configuration()
        (configuration.readsPerSecond, configuration.refusalsPerMinute) = (1, 2)
        let limits = RequestLimits(configuration, store: MemoryRateLimitStore(), milliseconds: { 0 })
        let control = AccessControl(.required(Credulous()))
        try await RunningGateway.with(CrossOriginTests.routes, control: control, edge: CrossOriginTests.edge(), limits: limits) { gateway in
            let cases: [(String, String, [String], Int)] = [
                ("GET", "/api/v1/mine", [], 401), ("GET", "/api/v1/mine", ["Authorization: wrong"], 401),
                ("GET", "/api/v1/mine", ["Authorization: wrong"], 429),
                ("GET", "/api/v1/mine", ["Authorization: ann"], 403), ("GET", "/api/v1/mine", ["Authorization: ann"], 403),
                ("GET", "/api/v1/mine", ["Authorization: ann"], 429), ("GET", "/api/v1/none", [], 404), ("DELETE", "/api/v1/thing", [], 405),
                ("GET", "/api/v1/%zz", [], 400), ("POST", "/api/v1/thing", ["Content-Length: 2000000"], 413),
                ("GET", "/api/v1/broken", ["Authorization: bob"], 500),
            ]
            for (method, path, headers, status) in cases {
                let connection = try await RawConnection.open(gateway.port)
                let lines = (["Host: a", "Origin: \(CrossOriginTests.origin)", "Connection: close"] + headers).joined(separator: "\r\n")
                try await connection.send("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n\r\n")
                if status == 413 { try await connection.until("body-too-large") } else { _ = try await connection.untilClosed() }
                CrossOriginTests.check(connection.text, status)
                await connection.close()
            }
        }
    }
}

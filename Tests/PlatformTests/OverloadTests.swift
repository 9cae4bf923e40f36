import Resilience
import Testing
import WaybillClient
import Web
import Wire

/// The entry under more load than the platform can bear, and at its end.
@Suite(.timeLimit(.minutes(1))) struct OverloadTests {
    private static let overloaded = AdmissionControl.Pressure(pending: 100_000)

    @Test func `new work is refused while there is too much, and everything else is answered`() async throws {
        try await GatewayHarness.with { (entry: GatewayHarness) async throws -> Void in
            let client = try entry.client()
            #expect(try await client.send(ClientRequest(method: "POST", path: "/api/v1/work", body: [1, 2, 3])).status == 202)
            entry.pressure.withLock { $0 = OverloadTests.overloaded }
            try await Task.sleep(for: .milliseconds(5))
            var pauses: Set<String> = []
            for path in ["/api/v1/work", "/api/work", "/api/v1/work/", "/api/v1/%77ork", "/api/v1/work?x=1"] {
                let answer = try await client.send(ClientRequest(method: "POST", path: path, body: Array(repeating: 32, count: 300_000)))
                #expect(answer.status == 503)
                #expect(answer.header("Content-Type") == "application/problem+json")
                pauses.insert(answer.header("Retry-After") ?? "none")
                let problem = try JSONParser.parse(answer.body)
                #expect(problem["type"] == .string("https://waybill.dev/problems/unavailable") && problem["status"]?.integer == 503)
            }
            #expect(pauses.isSubset(of: ["1", "2", "3"]) && pauses.count > 1)
            for path in ["/api/v1/quick", "/health", "/health/live", "/metrics"] {
                #expect(try await client.send(ClientRequest(path: path)).status == 200)
            }
            #expect(entry.registry.render().contains("waybill_admission_rejected_total{reason=\"backlog\"} 5"))
            #expect(entry.done.withLock { $0 } == 1)
            entry.pressure.withLock { $0 = .init() }
            // Refusing goes by what was seen some milliseconds ago.
            try await eventually("new work is let in again") {
                try await client.send(ClientRequest(method: "POST", path: "/api/v1/work", body: [1])).status == 202
            }
            await client.shutdown()
        }
    }

    /// A request that starts work, as it stands on the wire.
    private static func work(fields: String = "", body: String = "abc") -> String {
        "POST /api/v1/work HTTP/1.1\r\nHost: a\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func `however a refused request arrives, it has one answer, and what follows it on its connection has its own`() async throws {
        try await GatewayHarness.with { (entry: GatewayHarness) async throws -> Void in
            entry.pressure.withLock { $0 = OverloadTests.overloaded }
            let connection = try await RawConnection.open(entry.listening)
            func expect(_ statuses: [Int]) async throws {
                try await eventually("\(statuses) are answered") { connection.statuses.count >= statuses.count }
                #expect(connection.statuses == statuses)
            }
            // The first one tells the gate what it is up against.
            try await connection.send(OverloadTests.work())
            try await eventually("there is an answer") { !connection.statuses.isEmpty }
            let first = connection.statuses
            for _ in 0..<2 { try await connection.send(OverloadTests.work()) }
            try await expect(first + [503, 503])
            let whole = Array(OverloadTests.work(body: String(repeating: "x", count: 2000)).utf8)
            await connection.send(whole, inPiecesOf: 300)
            try await expect(first + [503, 503, 503])
            try await connection.send(OverloadTests.work() + "GET /api/v1/quick HTTP/1.1\r\nHost: a\r\n\r\n" + OverloadTests.work())
            try await expect(first + [503, 503, 503, 503, 200, 503])
            try await connection.send(OverloadTests.work())
            try await connection.send("GET /api/v1/quick HTTP/1.1\r\nHost : a\r\n\r\n")
            _ = try await connection.untilClosed()
            #expect(connection.statuses == first + [503, 503, 503, 503, 200, 503, 503, 400])
        }
    }

    @Test func `what only looks like a request, within another one, is not answered`() async throws {
        try await GatewayHarness.with { (entry: GatewayHarness) async throws -> Void in
            entry.pressure.withLock { $0 = OverloadTests.overloaded }
            try await eventually("work is refused") { try await entry.send("POST", "/api/v1/work").status == 503 }
            let connection = try await RawConnection.open(entry.listening)
            // Once the end of a field, once a body: each comes by itself, after what makes it one has been read.
            for start in [
                "GET /api/v1/quick HTTP/1.1\r\nX: ", "GET /api/v1/quick HTTP/1.1\r\nHost: a\r\nContent-Length: \(OverloadTests.work().utf8.count)\r\n\r\n",
            ] {
                try await connection.send(start)
                try await Task.sleep(for: .milliseconds(100))
                try await connection.send(OverloadTests.work())
            }
            try await connection.send(OverloadTests.work())
            try await eventually("all are answered") { connection.statuses.count >= 3 }
            #expect(connection.statuses == [200, 200, 503])
            await connection.close()
        }
    }

    @Test func `a page of an allowed origin can read that it is refused`() async throws {
        var edge = EdgeConfiguration()
        edge.crossOrigin = try CrossOrigin(["https://shop.example"])
        try await GatewayHarness.with(edge: edge) { (entry: GatewayHarness) async throws -> Void in
            entry.pressure.withLock { $0 = OverloadTests.overloaded }
            try await eventually("work is refused") { try await entry.send("POST", "/api/v1/work").status == 503 }
            let connection = try await RawConnection.open(entry.listening)
            try await connection.send(OverloadTests.work(fields: "Origin: https://shop.example\r\n"))
            try await eventually("there is an answer") { connection.statuses == [503] }
            #expect(connection.text.lowercased().contains("access-control-allow-origin: https://shop.example\r\n"))
            await connection.close()
        }
    }

    @Test func `a refusal waits for the answers to what came before it on its connection`() async throws {
        try await GatewayHarness.with { (entry: GatewayHarness) async throws -> Void in
            entry.pressure.withLock { $0 = OverloadTests.overloaded }
            try await eventually("work is refused") { try await entry.send("POST", "/api/v1/work").status == 503 }
            let connection = try await RawConnection.open(entry.listening)
            try await connection.send("GET /api/v1/slow HTTP/1.1\r\nHost: a\r\n\r\n")
            await entry.slow.arrival()
            try await connection.send(OverloadTests.work())
            // Whatever another connection sends now is answered after the server could have answered here.
            for _ in 0..<5 { #expect(try await entry.send("POST", "/api/v1/work").status == 503) }
            #expect(connection.statuses.isEmpty)
            entry.slow.open()
            try await eventually("both are answered") { connection.statuses.count == 2 }
            #expect(connection.statuses == [200, 503])
            await connection.close()
        }
    }

    @Test func `who was refused is not taken for one who says nothing, and may keep his connection`() async throws {
        var edge = EdgeConfiguration()
        // Long enough for a busy machine to say something in time.
        edge.limits.head = .seconds(2)
        try await GatewayHarness.with(edge: edge) { (entry: GatewayHarness) async throws -> Void in
            entry.pressure.withLock { $0 = OverloadTests.overloaded }
            // The gate looks at the pressure when somebody comes.
            try await eventually("work is refused") { try await entry.send("POST", "/api/v1/work").status == 503 }
            let (refused, silent) = (try await RawConnection.open(entry.listening), try await RawConnection.open(entry.listening))
            try await refused.send(OverloadTests.work())
            try await eventually("there is an answer") { refused.statuses == [503] }
            // By then the other one's time has come as well.
            _ = try await silent.untilClosed()
            #expect(!refused.isClosed)
            try await refused.send(OverloadTests.work())
            try await eventually("there is a second answer") { refused.statuses == [503, 503] }
            await refused.close()
        }
    }

    @Test func `other requests have a bound as well, and health stands outside of it`() async throws {
        try await GatewayHarness.with(.init(maximumOther: 1)) { (entry: GatewayHarness) async throws -> Void in
            async let slow = entry.send("GET", "/api/v1/slow")
            await entry.slow.arrival()
            #expect(try await entry.send("GET", "/api/v1/quick").status == 503)
            #expect(try await entry.send("GET", "/health").status == 200)
            #expect(try await entry.send("POST", "/api/v1/work").status == 202)
            entry.slow.open()
            #expect(try await slow.status == 200)
            #expect(try await entry.send("GET", "/api/v1/quick").status == 200)
        }
    }

    @Test func `a connection too many is told so and closed; an operator still gets the health and the metrics`() async throws {
        try await GatewayHarness.with(maximumConnections: 1) { (entry: GatewayHarness) async throws -> Void in
            async let slow = entry.send("GET", "/api/v1/slow")
            await entry.slow.arrival()
            for path in ["/api/v1/quick", "/api/v1/slow", "/api/none"] {
                let answer = try await entry.send("GET", path)
                #expect(answer.status == 503 && answer.header("Connection") == "close" && answer.header("Retry-After") != nil)
            }
            let health = try await entry.send("GET", "/health")
            #expect(health.status == 200 && health.header("Connection") == "close")
            #expect(try await entry.send("GET", "/metrics").text.contains("waybill_admission_limit"))
            entry.slow.open()
            #expect(try await slow.status == 200)
        }
    }

    @Test func `told to stop, the entry says so, answers what is on its way, and then is gone`() async throws {
        try await GatewayHarness.with { (entry: GatewayHarness) async throws -> Void in
            let client = try entry.client()
            #expect(try await client.send(ClientRequest(path: "/api/v1/quick")).header("Connection") == nil)
            async let slow = entry.send("GET", "/api/v1/slow")
            await entry.slow.arrival()
            await entry.stop()
            await entry.farewell.arrival()
            // Until the delay is over everything is served, on old connections and new ones, and each is asked to be the last.
            let kept = try await client.send(ClientRequest(method: "POST", path: "/api/v1/work"))
            #expect(kept.status == 202 && kept.header("Connection") == "close")
            let ready = try await entry.send("GET", "/health/ready")
            #expect(ready.status == 503 && ready.text.contains("draining"))
            #expect(try await entry.send("GET", "/health/live").status == 200)
            entry.farewell.open()
            // The entry is closed while the slow request is still being answered.
            while (try? await entry.send("GET", "/health/live")) != nil { await Task.yield() }
            entry.slow.open()
            let answer = try await slow
            #expect(answer.status == 200 && answer.header("Connection") == "close")
            await client.shutdown()
        }
    }
}

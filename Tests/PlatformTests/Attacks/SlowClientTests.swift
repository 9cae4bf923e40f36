import Testing
import WaybillClient
import Web

/// Clients that take their time: each loses its connection, and the others notice nothing.
@Suite("Slow clients", .timeLimit(.minutes(2)))
struct SlowClientTests {
    private static let routes = [
        Route(.post, "/take", access: .everyone) { .text("\($0.body.count)") },
        Route(.get, "/large", access: .everyone) { _ in .text(String(repeating: "x", count: 32 << 20)) },
    ]

    private static var impatient: EdgeConfiguration {
        var edge = EdgeConfiguration()
        // Long enough for a busy machine to say something in time.
        edge.limits.head = .seconds(2)
        edge.limits.body = .seconds(3)
        edge.limits.bodyGrace = .seconds(1)
        edge.limits.stall = .seconds(1)
        return edge
    }

    private func with(_ body: @escaping @Sendable (RunningGateway) async throws -> Void) async throws {
        try await RunningGateway.with(SlowClientTests.routes, edge: SlowClientTests.impatient, body)
    }

    @Test("who says nothing is not answered")
    func silent() async throws {
        try await with { gateway in
            let connection = try await RawConnection.open(gateway.port)
            let text = try await connection.untilClosed()
            #expect(text.isEmpty)
        }
    }

    @Test("a head that does not come to its end is answered 408", arguments: ["G", "GET /api/v1/take HTTP/1.1\r\nHost: a\r\nX: ", "\r"])
    func heads(text: String) async throws {
        try await with { gateway in
            let connection = try await RawConnection.open(gateway.port)
            try await connection.send(text)
            _ = try await connection.untilClosed()
            #expect(connection.statuses == [408])
        }
    }

    @Test("so is one that comes drop by drop, and the second on a connection")
    func drops() async throws {
        try await with { gateway in
            let connection = try await RawConnection.open(gateway.port)
            try await connection.send("POST /api/v1/take HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
            try await eventually("the first answer comes") { connection.statuses == [200] }
            let text = "GET /api/v1/take HTTP/1.1\r\nHost: a\r\n"
            try await connection.send(text)
            while !connection.isClosed { do { try await connection.send("X: a\r\n") } catch { break } }
            _ = try await connection.untilClosed()
            #expect(connection.statuses == [200, 408] || connection.statuses == [200, 431])
        }
    }

    @Test("a body that does not come, or comes too slowly, is answered 408 and is not handled", arguments: ["", "a"])
    func bodies(start: String) async throws {
        try await with { gateway in
            let connection = try await RawConnection.open(gateway.port)
            try await connection.send("POST /api/v1/take HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + start)
            _ = try await connection.untilClosed()
            #expect(connection.statuses == [408])
        }
    }

    @Test("who does not take his answer is not waited for")
    func readers() async throws {
        try await with { gateway in
            let connection = try await RawConnection.open(gateway.port, reads: false)
            try await connection.send("GET /api/v1/large HTTP/1.1\r\nHost: a\r\n\r\n")
            let isOpen: @Sendable () async throws -> Bool = { try await gateway.send("GET", "/metrics").text.contains("waybill_connections 2") }
            try await eventually("the connection is open") { try await isOpen() }
            try await eventually("the connection is closed") { try await !isOpen() }
            await connection.close()
        }
    }

    @Test("a connection too many of one address is told so, and one of a trusted proxy is not")
    func addresses() async throws {
        var edge = EdgeConfiguration()
        edge.maximumConnectionsPerAddress = 1
        try await RunningGateway.with(SlowClientTests.routes, edge: edge) { (gateway) async throws in
            let request = "POST /api/v1/take HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"
            let first = try await RawConnection.open(gateway.port)
            // Connections are counted on their own event loops: only one that was served is known to stand before the next.
            try await first.send(request)
            try await eventually("the first is served") { first.statuses == [200] }
            let second = try await RawConnection.open(gateway.port)
            try await second.send(request)
            _ = try await second.untilClosed()
            #expect(second.statuses == [503])
            try await first.send(request)
            try await eventually("the first goes on being served") { first.statuses == [200, 200] }
            await first.close()
        }
        edge.trustedProxies = try AddressRanges(["127.0.0.0/8"])
        try await RunningGateway.with(SlowClientTests.routes, edge: edge) { (gateway) async throws in
            let idle = try await RawConnection.open(gateway.port)
            let answer = try await gateway.send("POST", "/api/v1/take")
            #expect(answer.status == 200)
            await idle.close()
        }
    }
}

import Synchronization
import Testing
import Web

@testable import Platform

/// One request in, one out; or a refusal, and the connection is closed. Before the services in one process, and before a recording upstream of a split platform.
@Suite("Smuggling", .timeLimit(.minutes(3)))
struct SmugglingTests {
    private final class Taken: Sendable {
        let paths = Mutex<[String]>([])
        var all: [String] { paths.withLock { $0 } }

        func route(_ method: String, _ path: String) -> Route {
            Route(method == "GET" ? .get : .post, path, access: .everyone) { [self] request in
                paths.withLock { $0.append(path) }
                return .text("\(request.body.count)")
            }
        }
        var routes: [Route] { [route("POST", "/take"), route("GET", "/smuggled")] }
    }

    /// Runs against an entry whose handlers count, and against one that forwards to an upstream that does.
    private func everywhere(_ body: @escaping @Sendable (Int, @escaping @Sendable () -> [String]) async throws -> Void) async throws {
        let taken = Taken()
        try await RunningGateway.with(taken.routes) { gateway in try await body(gateway.port) { taken.all } }
        try await FakeUpstream.with(.answer(200)) { (server) async throws in
            let pool = try UpstreamPool("orders", urls: [server.url], configuration: UpstreamPool.Configuration())
            try await RunningGateway.with(ProxyRoutes(pool: pool).routes(Taken().routes)) { (gateway) async throws in
                try await body(gateway.port) { server.seen.map { String($0.target.dropFirst("/api/v1".count)) } }
            }
            await pool.shutdown()
        }
    }

    @Test("what can be read in two ways is refused once, and nothing of it is done")
    func ambiguous() async throws {
        #expect(AmbiguousMessage.all.count >= 80)
        try await everywhere { port, taken in
            for message in AmbiguousMessage.all {
                for size in [Int.max, 7] {
                    let connection = try await RawConnection.open(port)
                    await connection.send(message.bytes, inPiecesOf: min(size, message.bytes.count))
                    _ = try await connection.untilClosed()
                    #expect(connection.statuses == [message.status], "\(message.name)")
                    #expect(taken() == [], "\(message.name)")
                }
            }
        }
    }

    @Test("what stands before it is answered first, and what comes after it is not heard")
    func amidOthers() async throws {
        let good = "POST /api/v1/take HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
        try await everywhere { port, taken in
            let before = taken().count
            for (count, bad) in AmbiguousMessage.all.enumerated() where count % 9 == 0 {
                let connection = try await RawConnection.open(port)
                let earlier = taken().count
                await connection.send(Array((good + good).utf8) + bad.bytes + Array(good.utf8), inPiecesOf: 100_000)
                _ = try await connection.untilClosed()
                #expect(connection.statuses == [200, 200, bad.status], "\(bad.name)")
                #expect(taken().count == earlier + 2, "\(bad.name)")
            }
            #expect(taken().count > before && !taken().contains("/smuggled"))
        }
    }

    @Test(
        "one request is one request, whatever follows the last one",
        arguments: [
            "POST /api/v1/take HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
            "POST /api/v1/take HTTP/1.1\r\nHost: a\r\nConnection: foo , CLOSE\r\nContent-Length: 2\r\n\r\nab",
            "POST /api/v1/take HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
            "POST /api/v1/take HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
            "\r\nPOST http://a/api/v1/take HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
            "POST /api/v1/take HTTP/1.1\r\nhost:a:80\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nCONTENT-LENGTH:2  \r\n\r\nab",
            "POST /api/v1/take HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\ntransfer-encoding: Chunked\r\n\r\n1;a=b;c\r\na\r\n01\r\nb\r\n000\r\nHost: b\r\nContent-Length: 9\r\n\r\n",
        ])
    func single(message: String) async throws {
        try await everywhere { port, taken in
            for size in [Int.max, 3] {
                let connection = try await RawConnection.open(port)
                let before = taken().count
                let bytes = Array((message + AmbiguousMessage.smuggled).utf8)
                await connection.send(bytes, inPiecesOf: min(size, bytes.count))
                let text = try await connection.untilClosed()
                #expect(connection.statuses == [200], "\(text)")
                #expect(taken().count == before + 1 && !taken().contains("/smuggled"))
            }
        }
    }

    @Test("requests for another protocol are served in this one, and so are those after them")
    func upgrade() async throws {
        try await everywhere { port, taken in
            let connection = try await RawConnection.open(port)
            try await connection.send(
                "POST /api/v1/take HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nab")
            try await eventually("the first answer comes") { connection.statuses == [200] }
            try await connection.send("GET /api/v1/smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            _ = try await connection.untilClosed()
            #expect(connection.statuses == [200, 200] && taken() == ["/take", "/smuggled"])
        }
    }

    @Test("who asks whether to send a body is told so")
    func expectation() async throws {
        try await everywhere { port, taken in
            let connection = try await RawConnection.open(port)
            try await connection.send(
                "POST /api/v1/take HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            try await connection.until("100 Continue\r\n\r\n")
            #expect(taken() == [])
            try await connection.send("ab")
            _ = try await connection.untilClosed()
            #expect(connection.statuses == [100, 200] && taken() == ["/take"])
        }
    }

    @Test("a body that is too large or does not come to its end is not a request, nor is what follows it")
    func bodies() async throws {
        try await everywhere { port, taken in
            let large = try await RawConnection.open(port)
            try await large.send("POST /api/v1/take HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + AmbiguousMessage.smuggled)
            _ = try await large.untilClosed()
            #expect(large.statuses == [413])
            for framing in ["Content-Length: 200\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"] {
                let cut = try await RawConnection.open(port)
                try await cut.send("POST /api/v1/take HTTP/1.1\r\nHost: a\r\n" + framing)
                try await cut.finish()
                _ = try await cut.untilClosed()
                #expect(cut.statuses == [] || cut.statuses == [400], "\(framing)")
            }
            #expect(taken() == [])
        }
    }
}

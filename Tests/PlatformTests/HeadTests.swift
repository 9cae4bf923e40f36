import Foundation
import Logging
import Observability
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

/// HEAD: what GET would say, without the content (RFC 9110, 9.3.2).
@Suite("HEAD", .timeLimit(.minutes(1)))
struct HeadTests {
    private static let long = "[" + String(repeating: #"{"sku":"TEA"},"#, count: 300) + "0]"
    private static let routes = [
        Route(.get, "/short", access: .everyone) { _ in .json { $0.member("done", true) } },
        Route(.get, "/long", access: .everyone) { _ in .json(headers: [.eTag: "W/\"1\""], bytes: Array(long.utf8)) },
        Route(.get, "/refused", access: .everyone) { _ in throw Problem.notFound("thing") },
        Route(.get, "/method", access: .everyone) { .json(headers: [.location: $0.method.rawValue], bytes: []) },
        Route(.get, "/stream", access: .everyone, answer: .stream) { _ in
            .events(
                AsyncStream { continuation in
                    continuation.yield(Array("data: 1\n\n".utf8))
                    continuation.finish()
                })
        },
        Route(.post, "/short", access: .everyone) { _ in .json { $0.member("done", true) } },
        Route(.post, "/only", access: .everyone) { _ in .json { $0.member("done", true) } },
    ]
    /// What no two answers have in common.
    private static let own: Set<String> = ["x-request-id", "date"]

    private static func shown(_ response: ClientResponse) -> [String] {
        response.headers.filter { !own.contains($0.0.lowercased()) }.map { "\($0.0.lowercased()): \($0.1)" }.sorted()
    }

    private static func compare(_ gateway: RunningGateway, _ paths: [String], _ headers: [(String, String)] = []) async throws {
        for path in paths {
            let get = try await gateway.send("GET", path, headers: headers)
            let head = try await gateway.send("HEAD", path, headers: headers)
            #expect(head.status == get.status && head.body.isEmpty, "\(path)")
            #expect(shown(head) == shown(get), "\(path)")
            #expect(head.header("Content-Length") == String(get.body.count), "\(path)")
        }
    }

    @Test("is answered with the headers that GET gets, whatever the answer is")
    func headers() async throws {
        try await RunningGateway.with(HeadTests.routes) { gateway in
            let paths = ["short", "long", "refused", "none", "method", "long?unknown=%zz"].map { "/api/v1/" + $0 }
            try await HeadTests.compare(gateway, paths + ["/health", "/health/live", "/openapi.json", "/docs", "/"])
            try await HeadTests.compare(gateway, ["/api/v1/long", "/openapi.json"], [("Accept-Encoding", "gzip"), ("Origin", "https://a.example")])
            let method = try await gateway.send("HEAD", "/api/v1/method")
            #expect(method.header("Location") == "GET", "handlers know of no HEAD")
        }
    }

    @Test("is allowed where GET is, and nowhere else")
    func allowed() async throws {
        try await RunningGateway.with(HeadTests.routes) { gateway in
            let both = try await gateway.send("DELETE", "/api/v1/short")
            #expect(both.status == 405 && both.header("Allow") == "GET, HEAD, POST")
            let one = try await gateway.send("HEAD", "/api/v1/only")
            #expect(one.status == 405 && one.header("Allow") == "POST" && one.body.isEmpty)
        }
    }

    @Test("not one byte follows the headers, so that the next answer on the connection is the next request's")
    func framing() async throws {
        try await RunningGateway.with(HeadTests.routes) { gateway in
            let connection = try await RawConnection.open(gateway.port)
            let paths = ["stream", "long", "refused", "stream"]
            for path in paths { try await connection.send("HEAD /api/v1/\(path) HTTP/1.1\r\nHost: a\r\n\r\n") }
            try await connection.send("GET /api/v1/short HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = try await connection.untilClosed()
            #expect(connection.statuses == [200, 200, 404, 200, 200], "\(text)")
            let parts = text.components(separatedBy: "\r\n\r\n")
            #expect(parts.count == 6 && parts.last == #"{"done":true}"#, "\(text)")
            #expect(parts.dropLast().allSatisfy { $0.hasPrefix("HTTP/1.1 ") }, "\(text)")
            #expect(parts[0].contains("text/event-stream") && !parts[0].lowercased().contains("content-length"))
        }
    }

    @Test("a connection too many is refused without content as well")
    func surplus() async throws {
        try await GatewayHarness.with(maximumConnections: 1) { entry in
            async let slow = entry.send("GET", "/api/v1/slow")
            await entry.slow.arrival()
            let connection = try await RawConnection.open(entry.listening)
            try await connection.send("HEAD /api/v1/quick HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = try await connection.untilClosed()
            #expect(text.hasPrefix("HTTP/1.1 503") && text.hasSuffix("\r\n\r\n") && text.lowercased().contains("content-length: "), "\(text)")
            entry.slow.open()
            _ = try await slow
        }
    }

    @Test("so is a head that is refused for its bytes")
    func malformed() async throws {
        try await RunningGateway.with(HeadTests.routes) { gateway in
            let connection = try await RawConnection.open(gateway.port)
            try await connection.send("HEAD /api/v1/short HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            let text = try await connection.untilClosed()
            #expect(text.hasPrefix("HTTP/1.1 400") && text.hasSuffix("\r\n\r\n"), "\(text)")
        }
    }

    @Test("a gateway asks the service for what it needs to know the headers, and lets go of a stream at once")
    func proxied() async throws {
        let patterns = [
            Route(.get, "/thing", access: .everyone) { _ in .text("never called") },
            Route(.get, "/stream", access: .everyone, answer: .stream) { _ in .text("never called") },
        ]
        try await FakeUpstream.with(.answer(200, [("content-type", "text/plain"), ("etag", "\"7\"")], "hello")) { (server) async throws in
            let pool = try UpstreamPool("orders", urls: [server.url], configuration: .init())
            try await RunningGateway.with(ProxyRoutes(pool: pool).routes(patterns), runners: [EndProxiedStreams(pools: [pool])]) { gateway in
                try await HeadTests.compare(gateway, ["/api/v1/thing?x=1"])
                #expect(server.seen.map(\.target) == ["/api/v1/thing?x=1", "/api/v1/thing?x=1"])
                server.set(.stream())
                let stream = try await gateway.send("HEAD", "/api/v1/stream")
                #expect(stream.status == 200 && stream.header("Content-Type") == "text/event-stream" && stream.body.isEmpty)
                try await eventually("the service's stream is closed") {
                    server.send(":\n\n")
                    return server.openStreams == 0
                }
            }
            await pool.shutdown()
        }
    }

    @Test("the access log has it under its own name, with no bytes")
    func log() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-head-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
        defer { close(descriptor) }
        let writer = LogWriter(fileDescriptor: descriptor)
        var edge = EdgeConfiguration()
        edge.accessLog = .on
        let logger = Logger(label: "test") { JSONLogHandler(label: $0, writer: writer) }
        try await RunningGateway.with(HeadTests.routes, edge: edge, log: logger) { (gateway) async throws in
            for path in ["long", "stream"] { _ = try await gateway.send("HEAD", "/api/v1/" + path) }
        }
        writer.flush()
        let lines = Array(try Data(contentsOf: URL(fileURLWithPath: path))).split(separator: 10)
        let records = try lines.map { try JSONParser.parse(Array($0))["metadata"] }
        #expect(records.map { $0?["method"]?.string } == ["HEAD", "HEAD"] && records.map { $0?["bytes"]?.string } == ["0", "0"])
        let first = try #require(records.first ?? nil)
        #expect(first["route"]?.string == "/api/v1/long")
    }
}

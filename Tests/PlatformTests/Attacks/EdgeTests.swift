import Foundation
import Logging
import Observability
import Synchronization
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

/// What every answer gets on its way out, and what every request loses on its way in.
@Suite("The edge", .timeLimit(.minutes(1)))
struct EdgeTests {
    private static let long = String(repeating: #"{"sku":"TEA","quantity":1},"#, count: 200)
    private static let routes = [
        Route(.get, "/long", access: .everyone) { _ in .json(bytes: Array("[\(long)0]".utf8)) },
        Route(.get, "/tagged", access: .everyone) { _ in .json(headers: [.eTag: "\"1\"", .cacheControl: "private"], bytes: Array("[\(long)0]".utf8)) },
        Route(.get, "/page", access: .everyone) { _ in .text("<p>\(long)", contentType: "text/html") },
        Route(.post, "/long", access: .everyone) { _ in .json(bytes: Array("[\(long)0]".utf8)) },
        Route(.get, "/things/{id}", access: .anyRole(.readOrders)) { _ in throw Problem.notFound("thing") },
        Route(.get, "/who", access: .everyone) { request in .text(request.clientAddress?.description ?? "nobody") },
    ]

    private func get(_ path: String, _ edge: EdgeConfiguration = .init(), method: String = "GET", _ headers: [(String, String)] = []) async throws
        -> ClientResponse
    {
        let box = Kept<ClientResponse>()
        try await RunningGateway.with(EdgeTests.routes, edge: edge) { gateway in box.set(try await gateway.send(method, path, headers: headers)) }
        return try #require(box.value)
    }

    @Test("browsers are told to do nothing with an answer but show it")
    func security() async throws {
        for path in ["/api/v1/long", "/api/v1/none", "/health", "/none"] {
            let answer = try await get(path)
            #expect(answer.header("X-Content-Type-Options") == "nosniff" && answer.header("Referrer-Policy") == "no-referrer", "\(path)")
            #expect(answer.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'", "\(path)")
            #expect(answer.header("Cross-Origin-Resource-Policy") == "same-origin" && answer.header("Strict-Transport-Security") == nil, "\(path)")
            #expect(answer.header("Cache-Control") == (path.hasPrefix("/api") ? "no-store" : nil), "\(path)")
        }
        let page = try await get("/api/v1/page")
        #expect(page.header("Content-Security-Policy")?.contains("default-src 'self'") == true)
        let tagged = try await get("/api/v1/tagged")
        #expect(tagged.header("Cache-Control") == "private")
    }

    @Test("pages of the origins that are named may read, and no others")
    func origins() async throws {
        var edge = EdgeConfiguration()
        let asks = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")]
        let closed = try await get("/api/v1/long", edge, method: "OPTIONS", [("Origin", "https://shop.example")] + asks)
        #expect(closed.status == 403 && closed.header("Access-Control-Allow-Origin") == nil)
        edge.crossOrigin = try CrossOrigin(["https://shop.example", "http://localhost:3000"])
        let asked = try await get("/api/v1/long", edge, method: "OPTIONS", [("Origin", "https://shop.example")] + asks)
        #expect(asked.status == 204 && asked.header("Access-Control-Allow-Origin") == "https://shop.example")
        #expect(asked.header("Access-Control-Allow-Headers")?.contains("Authorization") == true && asked.header("Access-Control-Allow-Credentials") == nil)
        for (origin, allowed) in [("https://shop.example", true), ("http://localhost:3000", true), ("https://shop.example.evil", false), ("null", false)] {
            let answer = try await get("/api/v1/who", edge, [("Origin", origin)])
            #expect(answer.status == 200 && answer.header("Vary") == "Origin", "\(origin)")
            #expect(answer.header("Access-Control-Allow-Origin") == (allowed ? origin : nil), "\(origin)")
            #expect((answer.header("Access-Control-Expose-Headers") != nil) == allowed)
        }
        edge.crossOrigin = try CrossOrigin(["*"])
        let open = try await get("/api/v1/none", edge, [("Origin", "https://anywhere.example")])
        #expect(open.status == 404 && open.header("Access-Control-Allow-Origin") == "*" && open.header("Vary") == nil)
    }

    @Test("long answers are compressed for those who accept it")
    func compression() async throws {
        for (accepted, coding) in [
            ("gzip, deflate, br", "gzip"), ("deflate", "deflate"), ("gzip;q=0, *;q=0.1", "deflate"), ("br", nil), ("gzip;q=0", nil), ("identity", nil),
        ] {
            let answer = try await get("/api/v1/long", .init(), [("Accept-Encoding", accepted)])
            #expect(answer.header("Content-Encoding") == coding && answer.header("Vary") == "Accept-Encoding", "\(accepted)")
            #expect(answer.header("Content-Length") == String(answer.body.count) && (answer.body.count < 1000) == (coding != nil), "\(accepted)")
        }
        var edge = EdgeConfiguration()
        let gzip = [("Accept-Encoding", "gzip")]
        for (method, path) in [("POST", "/api/v1/long"), ("GET", "/api/v1/tagged"), ("GET", "/api/v1/who")] {
            let answer = try await get(path, edge, method: method, gzip)
            #expect(answer.header("Content-Encoding") == nil, "\(path)")
        }
        edge.compresses = false
        let plain = try await get("/api/v1/long", edge, gzip)
        #expect(plain.header("Content-Encoding") == nil)
    }

    @Test("the client is the nearest address that is no trusted proxy")
    func addresses() async throws {
        var edge = EdgeConfiguration()
        let chain = [("X-Forwarded-For", "9.9.9.9, 203.0.113.7, 10.0.0.5")]
        let unknown = try await get("/api/v1/who", edge, chain)
        #expect(unknown.text == "127.0.0.1")
        edge.trustedProxies = try AddressRanges(["127.0.0.1", "10.0.0.0/8"])
        let known = try await get("/api/v1/who", edge, chain)
        #expect(known.text == "203.0.113.7")
    }

    @Test("what a client writes cannot break a line of the log or the terminal that shows it, and no id or query is in it")
    func log() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-log-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
        defer { close(descriptor) }
        let writer = LogWriter(fileDescriptor: descriptor)
        var edge = EdgeConfiguration()
        edge.accessLog = .on
        let logger = Logger(label: "test") { JSONLogHandler(label: $0, writer: writer) }
        try await RunningGateway.with(EdgeTests.routes, edge: edge, log: logger) { (gateway) async throws in
            _ = try await gateway.send("GET", "/api/v1/things/secret-id?token=secret")
            let agents = [#"a","level":"fatal"#, "\u{9B}31m", "\u{2028}x\u{2029}", "ann@example.com", String(repeating: "ü", count: 300), "a\tb"]
            for agent in agents { _ = try await gateway.send("GET", "/api/v1/who", headers: [("User-Agent", agent)]) }
            _ = try await gateway.send("GET", "/%0d%0a%1b%5b31m", headers: [("X-Request-Id", "evil")])
        }
        writer.flush()
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let lines = bytes.split(separator: 10)
        #expect(lines.count == 8)
        let text = String(decoding: bytes, as: UTF8.self)
        for part in ["secret", "ann@", "evil", "\u{1B}", "\r", "\u{9B}", "\u{2028}", "\u{2029}", "\t"] {
            #expect(!text.contains(part), "\(part.debugDescription)")
        }
        let records = try lines.map { try JSONParser.parse(Array($0)) }
        for record in records { #expect(record["level"]?.string == "info" && record["message"]?.string == "request") }
        let first = try #require(records.first?["metadata"])
        #expect(first["route"]?.string == "/api/v1/things/{id}" && first["status"]?.string == "404" && first["client"]?.string == "127.0.0.1")
        #expect(first["request"]?.string.flatMap { Identifier($0) } != nil && first["method"]?.string == "GET" && first["subject"]?.string == "anonymous admin")
        #expect(records.last?["metadata"]?["route"]?.string == "unknown")
    }
}

/// Takes a value out of a closure.
private final class Kept<T: Sendable>: Sendable {
    private let lock = Mutex<T?>(nil)
    func set(_ value: T) { lock.withLock { $0 = value } }
    var value: T? { lock.withLock { $0 } }
}

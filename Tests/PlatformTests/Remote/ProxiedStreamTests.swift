import HTTPTypes
import Synchronization
import Testing
import WaybillClient
import Web

@testable import Platform

@Suite("Streams through a gateway", .timeLimit(.minutes(2)))
struct ProxiedStreamTests {
    private static let patterns = [
        Route(.get, "/events/stream", access: .everyone, answer: .stream) { _ in .text("never called") },
        Route(.post, "/slow", access: .everyone) { _ in .text("never called") },
    ]
    private let path = "/api/v1/events/stream?type=a"

    private func withGateway(
        _ behaviour: FakeUpstream.Behaviour = .stream(), _ configuration: UpstreamPool.Configuration = .init(),
        _ body: @escaping @Sendable (FakeUpstream, RunningGateway) async throws -> Void
    ) async throws {
        try await FakeUpstream.with(behaviour) { (server) async throws in
            let pool = try UpstreamPool("operations", urls: [server.url], configuration: configuration)
            try await RunningGateway.with(
                ProxyRoutes(pool: pool).routes(ProxiedStreamTests.patterns), runners: [EndProxiedStreams(pools: [pool])]
            ) { (gateway) async throws in try await body(server, gateway) }
            await pool.shutdown()
        }
    }

    /// Reads until so much has come.
    private func read(_ stream: StreamedResponse, count: Int) async throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < count, let piece = try await stream.next() { bytes += piece }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("pieces come as they are sent, and the end of the service's stream is the end")
    func pieces() async throws {
        try await withGateway { (server, gateway) async throws in
            let stream = try await gateway.client.stream(ClientRequest(path: path, headers: [("Last-Event-ID", "41"), ("Accept", "text/event-stream")]))
            #expect(stream.status == 200 && stream.header("content-type") == "text/event-stream" && stream.header("X-Request-Id") != nil)
            let seen = try #require(server.seen.first)
            #expect(seen.target == path && seen.header("Last-Event-ID") == "41" && seen.header("Accept") == "text/event-stream")
            for text in ["id: 42\ndata: a\n\n", ":\n\n", "id: 43\n"] {
                server.send(text)
                #expect(try await read(stream, count: text.utf8.count) == text)
            }
            server.finish()
            #expect(try await stream.next() == nil)
        }
    }

    @Test("a refusal comes through as such", arguments: [404, 503])
    func refusal(status: Int) async throws {
        try await withGateway(.answer(status, [("content-type", "application/problem+json"), ("retry-after", "2")], #"{"type":"no"}"#)) {
            (_, gateway) async throws in
            let response = try await gateway.send("GET", path)
            #expect(response.status == status && response.text == #"{"type":"no"}"#)
            #expect(response.header("content-type") == "application/problem+json" && response.header("retry-after") == "2")
        }
    }

    @Test("a service that is away, or does not begin in time, is told as for any request")
    func away() async throws {
        try await withGateway(.silence, .with { $0.streamTimeout = .milliseconds(100) }) { (server, gateway) async throws in
            #expect(try await gateway.send("GET", path).status == 504)
            server.set(.close(reset: true))
            #expect(try await gateway.send("GET", path).status == 502)
        }
    }

    @Test("an idle stream stays open, whatever the times of other requests are")
    func idle() async throws {
        try await withGateway(
            .stream(), .with { ($0.timeout, $0.attemptTimeout, $0.streamTimeout) = (.milliseconds(300), .milliseconds(300), .milliseconds(300)) }
        ) { (server, gateway) async throws in
            let stream = try await gateway.client.stream(ClientRequest(path: path))
            // Another request takes longer than any time that a stream's beginning may take.
            server.set(.silence)
            #expect(try await gateway.send("POST", "/api/v1/slow").status == 504)
            server.send("still here")
            #expect(try await read(stream, count: 10) == "still here")
        }
    }

    @Test("a listener who leaves is noticed with the next piece, and the service's side is closed")
    func listenerLeaves() async throws {
        try await withGateway { (server, gateway) async throws in
            let stream = try await gateway.client.stream(ClientRequest(path: path))
            #expect(server.openStreams == 1)
            stream.end()
            try await eventually("the service's stream is closed") {
                server.send(":\n\n")
                return server.openStreams == 0
            }
        }
    }

    @Test("a service that dies ends the stream")
    func serviceDies() async throws {
        try await withGateway { (server, gateway) async throws in
            let stream = try await gateway.client.stream(ClientRequest(path: path))
            server.send("last words")
            #expect(try await read(stream, count: 10) == "last words")
            server.cut()
            // Hummingbird ends the answer properly: to the listener it is the end, after which it comes again with the id it has.
            #expect(try await stream.next() == nil)
        }
    }

    @Test("streams end when the gateway stops, so that it need not wait for their listeners")
    func stop() async throws {
        let ended = Ended()
        try await withGateway { (_, gateway) async throws in
            let stream = try await gateway.client.stream(ClientRequest(path: path))
            ended.task.withLock { $0 = Task { try? await stream.next() } }
        }
        let task = try #require(ended.task.withLock { $0 })
        #expect(await task.value == nil)
    }

    @Test("a service that sends faster than the listener reads has to wait")
    func backPressure() async throws {
        try await withGateway(.flood) { (server, gateway) async throws in
            let stream = try await gateway.client.stream(ClientRequest(path: path))
            _ = try await stream.next()
            // Full buffers on the way are full when the count stands still.
            var (last, still) = (-1, 0)
            let clock = ContinuousClock()
            let end = clock.now + .seconds(30)
            while still < 20, clock.now < end {
                try await clock.sleep(for: .milliseconds(10))
                let count = server.flooded
                (last, still) = (count, count == last ? still + 1 : 0)
            }
            #expect(still == 20 && last < 32 << 20)
            var read = 0
            while read < last + (1 << 20), let piece = try await stream.next() { read += piece.count }
            #expect(read > last && server.flooded > last)
        }
    }
}

private final class Ended: Sendable {
    let task = Mutex<Task<[UInt8]?, Never>?>(nil)
}

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import WaybillClient

/// One after the other, because some of them measure time.
@Suite("HTTP client", .serialized, .timeLimit(.minutes(1)))
struct HTTPClientTests {
    /// Runs a test against a server and a client that are both ended afterwards.
    private func withServer(
        connections: Int = 4, timeout: Duration = .seconds(20), bodyLimit: Int = 64 << 20, _ body: (TestServer, HTTPClient) async throws -> Void
    ) async throws {
        let server = try await TestServer.start()
        let client = try HTTPClient(baseURL: server.url, maximumConnections: connections, requestTimeout: timeout, maximumBodyBytes: bodyLimit)
        do {
            try await body(server, client)
        } catch {
            Issue.record(error)
        }
        await client.shutdown()
        try await server.stop()
    }

    private func requests(_ server: TestServer) -> [String] { server.seen.withLock { $0.requests } }
    private func connections(_ server: TestServer) -> Int { server.seen.withLock { $0.connections } }

    @Test("A request arrives whole, and the response comes back whole")
    func exchange() async throws {
        try await withServer { (server, client) async throws in
            let response = try await client.send(
                ClientRequest(method: "POST", path: "/orders?x=1", headers: [("Accept", "text/plain")], body: Array("content".utf8)))
            #expect(response.status == 200 && response.text == "POST /orders?x=1 content")
            #expect(response.header("X-HOST") == "127.0.0.1:\(server.port)" && response.header("x-none") == nil)
            #expect(response.headers.contains { $0 == ("content-length", "24") })
            #expect(try await client.send(ClientRequest(method: "HEAD", path: "/")).body.isEmpty)
            #expect(try await client.send(ClientRequest(method: "DELETE", path: "/orders/1")).text == "DELETE /orders/1 ")
            #expect(try await client.send(ClientRequest(path: "/chunks")).text == "first\nsecond\r\nthird\nlast")
            let large = [UInt8](repeating: 0x78, count: 3 << 20)
            #expect(try await client.send(ClientRequest(method: "PUT", path: "/p", body: large)).body.count == large.count + 7)
        }
    }

    @Test("Requests one after the other use one connection")
    func keepAlive() async throws {
        try await withServer { (server, client) async throws in
            for _ in 0..<20 { _ = try await client.send(ClientRequest(path: "/")) }
            #expect(connections(server) == 1)
        }
    }

    @Test("Many concurrent requests share few connections, and each gets its own answer")
    func concurrent() async throws {
        try await withServer(connections: 3) { (server, client) async throws in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let body = Array("body \(number)".utf8)
                        return try await client.send(ClientRequest(method: "POST", path: "/\(number)", body: body)).text == "POST /\(number) body \(number)"
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(server.seen.withLock { $0.mostOpen } <= 3)
        }
    }

    @Test("A response that does not come is an error in time, and the connection is not used again")
    func timeout() async throws {
        try await withServer(connections: 1, timeout: .seconds(1)) { (server, client) async throws in
            await #expect(throws: ClientError.timedOut(.response, after: .seconds(1))) { try await client.send(ClientRequest(path: "/silent")) }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            #expect(connections(server) == 2)
        }
    }

    @Test("The time spent waiting for a connection counts")
    func queueTimeout() async throws {
        try await withServer(connections: 1, timeout: .seconds(1)) { (server, client) async throws in
            let errors = await withTaskGroup(of: ClientError?.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        do {
                            _ = try await client.send(ClientRequest(path: "/silent"))
                            return nil
                        } catch { return error as? ClientError }
                    }
                }
                return await group.reduce(into: [ClientError?]()) { $0.append($1) }
            }
            #expect(errors.filter { $0 == .timedOut(.response, after: .seconds(1)) }.count >= 1)
            #expect(errors.allSatisfy { if case .timedOut = $0 { true } else { false } })
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("A request may have less time than the client gives, also on a connection and in a queue of those that have more")
    func ownTimeout() async throws {
        try await withServer(connections: 1) { (server, client) async throws in
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            await #expect(throws: ClientError.timedOut(.response, after: .milliseconds(80))) {
                try await client.send(ClientRequest(path: "/silent"), timeout: .milliseconds(80))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await client.send(ClientRequest(path: "/silent"), timeout: .seconds(2)) }
                while !requests(server).dropFirst(2).contains("GET /silent") { await Task.yield() }
                group.addTask { _ = try await client.send(ClientRequest(path: "/queued"), timeout: .seconds(15)) }
                let started = ContinuousClock.now
                await #expect(throws: ClientError.timedOut(.connection, after: .milliseconds(80))) {
                    try await client.send(ClientRequest(path: "/queued"), timeout: .milliseconds(80))
                }
                #expect(ContinuousClock.now - started < .seconds(1))
                await #expect(throws: ClientError.timedOut(.response, after: .seconds(2))) { try await group.next() }
                try await group.waitForAll()
            }
        }
    }

    @Test("A streamed response begins with its head, whatever its status, and its pieces come as they are sent")
    func streamed() async throws {
        try await withServer { (server, client) async throws in
            let ended = Atomic<Int>(0)
            let chunks = try await client.stream(ClientRequest(path: "/chunks")) { ended.add(1, ordering: .sequentiallyConsistent) }
            #expect(try await chunks.collect(upTo: 100) == Array("first\nsecond\r\nthird\nlast".utf8))
            // Its end is told from another thread, perhaps a moment after its last piece.
            let deadline = ContinuousClock.now + .seconds(20)
            while ended.load(ordering: .sequentiallyConsistent) == 0, ContinuousClock.now < deadline { await Task.yield() }
            #expect(chunks.status == 200 && ended.load(ordering: .sequentiallyConsistent) == 1)
            let refused = try await client.stream(ClientRequest(path: "/refused"))
            #expect(try await refused.collect(upTo: 100) == Array("not you".utf8))
            #expect(refused.status == 403)
            let posted = try await client.stream(ClientRequest(method: "POST", path: "/x", body: Array("body".utf8)))
            #expect(try await posted.collect(upTo: 100) == Array("POST /x body".utf8))
            await #expect(throws: ClientError.connectionClosed) { try await client.stream(ClientRequest(path: "/half")).collect(upTo: 100) }
            await #expect(throws: ClientError.tooLarge(limitBytes: 1 << 20)) { try await client.stream(ClientRequest(path: "/big")).collect(upTo: 1 << 20) }
            await #expect(throws: ClientError.timedOut(.response, after: .milliseconds(80))) {
                _ = try await client.stream(ClientRequest(path: "/silent"), timeout: .milliseconds(80))
            }
            await #expect(throws: ClientError.connectionClosed) { _ = try await client.stream(ClientRequest(path: "/slam")) }
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
        }
    }

    @Test("A streamed response ends when it is dropped, ended, cancelled or the client is shut down")
    func streamEnds() async throws {
        try await withServer { (server, client) async throws in
            do { _ = try await client.stream(ClientRequest(path: "/events")).next() }
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
            let ended = try await client.stream(ClientRequest(path: "/events"))
            ended.end()
            await #expect(throws: CancellationError.self) { try await ended.next() }
            await withTaskGroup(of: Void.self) { group in
                let before = requests(server).count
                group.addTask { await #expect(throws: CancellationError.self) { _ = try await client.stream(ClientRequest(path: "/silent")) } }
                while requests(server).count == before { await Task.yield() }
                group.cancelAll()
            }
            let last = try await client.stream(ClientRequest(path: "/events"))
            client.endStreams()
            await #expect(throws: ClientError.shutDown) { while try await last.next() != nil {} }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            while server.seen.withLock({ $0.open }) > 1 { await Task.yield() }
            await client.shutdown()
            await #expect(throws: ClientError.shutDown) { _ = try await client.stream(ClientRequest(path: "/events")) }
        }
    }

    @Test("A kept connection that turns out closed is replaced once, if the request may be repeated")
    func staleConnection() async throws {
        try await withServer(connections: 1) { (server, client) async throws in
            for _ in 0..<3 { #expect(try await client.send(ClientRequest(path: "/last")).text == "ok") }
            #expect(connections(server) == 3 && requests(server).count == 5)
            let keyed = ClientRequest(method: "POST", path: "/last", headers: [("Idempotency-Key", "k")])
            #expect(try await client.send(keyed).text == "ok")
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(method: "POST", path: "/last")) }
            #expect(try await client.send(ClientRequest(method: "POST", path: "/last")).text == "ok")
        }
    }

    @Test("Under many concurrent requests every stale connection is replaced and no place is lost")
    func manyStaleConnections() async throws {
        try await withServer(connections: 3) { (server, client) async throws in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<300 { group.addTask { try await client.send(ClientRequest(path: "/last")).text } }
                for try await text in group { #expect(text == "ok") }
            }
            #expect(connections(server) == 300)
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("A server that was restarted is found again")
    func restart() async throws {
        let server = try await TestServer.start()
        let (url, port) = (server.url, server.port)
        let client = try HTTPClient(baseURL: url, maximumConnections: 2)
        #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        try await server.stop()
        await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(method: "POST", path: "/slam")) }
        await #expect(throws: ClientError.cannotConnect(host: "127.0.0.1", port: port, reason: "Connection refused")) {
            try await client.send(ClientRequest(path: "/"))
        }
        let second = try await TestServer.start(port: port)
        #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        await client.shutdown()
        try await second.stop()
    }

    @Test("A connection that closes on a new connection or in the middle is an error, not a repetition")
    func closed() async throws {
        try await withServer(connections: 1) { (server, client) async throws in
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(path: "/slam")) }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(path: "/half")) }
            await #expect { try await client.send(ClientRequest(path: "/garbage")) } throws: {
                if case ClientError.malformedResponse = $0 { true } else { false }
            }
            #expect(requests(server) == ["GET /slam", "GET /", "GET /half", "GET /garbage"])
            #expect(try await client.send(ClientRequest(path: "/close")).text == "until the end")
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("A response beyond the limit is refused")
    func tooLarge() async throws {
        try await withServer(bodyLimit: 1 << 20) { (_, client) async throws in
            await #expect(throws: ClientError.tooLarge(limitBytes: 1 << 20)) { try await client.send(ClientRequest(path: "/big")) }
        }
    }

    @Test("A cancelled request ends at once and frees its place")
    func cancellation() async throws {
        try await withServer(connections: 1) { (server, client) async throws in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        await #expect(throws: CancellationError.self) { try await client.send(ClientRequest(path: "/silent")) }
                    }
                }
                while requests(server).isEmpty { await Task.yield() }
                group.cancelAll()
            }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("Lines come as they are sent, across pieces, with the last one that has no end")
    func lines() async throws {
        try await withServer { (_, client) async throws in
            var lines: [String] = []
            for try await line in client.lines("/chunks") { lines.append(line) }
            #expect(lines == ["first", "second", "third", "last"])
            await #expect(throws: ClientError.unexpectedStatus(403, body: "not you")) { for try await _ in client.lines("/refused") {} }
            await #expect(throws: ClientError.connectionClosed) { for try await _ in client.lines("/half") {} }
        }
    }

    @Test("An event stream is followed while it is open, and leaving the loop closes its connection")
    func events() async throws {
        try await withServer { (server, client) async throws in
            var data: [String] = []
            for try await event in client.events("/events") {
                data.append(event.id + event.data)
                if data.count == 2 { break }
            }
            #expect(data == ["1a", "1b"])
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
        }
    }

    @Test("Cancelling and shutting down end a stream")
    func endedStreams() async throws {
        try await withServer { (server, client) async throws in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { for try await _ in client.lines("/events") {} } catch { #expect(error is CancellationError) }
                }
                while requests(server).isEmpty { await Task.yield() }
                group.cancelAll()
            }
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }

            async let rest: Void = { for try await _ in client.lines("/events") {} }()
            while requests(server).count < 2 { await Task.yield() }
            await client.shutdown()
            do {
                try await rest
                Issue.record("the stream ended without an error")
            } catch { #expect(error as? ClientError == .shutDown) }
            await #expect(throws: ClientError.shutDown) { try await client.send(ClientRequest(path: "/")) }
            await #expect(throws: ClientError.shutDown) { for try await _ in client.lines("/") {} }
        }
    }

    @Test("A buffer that is full asks for no more, and a flood is read through its pauses")
    func backPressure() async throws {
        let buffer = LineBuffer()
        #expect(buffer.add([String](repeating: "line", count: LineBuffer.highWater)))
        #expect(!buffer.add(["one too many"]))
        #expect(try await buffer.next() == "line")

        try await withServer { (_, client) async throws in
            var count = 0
            for try await line in client.lines("/flood") {
                #expect(line == "a line of the flood")
                count += 1
                if count == 20_000 { break }
            }
        }
    }

    @Test("Lines that were taken before the connection was known do not leave it unread")
    func lateAttachment() async throws {
        try await withServer { (server, _) async throws in
            let reads = ReadCounter()
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false)
                .channelInitializer { $0.pipeline.addHandler(reads) }
                .connect(host: "127.0.0.1", port: server.port).get()
            let buffer = LineBuffer()
            #expect(!buffer.add([String](repeating: "line", count: LineBuffer.highWater + 1)))
            for _ in 0...LineBuffer.highWater { #expect(try await buffer.next() == "line") }
            #expect(buffer.attach(channel))
            try await channel.eventLoop.submit {}.get()
            #expect(reads.count.load(ordering: .sequentiallyConsistent) == 1)
            try await channel.close()
        }
    }

    @Test("What cannot be sent is refused before it is sent")
    func invalidRequests() async throws {
        try await withServer { (server, client) async throws in
            for request in [
                ClientRequest(path: "orders"), ClientRequest(path: "/a b"), ClientRequest(path: "/é"), ClientRequest(method: "GE T", path: "/"),
                ClientRequest(path: "/", headers: [("a", "b\r\nc: d")]), ClientRequest(path: "/", headers: [("a:", "b")]),
                ClientRequest(path: "/", headers: [("Content-Length", "3")]), ClientRequest(path: "/", headers: [("transfer-encoding", "chunked")]),
            ] {
                await #expect {
                    try await client.send(request)
                } throws: {
                    if case ClientError.invalidRequest = $0 { true } else { false }
                }
            }
            #expect(requests(server).isEmpty)
        }
    }

    @Test("A base URL is taken apart, or refused with a reason")
    func baseURL() throws {
        let full = try BaseURL("HTTP://[::1]:8080/api/")
        #expect(full.host == "::1" && full.port == 8080 && full.authority == "[::1]:8080" && full.pathPrefix == "/api")
        let short = try BaseURL("http://example.test")
        #expect(short.host == "example.test" && short.port == 80 && short.authority == "example.test" && short.pathPrefix.isEmpty)
        for text in [
            "", "example.test", "https://x", "http://", "http://:80", "http://x:0", "http://x:y", "http://u@x", "http://x?y", "http://::1", "http://[::1",
            "http://x y",
        ] {
            #expect { try BaseURL(text) } throws: { if case ClientError.invalidURL = $0 { true } else { false } }
        }
        #expect(
            "\(ClientError.invalidURL("ftp://x", reason: "it must begin with http://"))" == "The URL \"ftp://x\" cannot be used: it must begin with http://.")
    }
}

/// Counts how often its channel is asked to read.
private final class ReadCounter: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = Never
    let count = Atomic<Int>(0)

    func read(context: ChannelHandlerContext) {
        count.add(1, ordering: .sequentiallyConsistent)
        context.read()
    }
}

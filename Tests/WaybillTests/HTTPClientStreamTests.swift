import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import WaybillClient

/// One after the other, because some of them measure time.
@Suite("HTTP client, streams", .serialized, .timeLimit(.minutes(1)))
struct HTTPClientStreamTests {
    @Test("A streamed response begins with its head, whatever its status, and its pieces come as they are sent", arguments: ClientScheme.allCases)
    func streamed(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
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
            await #expect(throws: ClientError.timedOut(.response, after: scheme.shortTime)) {
                _ = try await client.stream(ClientRequest(path: "/silent"), timeout: scheme.shortTime)
            }
            await #expect(throws: ClientError.connectionClosed) { _ = try await client.stream(ClientRequest(path: "/slam")) }
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
        }
    }

    @Test("A streamed response ends when it is dropped, ended, cancelled or the client is shut down", arguments: ClientScheme.allCases)
    func streamEnds(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
            do { _ = try await client.stream(ClientRequest(path: "/events")).next() }
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
            let ended = try await client.stream(ClientRequest(path: "/events"))
            ended.end()
            await #expect(throws: CancellationError.self) { try await ended.next() }
            await withTaskGroup(of: Void.self) { group in
                let before = server.requests.count
                group.addTask { await #expect(throws: CancellationError.self) { _ = try await client.stream(ClientRequest(path: "/silent")) } }
                while server.requests.count == before { await Task.yield() }
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

    @Test("Lines come as they are sent, across pieces, with the last one that has no end", arguments: ClientScheme.allCases)
    func lines(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (_, client) async throws in
            var lines: [String] = []
            for try await line in client.lines("/chunks") { lines.append(line) }
            #expect(lines == ["first", "second", "third", "last"])
            await #expect(throws: ClientError.unexpectedStatus(403, body: "not you")) { for try await _ in client.lines("/refused") {} }
            await #expect(throws: ClientError.connectionClosed) { for try await _ in client.lines("/half") {} }
        }
    }

    @Test("An event stream is followed while it is open, and leaving the loop closes its connection", arguments: ClientScheme.allCases)
    func events(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
            var data: [String] = []
            for try await event in client.events("/events") {
                data.append(event.id + event.data)
                if data.count == 2 { break }
            }
            #expect(data == ["1a", "1b"])
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
        }
    }

    @Test("Cancelling and shutting down end a stream", arguments: ClientScheme.allCases)
    func endedStreams(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { for try await _ in client.lines("/events") {} } catch { #expect(error is CancellationError) }
                }
                while server.requests.isEmpty { await Task.yield() }
                group.cancelAll()
            }
            while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }

            async let rest: Void = { for try await _ in client.lines("/events") {} }()
            while server.requests.count < 2 { await Task.yield() }
            await client.shutdown()
            do {
                try await rest
                Issue.record("the stream ended without an error")
            } catch { #expect(error as? ClientError == .shutDown) }
            await #expect(throws: ClientError.shutDown) { try await client.send(ClientRequest(path: "/")) }
            await #expect(throws: ClientError.shutDown) { for try await _ in client.lines("/") {} }
        }
    }

    @Test("A buffer that is full asks for no more, and a flood is read through its pauses", arguments: ClientScheme.allCases)
    func backPressure(scheme: ClientScheme) async throws {
        let buffer = LineBuffer()
        #expect(buffer.add([String](repeating: "line", count: LineBuffer.highWater)))
        #expect(!buffer.add(["one too many"]))
        #expect(try await buffer.next() == "line")

        try await withServer(scheme) { (_, client) async throws in
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
        try await withServer(.http) { (server, _) async throws in
            let reads = ReadCounter()
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false)
                .channelInitializer { $0.pipeline.addHandler(reads) }
                .connect(host: "127.0.0.1", port: server.port).get()
            let buffer = LineBuffer()
            #expect(!buffer.add([String](repeating: "line", count: LineBuffer.highWater + 1)))
            for _ in 0...LineBuffer.highWater { #expect(try await buffer.next() == "line") }
            #expect(buffer.attach(ChannelCarrier(channel: channel)))
            try await channel.eventLoop.submit {}.get()
            #expect(reads.count.load(ordering: .sequentiallyConsistent) == 1)
            try await channel.close()
        }
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

import OutgoingHTTP
import Synchronization
import TestReceiver
import Testing
import Web

/// The adapter against a real server on the loopback address, which it may only reach where that is allowed.
@Suite("Outgoing HTTP", .timeLimit(.minutes(2)))
struct CurlClientTests {
    private static let loopback = AddressPolicy(allowed: ["127.0.0.0/8", "::1"].compactMap { NetworkRange($0) })

    /// A server and a client that may reach it.
    private func with(
        _ policy: AddressPolicy = loopback, threads: Int = 4, waiting: Int = 16, _ answer: @escaping @Sendable (Receiver.Request) -> Receiver.Answer,
        _ body: (Receiver, CurlClient) async throws -> Void
    ) async throws {
        let receiver = try await Receiver.start(answer)
        var configuration = CurlClient.Configuration(policy: policy)
        (configuration.threads, configuration.maximumWaiting) = (threads, waiting)
        let client = CurlClient(configuration)
        do { try await body(receiver, client) } catch {
            await client.close()
            throw error
        }
        await client.close()
        try await receiver.stop()
    }

    private func failure(_ client: CurlClient, _ request: OutgoingRequest) async -> OutgoingFailure? {
        do throws(OutgoingFailure) { _ = try await client.send(request) } catch { return error }
        return nil
    }

    @Test("A request arrives as it was meant, and the answer comes back with its headers and body")
    func exchange() async throws {
        try await with { _ in
            .status(202, headers: [("x-answer", " yes ")], body: "thanks")
        } _: { receiver, client in
            let body = [UInt8](0...255)
            let request = OutgoingRequest(
                method: "POST", url: receiver.url + "/a/../b?c=%20d", headers: [("Content-Type", "application/json"), ("webhook-id", "1")], body: body)
            let answer = try await client.send(request)
            #expect(answer.status == 202 && answer.header("X-Answer") == "yes" && answer.body == Array("thanks".utf8) && !answer.isTruncated)
            let seen = try #require(receiver.seen.first)
            #expect(seen.method == "POST" && seen.path == "/a/../b?c=%20d" && seen.body == body)
            #expect(seen.header("webhook-id") == "1" && seen.header("content-type") == "application/json" && seen.header("user-agent") == "Waybill")
            #expect(seen.header("expect") == nil && seen.header("cookie") == nil && seen.header("authorization") == nil)
            for method in ["GET", "HEAD", "PUT", "DELETE"] { _ = try await client.send(OutgoingRequest(method: method, url: receiver.url)) }
            _ = try await client.send(OutgoingRequest(method: "POST", url: receiver.url))
            #expect(receiver.seen.map(\.method) == ["POST", "GET", "HEAD", "PUT", "DELETE", "POST"])
        }
    }

    @Test("A redirect is an answer, and nobody goes where it leads")
    func redirect() async throws {
        let inner = try await Receiver.start { _ in .status(200, body: "secret") }
        let target = inner.url
        try await with { _ in
            .status(302, headers: [("location", target)])
        } _: { receiver, client in
            let answer = try await client.send(OutgoingRequest(url: receiver.url))
            #expect(answer.status == 302 && answer.header("location") == target)
        }
        #expect(inner.seen.isEmpty)
        try await inner.stop()
    }

    @Test("What a name or an address leads to is looked at when the connection is made")
    func guarded() async throws {
        // A private network is allowed, so that names are not refused before they are resolved; the loopback address is not among it.
        let policy = AddressPolicy(allowed: ["10.0.0.0/8"].compactMap { NetworkRange($0) })
        try await with(policy) { _ in
            .status(200)
        } _: { receiver, client in
            let refused = await failure(client, OutgoingRequest(url: "http://localhost:\(receiver.port)/"))
            guard case .refusedAddress(let words)? = refused else {
                Issue.record("localhost: \(String(describing: refused))")
                return
            }
            #expect(words.contains("loopback"))
            let encrypted = await failure(client, OutgoingRequest(url: "https://localhost:\(receiver.port)/"))
            guard case .refusedAddress? = encrypted else {
                Issue.record("localhost with TLS: \(String(describing: encrypted))")
                return
            }
            for url in ["http://127.0.0.1:\(receiver.port)/", "http://0x7f.1:\(receiver.port)/", "http://[::1]:\(receiver.port)/"] {
                let failure = await failure(client, OutgoingRequest(url: url))
                guard case .refused? = failure else {
                    Issue.record("\(url): \(String(describing: failure))")
                    return
                }
            }
            #expect(receiver.seen.isEmpty)
        }
    }

    @Test("Only the web is spoken, without headers that are none")
    func requests() async throws {
        try await with { _ in
            .status(200)
        } _: { receiver, client in
            for url in ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:\(receiver.port)/_x", "127.0.0.1:\(receiver.port)"] {
                let failure = await failure(client, OutgoingRequest(url: url))
                guard case .refused? = failure else {
                    Issue.record("\(url): \(String(describing: failure))")
                    return
                }
            }
            for header in [("x", "a\r\ny: b"), ("x y", "a"), ("", "a"), ("x", ""), ("x:", "a")] {
                let failure = await failure(client, OutgoingRequest(url: receiver.url, headers: [(name: header.0, value: header.1)]))
                #expect(failure == .refused("a header is none"), "\(header)")
            }
            #expect(receiver.seen.isEmpty)
        }
    }

    @Test("An answer is read as far as it is of interest")
    func bounds() async throws {
        let long = String(repeating: "x", count: 3_000_000)
        try await with {
            $0.path == "/head" ? .status(200, headers: [("x-long", String(long.prefix(40_000)))]) : .status(500, body: long)
        } _: {
            receiver, client in
            let answer = try await client.send(OutgoingRequest(url: receiver.url, maximumAnswerBytes: 1000))
            #expect(answer.status == 500 && answer.body.count == 1000 && answer.isTruncated)
            let exact = try await client.send(OutgoingRequest(url: receiver.url, maximumAnswerBytes: long.utf8.count))
            #expect(exact.body.count == long.utf8.count && !exact.isTruncated)
            let head = await failure(client, OutgoingRequest(url: receiver.url + "/head"))
            #expect(head == .broken("the answer's header is too long"))
        }
    }

    @Test("Who does not answer, or answers nonsense, fails the request and nothing else")
    func failures() async throws {
        try await with { request in
            switch request.path {
            case "/nothing": .nothing
            case "/closed": .closed
            case "/raw": .raw("hello, this is no HTTP\r\n\r\n")
            case "/old": .raw("<html>0.9</html>")
            default: .status(200)
            }
        } _: { receiver, client in
            let slow = await failure(client, OutgoingRequest(url: receiver.url + "/nothing", timeout: .milliseconds(300)))
            #expect(slow == .timedOut)
            for path in ["/closed", "/raw", "/old"] {
                let failure = await failure(client, OutgoingRequest(url: receiver.url + path))
                guard case .broken? = failure else {
                    Issue.record("\(path): \(String(describing: failure))")
                    return
                }
            }
            let plain = await failure(client, OutgoingRequest(url: "https://127.0.0.1:\(receiver.port)/"))
            guard case .tls? = plain else {
                Issue.record("no TLS: \(String(describing: plain))")
                return
            }
            #expect(try await client.send(OutgoingRequest(url: receiver.url)).status == 200)
            let away = try await Receiver.start { _ in .nothing }
            let url = away.url
            try await away.stop()
            let gone = await failure(client, OutgoingRequest(url: url))
            #expect(gone == .unreachable)
            let unresolved = await failure(client, OutgoingRequest(url: "http://no-such-name.invalid/"))
            #expect(unresolved == .unresolved)
            let again = try await Receiver.start { _ in .status(204) }
            #expect(try await client.send(OutgoingRequest(url: again.url)).status == 204)
            try await again.stop()
        }
    }

    /// How requests failed that were sent side by side.
    private final class Failures: Sendable {
        private let list = Mutex<[OutgoingFailure]>([])
        var all: [OutgoingFailure] { list.withLock { $0 } }

        func send(_ request: OutgoingRequest, by client: CurlClient) async {
            do throws(OutgoingFailure) { _ = try await client.send(request) } catch { list.withLock { $0.append(error) } }
        }
    }

    @Test("More than may wait is refused at once, and a caller who leaves is let go at once")
    func queue() async throws {
        try await with(threads: 1, waiting: 2) { _ in
            .nothing
        } _: { receiver, client in
            let request = OutgoingRequest(url: receiver.url, timeout: .seconds(60))
            let failures = Failures()
            let begun = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await failures.send(request, by: client) }
                while receiver.seen.isEmpty { await Task.yield() }
                // One is under way, two wait, and the others find no place.
                for _ in 0..<5 { group.addTask { await failures.send(request, by: client) } }
                while failures.all.count < 3 { await Task.yield() }
                #expect(failures.all == [.overloaded, .overloaded, .overloaded])
                group.cancelAll()
            }
            #expect(failures.all.suffix(3) == [.cancelled, .cancelled, .cancelled])
            #expect(ContinuousClock.now - begun < .seconds(30))
        }
    }

    @Test("A client that is closed ends its threads and answers everybody")
    func closing() async throws {
        let receiver = try await Receiver.start { _ in .nothing }
        let client = CurlClient(.init(policy: CurlClientTests.loopback))
        let request = OutgoingRequest(url: receiver.url, timeout: .seconds(60))
        async let outcome = failure(client, request)
        while receiver.seen.isEmpty { await Task.yield() }
        await client.close()
        let given = await outcome
        #expect(given == .cancelled)
        let late = await failure(client, request)
        #expect(late == .cancelled)
        try await receiver.stop()
    }
}

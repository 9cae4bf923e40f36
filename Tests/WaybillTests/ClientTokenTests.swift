import Synchronization
import Testing
import WaybillClient
import Wire

/// What the client does with tokens, against a server that accepts one at a time.
@Suite("A client with a token")
struct ClientTokenTests {
    /// Accepts `Bearer good-N` for its own N; gives out the present one.
    private final class Door: Sendable {
        struct State {
            var generation = 1
            var seen: [String] = []
            var forms: [String] = []
        }
        let state = Mutex(State())

        func answer(_ request: FakePlatform.Request) -> FakePlatform.Answer {
            state.withLock { state in
                if request.path == TokenEndpoint.path { return issue(String(decoding: request.body, as: UTF8.self), &state) }
                state.seen.append("\(request.method) \(request.authorization ?? "nobody")")
                guard request.authorization == "Bearer good-\(state.generation)" else {
                    return .init(status: 401, body: #"{"type":"x/invalid-token","title":"Unauthorized","status":401,"detail":"no"}"#)
                }
                return .init(body: request.path == "/lines" ? "one\ntwo\n" : "{}")
            }
        }

        private func issue(_ form: String, _ state: inout State) -> FakePlatform.Answer {
            state.forms.append(form)
            if form.contains("wrong") { return .init(status: 401, body: #"{"error":"invalid_client","error_description":"no such client"}"#) }
            if form.contains("odd") { return .init(body: #"{"access_token":"x","token_type":"mac"}"#) }
            if form.contains("busy") { return .init(status: 503, body: #"{"title":"Busy","status":503}"#) }
            return .init(body: #"{"access_token":"good-\#(state.generation)","token_type":"Bearer","expires_in":3600,"refresh_token":"next"}"#)
        }

        var seen: [String] { state.withLock { $0.seen } }
    }

    /// - Parameter tokens: nil for those of the program `shop`.
    private func with(_ tokens: (any TokenProvider)?, _ body: @Sendable (Door, HTTPClient) async throws -> Void) async throws {
        let door = Door()
        let server = try await FakePlatform.start { door.answer($0) }
        let issuer = try HTTPClient(baseURL: server.url)
        let program = RenewingToken.clientCredentials(id: "shop", secret: "a&b=c d", scopes: ["orders:read", "orders:write"], at: TokenEndpoint(issuer))
        let client = try HTTPClient(baseURL: server.url, tokens: tokens ?? program)
        let result: Result<Void, any Error>
        do { result = .success(try await body(door, client)) } catch { result = .failure(error) }
        await client.shutdown()
        await issuer.shutdown()
        try await server.stop()
        try result.get()
    }

    @Test("The token goes with requests and streams, except where a request brings its own")
    func sent() async throws {
        try await with(StaticToken("good-1")) { (door, client) async throws in
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            #expect(try await client.send(ClientRequest(path: "/", headers: [("Authorization", "Bearer own")])).status == 401)
            var lines: [String] = []
            for try await line in client.lines("/lines") { lines.append(line) }
            #expect(lines == ["one", "two"])
            let stream = try await client.stream(ClientRequest(path: "/"))
            #expect(stream.status == 200)
            #expect(door.seen == ["GET Bearer good-1", "GET Bearer own", "GET Bearer good-1", "GET Bearer good-1"])
        }
    }

    @Test("A static token that is refused is not sent again")
    func refusedForGood() async throws {
        try await with(StaticToken("stale")) { (door, client) async throws in
            #expect(try await client.send(ClientRequest(method: "POST", path: "/")).status == 401)
            await #expect(throws: ClientError.self) { for try await _ in client.lines("/lines") {} }
            #expect(door.seen.count == 2)
        }
    }

    @Test("A request whose token is refused is sent once more with a new one, also one that may not be repeated otherwise")
    func renewed() async throws {
        try await with(Tokens("good-1", "good-2", "stale")) { (door, client) async throws in
            let post = ClientRequest(method: "POST", path: "/")
            #expect(try await client.send(post).status == 200)
            door.state.withLock { $0.generation = 2 }
            #expect(try await client.send(post).status == 200)
            door.state.withLock { $0.generation = 3 }
            // Refused twice: nobody tries for ever.
            #expect(try await client.send(post).status == 401)
            #expect(door.seen == ["good-1", "good-1", "good-2", "good-2", "stale"].map { "POST Bearer " + $0 })
        }
    }

    @Test("A stream whose token is refused is opened once more with a new one")
    func renewedStream() async throws {
        try await with(Tokens("stale", "good-1")) { (door, client) async throws in
            var lines: [String] = []
            for try await line in client.lines("/lines") { lines.append(line) }
            #expect(lines == ["one", "two"] && door.seen == ["GET Bearer stale", "GET Bearer good-1"])
        }
    }

    @Test("A program gets its tokens with its name and secret")
    func clientCredentials() async throws {
        try await with(nil) { (door, client) async throws in
            for _ in 0..<3 { #expect(try await client.send(ClientRequest(path: "/")).status == 200) }
            #expect(
                door.state.withLock { $0.forms } == [
                    "grant_type=client_credentials&client_id=shop&client_secret=a%26b%3Dc%20d&scope=orders%3Aread%20orders%3Awrite"
                ])
        }
    }

    @Test("What the token endpoint says is told as it is")
    func endpoint() async throws {
        try await with(StaticToken("x")) { (door, client) async throws in
            let endpoint = TokenEndpoint(client)
            let token = try await endpoint.token(.refresh("old"))
            #expect(token == IssuedToken("good-1", lifetime: .seconds(3600), refreshToken: "next"))
            await #expect(throws: TokenDenied(code: "invalid_client", words: "no such client")) {
                try await endpoint.token(.clientCredentials(id: "wrong", secret: "x"))
            }
            await #expect(throws: UnexpectedAnswer.self) { try await endpoint.token(.password(user: "odd", password: "x")) }
            let busy = await #expect(throws: APIError.self) { try await endpoint.token(.password(user: "busy", password: "x")) }
            #expect(busy?.isTransient == true)
            #expect(door.state.withLock { $0.forms.first } == "grant_type=refresh_token&refresh_token=old")
        }
    }

    @Test("A token that would end the header is not sent")
    func injection() async throws {
        try await with(StaticToken("a\r\nx-admin: 1")) { (door, client) async throws in
            await #expect(throws: ClientError.self) { try await client.send(ClientRequest(path: "/")) }
            #expect(door.seen.isEmpty)
        }
    }

    @Test("Loopback is what is it, not what looks like it")
    func loopback() {
        for url in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1/x", "http://127.9.9.9", "HTTP://LOCALHOST:1", "https://127.0.0.1"] {
            #expect(HTTPClient.isLoopback(baseURL: url), "\(url)")
        }
        for url in [
            "http://127.0.0.1.example.org", "http://10.0.0.1", "http://localhost.example.org", "https://127.0.0.1.example.org", "127.0.0.1",
            "http://127.0.0.256",
        ] {
            #expect(!HTTPClient.isLoopback(baseURL: url), "\(url)")
        }
    }
}

/// Gives out one token after the other: the next whenever one is refused.
private final class Tokens: TokenProvider {
    private let rest: Mutex<[String]>

    init(_ values: String...) { rest = Mutex(values) }

    func token() async throws -> String { rest.withLock { $0.first } ?? "none" }

    func isReplaceable(_ token: String) async -> Bool {
        rest.withLock { rest in
            if rest.count > 1 { rest.removeFirst() }
            return true
        }
    }
}

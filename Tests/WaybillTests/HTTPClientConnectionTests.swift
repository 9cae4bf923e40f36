import Testing

@testable import WaybillClient

@Suite("HTTP client, whose connections close", .serialized, .timeLimit(.minutes(1)))
struct HTTPClientConnectionTests {
    @Test("A kept connection that turns out closed is replaced once, if the request may be repeated", arguments: ClientScheme.allCases)
    func staleConnection(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 1) { (server, client) async throws in
            for _ in 0..<3 { #expect(try await client.send(ClientRequest(path: "/last")).text == "ok") }
            #expect(server.connections == 3 && server.requests.count == 5)
            let keyed = ClientRequest(method: "POST", path: "/last", headers: [("Idempotency-Key", "k")])
            #expect(try await client.send(keyed).text == "ok")
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(method: "POST", path: "/last")) }
            #expect(try await client.send(ClientRequest(method: "POST", path: "/last")).text == "ok")
        }
    }

    @Test("Under many concurrent requests every stale connection is replaced and no place is lost", arguments: ClientScheme.allCases)
    func manyStaleConnections(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 3) { (server, client) async throws in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<300 { group.addTask { try await client.send(ClientRequest(path: "/last")).text } }
                for try await text in group { #expect(text == "ok") }
            }
            #expect(server.connections == 300)
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("A server that was restarted is found again", arguments: ClientScheme.allCases)
    func restart(scheme: ClientScheme) async throws {
        try await scheme.withCertificate { certificate async throws in
            let server = try await TestServer.start(certificate: certificate)
            let port = server.port
            let client = try HTTPClient(baseURL: server.url, maximumConnections: 2, certificateAuthorities: certificate?.path)
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            try await server.stop()
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(method: "POST", path: "/slam")) }
            await #expect(throws: ClientError.cannotConnect(host: "127.0.0.1", port: port, reason: "Connection refused")) {
                try await client.send(ClientRequest(path: "/"))
            }
            let second = try await TestServer.start(port: port, certificate: certificate)
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            await client.shutdown()
            try await second.stop()
        }
    }

    @Test("A connection that closes on a new connection or in the middle is an error, not a repetition", arguments: ClientScheme.allCases)
    func closed(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 1) { (server, client) async throws in
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(path: "/slam")) }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            await #expect(throws: ClientError.connectionClosed) { try await client.send(ClientRequest(path: "/half")) }
            await #expect { try await client.send(ClientRequest(path: "/garbage")) } throws: {
                if case ClientError.malformedResponse = $0 { true } else { false }
            }
            #expect(server.requests == ["GET /slam", "GET /", "GET /half", "GET /garbage"])
            #expect(try await client.send(ClientRequest(path: "/close")).text == "until the end")
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }
}

#if ENGINE_TLS
    import Foundation
    import TestCertificates
    import Testing
    import WaybillClient

    @testable import waybill

    /// Whom a client believes over TLS, and what it says of others.
    @Suite("HTTP client, secure connections", .timeLimit(.minutes(1)))
    struct EncryptedClientTests {
        private func get(_ url: String, authorities: String?, path: String = "/") async throws -> ClientResponse {
            let client = try HTTPClient(baseURL: url, requestTimeout: .seconds(20), certificateAuthorities: authorities)
            let result: Result<ClientResponse, any Error>
            do { result = .success(try await client.send(ClientRequest(path: path))) } catch { result = .failure(error) }
            await client.shutdown()
            return try result.get()
        }

        private func expect(_ failure: TLSFailure, _ server: TestServer, authorities: String?) async throws {
            let url = "https://localhost:\(server.port)"
            await #expect(throws: ClientError.notSecure(host: "localhost", port: server.port, failure)) { try await get(url, authorities: authorities) }
            await #expect(throws: ClientError.notSecure(host: "localhost", port: server.port, failure)) {
                let client = try HTTPClient(baseURL: url, certificateAuthorities: authorities)
                for try await _ in client.lines("/chunks") {}
            }
            #expect(server.requests.isEmpty)
        }

        private func withServer(names: String, isExpired: Bool = false, _ body: (TestServer, TestCertificate) async throws -> Void) async throws {
            try await TestCertificate.with(names: names, isExpired: isExpired) { certificate in
                let server = try await TestServer.start(certificate: certificate)
                let result: Result<Void, any Error>
                do { result = .success(try await body(server, certificate)) } catch { result = .failure(error) }
                try await server.stop()
                try result.get()
            }
        }

        @Test("A server that is vouched for is believed by its name, and by its address where that is in its certificate")
        func believed() async throws {
            try await withServer(names: "DNS:localhost,IP:127.0.0.1") { server, certificate in
                for host in ["localhost", "127.0.0.1"] {
                    let response = try await get("https://\(host):\(server.port)", authorities: certificate.path)
                    #expect(response.status == 200, "\(host)")
                }
            }
        }

        @Test("Whoever nobody vouches for, whose name is another or whose certificate is too old is told nothing")
        func notBelieved() async throws {
            try await withServer(names: "DNS:localhost") { server, _ in
                try await expect(.unknownAuthority, server, authorities: nil)
                try await TestCertificate.with { try await expect(.unknownAuthority, server, authorities: $0.path) }
            }
            try await withServer(names: "DNS:other.example") { server, certificate in try await expect(.wrongName, server, authorities: certificate.path) }
            try await withServer(names: "DNS:localhost", isExpired: true) { server, certificate in
                try await expect(.expired, server, authorities: certificate.path)
            }
        }

        @Test("A file of authorities that is none is told before anything is sent")
        func authorities() async throws {
            try await withServer(names: "DNS:localhost") { server, certificate in
                let missing = certificate.path + ".none"
                #expect(throws: ClientError.notSecure(host: "localhost", port: server.port, .unusableAuthorities(path: missing))) {
                    _ = try HTTPClient(baseURL: "https://localhost:\(server.port)", certificateAuthorities: missing)
                }
                try Data("nonsense".utf8).write(to: URL(fileURLWithPath: missing))
                try await expect(.unusableAuthorities(path: missing), server, authorities: missing)
            }
        }

        @Test("A server without TLS behind an https URL, one with TLS behind an http URL, and none at all are told apart")
        func otherServers() async throws {
            let plain = try await TestServer.start()
            let port = plain.port
            try await expect(.notTLS, plain, authorities: nil)
            try await plain.stop()
            await #expect(throws: ClientError.cannotConnect(host: "localhost", port: port, reason: "Connection refused")) {
                try await get("https://localhost:\(port)", authorities: nil)
            }
            try await withServer(names: "DNS:localhost") { server, _ in
                let failure = await #expect(throws: ClientError.self) { try await get("http://localhost:\(server.port)", authorities: nil) }
                let isOne = if case .malformedResponse = failure { true } else { failure == .connectionClosed }
                #expect(isOne && server.requests.isEmpty, "\(failure as Any)")
            }
        }

        @Test("A redirect is an answer: nothing, and no token, goes to another server")
        func redirects() async throws {
            try await withServer(names: "DNS:localhost,IP:127.0.0.1") { server, certificate in
                let other = try await TestServer.start(certificate: certificate)
                server.movedTo.withLock { $0 = other.url + "/taken" }
                let client = try HTTPClient(
                    baseURL: "https://localhost:\(server.port)", tokens: StaticToken("secret"), certificateAuthorities: certificate.path)
                let response = try await client.send(ClientRequest(path: "/moved"))
                #expect(response.status == 302 && response.header("location") == other.url + "/taken")
                await #expect(throws: ClientError.unexpectedStatus(302, body: "")) { for try await _ in client.lines("/moved") {} }
                #expect(other.requests.isEmpty && other.connections == 0)
                await client.shutdown()
                try await other.stop()
            }
        }

        @Test("A client that nobody needs any more closes its connections")
        func dropped() async throws {
            try await withServer(names: "DNS:localhost") { server, certificate in
                do {
                    let client = try HTTPClient(baseURL: "https://localhost:\(server.port)", certificateAuthorities: certificate.path)
                    _ = try await client.send(ClientRequest(path: "/"))
                }
                while server.seen.withLock({ $0.open }) > 0 { await Task.yield() }
            }
        }

        @Test("Commands say what to do about it")
        func advice() async throws {
            try await withServer(names: "DNS:localhost") { server, _ in
                let url = "https://localhost:\(server.port)"
                let refused = await #expect(throws: ConnectionRefused.self) {
                    _ = try await ClientOptions.withAPI(at: url, connections: 1) { try await $0.get("/orders") }
                }
                #expect(refused?.description.contains("--ca-file") == true)
                let login = await #expect(throws: ConnectionRefused.self) { _ = try await Credentials.token(.init(clientID: "a", secret: "b"), at: url) }
                #expect(login?.description.contains("no authority that is trusted here") == true)
                #expect(server.requests.isEmpty)
            }
            #expect(ConnectionRefused.advice(.connectionClosed, at: "http://shop.example")?.contains("https://") == true)
            #expect(ConnectionRefused.advice(.connectionClosed, at: "https://shop.example") == nil)
        }
    }
#endif

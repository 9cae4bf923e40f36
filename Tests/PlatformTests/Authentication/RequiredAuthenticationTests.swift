import Foundation
import Logging
import Observability
import Platform
import Security
import Testing
import WaybillClient
import Web
import Wire

@testable import waybill

/// A platform that asks who sends a request: in one process, and split into a gateway and Identity.
@Suite struct RequiredAuthenticationTests {
    /// Runs a platform, or a part of one, around a closure.
    private static func with(_ configuration: PlatformConfiguration, _ body: @escaping @Sendable (String) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let platform = try WaybillPlatform(configuration, logger: logger, registry: PrometheusRegistry())
        let (ports, announce) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { announce.finish() }
                do { try await platform.run(handlesSignals: false) { announce.yield($0) } } catch is CancellationError {}
            }
            var result: Result<Void, any Error> = .failure(Unexpected("the platform did not start"))
            for await port in ports {
                do { result = .success(try await body("http://127.0.0.1:\(port)")) } catch { result = .failure(error) }
                break
            }
            group.cancelAll()
            try await group.waitForAll()
            try result.get()
        }
    }

    private static func configuration(_ storage: PlatformConfiguration.Storage) -> PlatformConfiguration {
        var configuration = PlatformConfiguration(storage: storage)
        configuration.port = 0
        configuration.commitInterval = .zero
        configuration.authentication = .required(AuthenticationSettings())
        return configuration
    }

    /// A client without any credentials of its own.
    private static func withClient(_ url: String, _ body: (HTTPClient) async throws -> Void) async throws {
        let client = try HTTPClient(baseURL: url)
        let result: Result<Void, any Error>
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        await client.shutdown()
        try result.get()
    }

    private static func send(
        _ client: HTTPClient, _ method: String, _ path: String, _ body: String = "", bearer: String? = nil, headers more: [(String, String)] = []
    ) async throws -> ClientResponse {
        var headers = more
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        if let bearer { headers.append(("Authorization", "Bearer \(bearer)")) }
        return try await client.send(ClientRequest(method: method, path: path, headers: headers, body: Array(body.utf8)))
    }

    @Test func `Clients, keys and logins are let in to what their roles allow, and nobody else is`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.with(Self.configuration(.folder(folder))) { url in
                let admin = try await LocalTokens.token(role: .admin, subject: "root", data: folder)
                try await Self.withClient(url) { client in
                    let nobody = try await Self.send(client, "GET", "/api/v1/identity/clients")
                    #expect(nobody.status == 401 && nobody.header("www-authenticate")?.hasPrefix("Bearer") == true)
                    let customer = try await LocalTokens.token(role: .customer, subject: "alice", data: folder)
                    let forbidden = try await Self.send(client, "POST", "/api/v1/identity/keys/rotate", bearer: customer)
                    #expect(forbidden.status == 403)
                    let health = try await Self.send(client, "GET", "/health/ready")
                    #expect(health.status == 200)

                    let made = try await Self.send(client, "POST", "/api/v1/identity/clients", #"{"clientId":"shop","roles":["support"]}"#, bearer: admin)
                    let secret = try #require(made.json["clientSecret"]?.string)
                    let issued = try await TokenEndpoint(client).token(.clientCredentials(id: "shop", secret: secret))
                    let orders = try await Self.send(client, "GET", "/api/v1/orders", bearer: issued.value)
                    #expect(orders.status == 200)

                    let bound = #"{"name":"reader","roles":["admin"],"scopes":["orders:read"]}"#
                    let key = try await Self.send(client, "POST", "/api/v1/identity/api-keys", bound, bearer: admin)
                    let text = try #require(key.json["key"]?.string)
                    let byKey = try await Self.send(client, "GET", "/api/v1/orders", headers: [("X-API-Key", text)])
                    #expect(byKey.status == 200)
                    let beyond = try await Self.send(client, "GET", "/api/v1/identity/clients", bearer: text)
                    #expect(beyond.status == 403, "bound to a scope, whatever its role")
                    let both = try await Self.send(client, "GET", "/api/v1/orders", bearer: admin, headers: [("X-API-Key", text)])
                    #expect(both.status == 400)
                    let actions = try await Self.send(client, "GET", "/api/v1/identity/actions", bearer: admin).json
                    #expect(actions["items"]?.array?.map { $0["actor"]?.string } == ["root", "root"])
                }
            }
        }
    }

    @Test func `A gateway verifies by the keys of an Identity elsewhere, and asks there whose an API key is`() async throws {
        try await withTemporaryFolder { folder in
            var identity = Self.configuration(.folder(folder))
            identity.engines.services = [.identity]
            identity.engines.internalSecret = Secret("what the processes share, 32 and more")
            let settings = identity
            try await Self.with(identity) { identityURL in
                var gateway = Self.configuration(.memory)
                gateway.engines = settings.engines
                gateway.engines.services = [.gateway]
                gateway.engines.upstreams = [.identity: [identityURL]]
                try await Self.with(gateway) { url in
                    let admin = try await LocalTokens.token(role: .admin, subject: "root", data: folder)
                    try await Self.withClient(url) { client in
                        // The keys are fetched at the start; the first token waits for them.
                        let made = try await Self.send(
                            client, "POST", "/api/v1/identity/api-keys", #"{"name":"ops","subject":"ops","roles":["admin"]}"#, bearer: admin)
                        #expect(made.status == 201)
                        let text = try #require(made.json["key"]?.string)
                        let listed = try await Self.send(client, "GET", "/api/v1/identity/api-keys", headers: [("X-API-Key", text)])
                        #expect(listed.status == 200)
                        #expect(listed.json["items"]?[0]?["createdBy"]?.string == "root", "the gateway's word reaches the service")
                        let wrong = try await Self.send(client, "GET", "/api/v1/identity/api-keys", headers: [("X-API-Key", text + "x")])
                        #expect(wrong.status == 401)
                        let inside = try await Self.send(client, "POST", "/internal/api-keys/verify", "{}", bearer: admin)
                        #expect(inside.status == 404)
                        let keys = try await Self.send(client, "GET", "/.well-known/jwks.json")
                        #expect(keys.status == 200 && keys.json["keys"]?[0]?["kty"]?.string == "EC")
                    }
                    // Past the gateway a token is worth nothing.
                    try await Self.withClient(identityURL) { client in
                        let direct = try await Self.send(client, "GET", "/api/v1/identity/api-keys", bearer: admin)
                        #expect(direct.status == 401)
                        let stranger = try await Self.send(client, "POST", "/internal/api-keys/verify", "{}")
                        #expect(stranger.status == 401)
                    }
                }
            }
        }
    }

    @Test func `A revoked token is refused by the next request, however often it was used before`() async throws {
        try await withTemporaryFolder { folder in
            try await Self.with(Self.configuration(.folder(folder))) { url in
                let admin = try await LocalTokens.token(role: .admin, subject: "root", data: folder)
                let own = try await LocalTokens.token(role: .customer, subject: "alice", data: folder)
                let others = try await LocalTokens.token(role: .customer, subject: "bob", data: folder)
                try await Self.withClient(url) { client in
                    for token in [own, own, others] {
                        let answer = try await Self.send(client, "GET", "/api/v1/orders", bearer: token)
                        #expect(answer.status == 200)
                    }
                    let revoked = try await Self.send(client, "POST", "/auth/revoke", "{\"token\":\"\(own)\"}")
                    #expect(revoked.status == 200)
                    let refused = try await Self.send(client, "GET", "/api/v1/orders", bearer: own)
                    #expect(refused.status == 401 && refused.text.contains("it was revoked"))
                    #expect(refused.header("www-authenticate")?.contains("invalid_token") == true)
                    let another = try await Self.send(client, "GET", "/api/v1/orders", bearer: others)
                    #expect(another.status == 200)
                    let out = try await Self.send(client, "DELETE", "/api/v1/identity/subjects/bob/tokens", bearer: admin)
                    #expect(out.status == 200 && out.json["kind"]?.string == "subject")
                    let gone = try await Self.send(client, "GET", "/api/v1/orders", bearer: others)
                    #expect(gone.status == 401)
                    let fresh = try await LocalTokens.token(role: .customer, subject: "bob", data: folder)
                    let again = try await Self.send(client, "GET", "/api/v1/orders", bearer: fresh)
                    #expect(again.status == 200, "what was made afterwards holds")
                }
            }
        }
    }

    @Test func `A gateway elsewhere heeds a revocation within ten seconds`() async throws {
        try await withTemporaryFolder { folder in
            var identity = Self.configuration(.folder(folder))
            identity.engines.services = [.identity]
            identity.engines.internalSecret = Secret("what the processes share, 32 and more")
            let settings = identity
            try await Self.with(identity) { identityURL in
                var gateway = Self.configuration(.memory)
                gateway.engines = settings.engines
                gateway.engines.services = [.gateway]
                gateway.engines.upstreams = [.identity: [identityURL]]
                try await Self.with(gateway) { url in
                    let admin = try await LocalTokens.token(role: .admin, subject: "root", data: folder)
                    let other = try await LocalTokens.token(role: .admin, subject: "eve", data: folder)
                    try await Self.withClient(url) { client in
                        let before = try await Self.send(client, "GET", "/api/v1/identity/revocations", bearer: other)
                        #expect(before.status == 200)
                        let revoked = try await Self.send(client, "DELETE", "/api/v1/identity/subjects/eve/tokens", bearer: admin)
                        #expect(revoked.status == 200)
                        try await eventually("the token is refused", within: .seconds(10)) {
                            try await Self.send(client, "GET", "/api/v1/identity/revocations", bearer: other).status == 401
                        }
                        let inside = try await Self.send(client, "POST", "/internal/revocations", "{}", bearer: admin)
                        #expect(inside.status == 404)
                    }
                    try await Self.withClient(identityURL) { client in
                        let stranger = try await Self.send(client, "POST", "/internal/revocations", "{}")
                        #expect(stranger.status == 401)
                    }
                }
            }
        }
    }
}

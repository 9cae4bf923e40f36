import HTTPTypes
import Logging
import Messaging
import Security
import Storage
import StorageSQLite
import Testing
import Web
import Wire

@testable import Identity
@testable import Platform

/// What finds out who sends a request, put together as a platform does it, on Identity's database in memory.
private final class AuthenticatorBench: Sendable {
    let database: any Database
    let assembly: IdentityAssembly
    let authenticator: any Authenticator

    init(provider: IdentityProvider? = nil, usesIdentity: Bool = true) async throws {
        database = try SQLiteDatabase(name: "identity", path: ":memory:")
        var settings = AuthenticationSettings()
        (settings.provider, settings.usesIdentity) = (provider, usesIdentity)
        var configuration = PlatformConfiguration(storage: .memory)
        configuration.authentication = .required(settings)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let context = ServiceContext(service: "identity", clock: SystemClock(), seed: 1)
        let environment = ServiceEnvironment(
            database: database, context: context, outbox: Outbox(sink: EventBus(registry: EventRegistry([]))), logger: logger)
        assembly = try IdentityAssembly(configuration, isLocal: usesIdentity, environment: environment, logger: logger)
        try await assembly.open()
        authenticator = try #require(assembly.authenticator)
    }

    /// Runs the long tasks around a closure.
    func running(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for runner in assembly.runners { group.addTask { try? await runner.run() } }
            let result: Result<Void, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            try await group.waitForAll()
            try result.get()
        }
        await assembly.shutdown()
        await database.close()
    }

    func who(_ headers: [(String, String)]) async throws -> Principal? {
        var fields: HTTPFields = [:]
        for (name, value) in headers { fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value)) }
        return try await authenticator.authenticate(fields)
    }
    func bearer(_ token: String) async throws -> Principal? { try await who([("Authorization", "Bearer \(token)")]) }

    /// The status of the refusal; nil where there is none.
    func refusal(_ headers: [(String, String)]) async -> Int? {
        do {
            _ = try await who(headers)
            return nil
        } catch { return (error as? Problem)?.status.code ?? -1 }
    }
    func refusal(ofToken token: String) async -> Int? { await refusal([("Authorization", "Bearer \(token)")]) }
}

@Suite struct AuthenticatorTests {
    @Test func `The platform's own tokens say who sends a request`() async throws {
        let bench = try await AuthenticatorBench()
        let token = try await bench.assembly.service.token(subject: "alice", roles: [.customer, .support], scopes: [.readOrders])
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let who = try await bench.who([("Authorization", "\(scheme) \(token)")])
            #expect(who == Principal(subject: "alice", roles: [.customer, .support], scopes: [.readOrders], kind: .user))
        }
        let free = try await bench.assembly.service.token(subject: "bob", roles: [.admin])
        let bob = try await bench.bearer(free)
        #expect(bob == Principal(subject: "bob", roles: [.admin]))
        let nobody = try await bench.who([])
        #expect(nobody == nil)
    }

    @Test func `What is no credential is refused, and never taken for none`() async throws {
        let bench = try await AuthenticatorBench()
        let token = try await bench.assembly.service.token(subject: "alice", roles: [.admin])
        for value in [
            "", "Bearer", "Bearer ", "Bearer  \(token)", "Bearer \(token) x", "Bearer\t\(token)", token, "Token \(token)", "Digest x",
            "Bearer \(token),\(token)", "Bearer wb_nonsense", "Bearer \(token)x", "Bearer é", "Basic",
        ] {
            let status = await bench.refusal([("Authorization", value)])
            #expect(status == 401, "\(value)")
        }
        let key = await bench.refusal([("X-API-Key", "nonsense")])
        #expect(key == 401)
        // The token endpoint's own; it says nothing of who sends the request.
        let basic = try await bench.who([("Authorization", "Basic eDp5")])
        #expect(basic == nil)
    }

    @Test func `Two credentials at once are refused, whatever they are`() async throws {
        let bench = try await AuthenticatorBench()
        let token = try await bench.assembly.service.token(subject: "alice", roles: [.admin])
        let (bearer, key) = (("Authorization", "Bearer \(token)"), ("X-API-Key", "wb_x"))
        for pair in [[bearer, bearer], [bearer, key], [key, key], [bearer, ("Authorization", "Basic eDp5")]] {
            let status = await bench.refusal(pair)
            #expect(status == 400)
        }
    }

    @Test func `An API key says who sends a request, by either header, until it is revoked`() async throws {
        let bench = try await AuthenticatorBench()
        let (id, secret) = (Identifier(high: 7, low: 9), Secrets.make())
        let now = SystemClock().now()
        try await bench.database.write { transaction in
            try APIKeyTable.add(
                APIKey(
                    id: id, name: "importer", secret: Secrets.digest(secret), subject: "shop", authority: Authority(roles: [.service]), createdAt: now,
                    createdBy: "test", expiresAt: nil, revokedAt: nil, lastUsedAt: nil), in: transaction)
        }
        let text = APIKeyText.text(id, secret: secret)
        let expected = Principal(subject: "shop", roles: [.service], kind: .key)
        let byBearer = try await bench.bearer(text)
        let byHeader = try await bench.who([("X-API-Key", text)])
        #expect(byBearer == expected && byHeader == expected)
        let wrong = await bench.refusal([("X-API-Key", text + "x")])
        #expect(wrong == 401)
    }

    @Test func `A token whose key is revoked holds no longer, though it was verified before`() async throws {
        let bench = try await AuthenticatorBench()
        let token = try await bench.assembly.service.token(subject: "alice", roles: [.admin])
        let before = try await bench.bearer(token)
        #expect(before?.subject == "alice")
        let key = try #require(try await bench.assembly.service.keys.all().first)
        let isRevoked = try await bench.assembly.service.keys.revoke(key.key.id, by: "test")
        #expect(isRevoked)
        let after = await bench.refusal(ofToken: token)
        #expect(after == 401)
    }
}

@Suite struct ForeignTokenTests {
    private static let issuer = "http://kc.example/realms/shop"

    private func token(
        _ key: SigningKey, roles: [String], issuer: String = ForeignTokenTests.issuer, audience: String = "waybill", scope: String? = nil, seconds: Int64 = 300,
        claim: String = "realm_access"
    ) throws -> String {
        let now = Timestamp(milliseconds: SystemClock().now().milliseconds / 1000 * 1000)
        let nested = JSONValue.object(JSONObject(members: [.init(key: "roles", value: .array(roles.map(JSONValue.string)))]))
        return try TokenClaims(
            subject: "f81d4fae", issuer: issuer, audience: [audience], expiresAt: now.advanced(byMilliseconds: seconds * 1000), issuedAt: now,
            scopes: scope.map { $0.split(separator: " ").map(String.init) },
            additional: [.init(key: claim, value: nested), .init(key: "azp", value: .string("shop-web"))]
        ).token(signedBy: key)
    }

    private func document(_ keys: [SigningKey]) -> String {
        String(decoding: KeySet(keys.map(\.verificationKey)).document, as: UTF8.self)
    }

    private func provider(_ server: FakeUpstream) -> IdentityProvider {
        var provider = IdentityProvider(issuers: [Self.issuer])
        provider.keyURLs = [server.url + "/realms/shop/protocol/openid-connect/certs"]
        provider.rolesClaim = "realm_access.roles"
        provider.roleNames = ["clerk": "support", "boss": "admin"]
        provider.defaultRoles = ["customer"]
        return provider
    }

    @Test func `Keycloak's tokens hold with the keys of its address, and its roles become ours`() async throws {
        let key = try SigningKey.generate(.rs256)
        try await FakeUpstream.with(.answer(200, [("content-type", "application/json")], document([key]))) { server in
            let bench = try await AuthenticatorBench(provider: provider(server))
            try await bench.running {
                let clerk = try await bench.bearer(try token(key, roles: ["clerk", "offline_access"], scope: "openid profile email"))
                #expect(clerk == Principal(subject: "f81d4fae", roles: [.support, .customer]))
                let bound = try await bench.bearer(try token(key, roles: ["warehouse"], scope: "openid inventory:read"))
                #expect(bound == Principal(subject: "f81d4fae", roles: [.warehouse, .customer], scopes: [.readInventory]))
                let elsewhere = await bench.refusal(ofToken: try token(key, roles: ["boss"], audience: "another"))
                let other = await bench.refusal(ofToken: try token(key, roles: ["boss"], issuer: "http://kc.example/realms/other"))
                let old = await bench.refusal(ofToken: try token(key, roles: ["boss"], seconds: -120))
                let forged = await bench.refusal(ofToken: try token(try SigningKey.generate(.es256), roles: ["boss"]))
                #expect([elsewhere, other, old, forged] == [401, 401, 401, 401])
                // The provider's keys are not ours, and ours are not its.
                let ours = try await bench.assembly.service.keys.signing()
                let swapped = await bench.refusal(ofToken: try token(ours, roles: ["boss"]))
                let claimed = await bench.refusal(ofToken: try token(key, roles: ["boss"], issuer: "http://waybill.local/identity"))
                #expect([swapped, claimed] == [401, 401])
                let own = try await bench.bearer(try await bench.assembly.service.token(subject: "alice", roles: [.customer]))
                #expect(own?.subject == "alice")
            }
            #expect(server.seen.first?.target == "/realms/shop/protocol/openid-connect/certs")
        }
    }

    @Test func `What was fetched goes on to hold when the address is down`() async throws {
        let key = try SigningKey.generate(.es256)
        try await FakeUpstream.with(.answer(200, [], document([key]))) { server in
            let bench = try await AuthenticatorBench(provider: provider(server))
            try await bench.running {
                let before = try await bench.bearer(try token(key, roles: ["boss"]))
                #expect(before?.roles == [.admin, .customer])
                server.set(.close(reset: true))
                let during = try await bench.bearer(try token(key, roles: ["clerk"]))
                #expect(during?.roles == [.support, .customer])
            }
        }
    }

    @Test func `An address that never answered lets nobody in, and keeps nobody waiting for long`() async throws {
        try await FakeUpstream.with(.answer(500)) { server in
            let bench = try await AuthenticatorBench(provider: provider(server), usesIdentity: false)
            try await bench.running {
                let status = await bench.refusal(ofToken: try token(try SigningKey.generate(.es256), roles: ["boss"]))
                #expect(status == 503, "his token may be as good as any")
                let key = await bench.refusal([("X-API-Key", APIKeyText.text(Identifier(high: 1, low: 1), secret: "x"))])
                #expect(key == 401, "without Identity there are no keys")
            }
        }
    }

    @Test func `Auth0's roles are in a claim of its owner's name, and a shared secret signs where it must`() async throws {
        var provider = IdentityProvider(issuers: [Self.issuer])
        provider.secret = Secret("a secret of 32 characters or more!")
        provider.rolesClaim = "https://shop.example/roles"
        provider.requiresScopes = true
        let bench = try await AuthenticatorBench(provider: provider)
        try await bench.running {
            let now = SystemClock().now().milliseconds / 1000
            let claims =
                #"{"iss":"\#(Self.issuer)","sub":"auth0|7","aud":"waybill","exp":\#(now + 60),"https://shop.example/roles":["finance"],"scope":"openid payments:read"}"#
            let signed = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
            let code = hmacSHA256(key: Array("a secret of 32 characters or more!".utf8), Array(signed.utf8))
            let who = try await bench.bearer(signed + "." + Base64URL.encode(code))
            #expect(who == Principal(subject: "auth0|7", roles: [.finance], scopes: [.readPayments]))
        }
    }
}

import Foundation
import Platform
import Security
import Testing
import WaybillClient
import Wire

@testable import waybill

/// Identity as clients meet it: over HTTP, in the topology that is being tested.
@Suite struct IdentityEndToEndTests {
    /// Verifies a token with the keys that the platform publishes.
    private func verified(_ token: String, by platform: RunningPlatform) async throws -> TokenClaims {
        let document = try await platform.client.send(ClientRequest(path: "/.well-known/jwks.json"))
        let now = SystemClock().now()
        let verifier = TokenVerifier(
            keys: try KeySet(jwks: document.body), issuers: ["http://waybill.local/identity"], audience: "waybill", now: { now })
        return try await verifier.verify(token)
    }

    @Test func `A program gets a token at either address, and what is published verifies it`() async throws {
        let named: (inout PlatformConfiguration) -> Void = { $0.identity.publicURL = "https://shop.example" }
        try await RunningPlatform.with(named) { platform in
            let made = try await platform.send("POST", "/identity/clients", #"{"clientId":"shop","roles":["service"]}"#)
            let secret = try #require(made.json["clientSecret"]?.string)
            for path in [TokenEndpoint.path, "/auth/token"] {
                let issued = try await TokenEndpoint(platform.client, path: path).token(.clientCredentials(id: "shop", secret: secret))
                let claims = try await verified(issued.value, by: platform)
                #expect(claims.subject == "shop" && claims.roles == ["service"])
            }
            await #expect(throws: TokenDenied.self) {
                _ = try await TokenEndpoint(platform.client).token(.clientCredentials(id: "shop", secret: "wrong"))
            }
            let discovery = try await platform.client.send(ClientRequest(path: "/.well-known/openid-configuration")).json
            #expect(discovery["issuer"]?.string == "http://waybill.local/identity")
            #expect(discovery["jwks_uri"]?.string == "https://shop.example/.well-known/jwks.json")
            #expect(discovery["token_endpoint"]?.string == "https://shop.example/auth/token")
        }
    }

    @Test func `What only the platform's own processes may ask is not offered to clients`() async throws {
        try await RunningPlatform.with { platform in
            let answer = try await platform.client.send(
                ClientRequest(method: "POST", path: "/internal/api-keys/verify", headers: [("Content-Type", "application/json")], body: Array("{}".utf8)))
            #expect(answer.status == 404)
        }
    }

    @Test func `A token is made from the data folder, before the platform's first start and beside it`() async throws {
        try await withTemporaryFolder { folder in
            #expect(!LocalTokens.isAvailable(data: folder))
            let early = try await LocalTokens.token(role: .customer, subject: "alice", data: folder)
            #expect(LocalTokens.isAvailable(data: folder))
            let rights = try FileManager.default.attributesOfItem(atPath: folder + "/identity.sqlite")[.posixPermissions] as? Int
            #expect(rights.map { $0 & 0o077 } == 0, "there are private keys in it")
            try await RunningPlatform.with(folder: folder) { platform in
                let claims = try await verified(early, by: platform)
                #expect(claims.subject == "alice" && claims.roles == ["customer"])
                let beside = try await LocalTokens.token(
                    LocalToken(subject: "bob", roles: ["support"], scopes: ["orders:read"], lifetime: .seconds(60)),
                    PlatformConfiguration(storage: .folder(folder)))
                let bound = try await verified(beside, by: platform)
                #expect(bound.subject == "bob" && bound.scopes == ["orders:read"])
                let made = try await platform.send("POST", "/identity/clients", #"{"clientId":"shop","roles":["service"]}"#)
                #expect(made.status == 201, "the platform goes on to write")
            }
        }
    }

    @Test func `A wish that cannot be is refused in words`() async throws {
        try await withTemporaryFolder { folder in
            let configuration = PlatformConfiguration(storage: .folder(folder))
            for wish in [
                LocalToken(subject: "a", roles: []), LocalToken(subject: "a", roles: ["king"]), LocalToken(subject: "", roles: ["admin"]),
                LocalToken(subject: "a\n", roles: ["admin"]), LocalToken(subject: "a", roles: ["admin"], scopes: ["x"]),
            ] {
                await #expect(throws: PlatformError.self) { _ = try await LocalTokens.token(wish, configuration) }
            }
        }
    }

    @Test(arguments: [("90", 90), ("90s", 90), ("30m", 1800), ("1h", 3600), ("7d", 604_800)] as [(String, Int64)])
    func `Time spans are read as people write them`(text: String, seconds: Int64) { #expect(DurationArgument(argument: text)?.seconds == seconds) }

    @Test(arguments: ["", "h", "0", "-1h", "1.5h", "1w", "99999999999999999999d", "1 h"])
    func `What is no time span is none`(text: String) { #expect(DurationArgument(argument: text) == nil) }
}

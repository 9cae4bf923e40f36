import Foundation
import Gateway
import Platform
import Security
import TestTokens
import Testing
import WaybillClient
import Wire

/// Attacks by token as an attacker makes them: over HTTP, at a platform that is running.
@Suite("Attacks by token, over HTTP", .timeLimit(.minutes(5)))
struct TokenAttackTests {
    private static let provider = "https://sso.example/realms/shop"

    /// A platform that believes its own tokens and those of a provider whose keys the test has.
    private func attacking(_ body: @escaping @Sendable (RunningPlatform, Forge) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let forge = try Forge(issuer: TokenAttackTests.provider, now: SystemClock().now())
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(forge.set.document).write(to: URL(fileURLWithPath: folder + "/keys.json"))
            try await RunningPlatform.with(
                folder: folder + "/data",
                { configuration in
                    var settings = AuthenticationSettings()
                    var provider = IdentityProvider(issuers: [TokenAttackTests.provider])
                    provider.keyFiles = [folder + "/keys.json"]
                    settings.provider = provider
                    configuration.authentication = .required(settings)
                    // An address that fails this often is slowed down otherwise, which is tested elsewhere.
                    configuration.rateLimits.limits.refusalsPerMinute = 100_000
                }
            ) { try await body($0, forge) }
        }
    }

    private func ask(_ platform: RunningPlatform, _ method: String, _ path: String, _ token: String, _ body: String = "") async throws -> ClientResponse {
        let headers = [("Authorization", "Bearer " + token), ("Content-Type", "application/json")]
        return try await platform.client.send(ClientRequest(method: method, path: "/api/v1" + path, headers: headers, body: Array(body.utf8)))
    }

    /// The token is refused, in the words of RFC 6750, 3, and none of its parts comes back.
    private func expectRefusal(_ response: ClientResponse, of token: String, _ name: String) {
        #expect(response.status == 401, "\(name)")
        #expect(response.header("WWW-Authenticate")?.hasPrefix("Bearer realm=\"waybill\", error=\"invalid_token\"") == true, "\(name)")
        let told = String(decoding: response.body, as: UTF8.self) + (response.header("WWW-Authenticate") ?? "")
        for part in token.split(separator: ".") where part.utf8.count > 16 { #expect(!told.contains(part), "\(name)") }
    }

    /// Whether a token goes into a header field as it is; white space at its ends belongs to the field (RFC 9110, 5.5).
    private func isSendable(_ token: String) -> Bool {
        token.utf8.allSatisfy { (32...126).contains($0) } && token.utf8.count < 12_000 && !token.hasSuffix(" ")
    }

    @Test("every attack is answered 401, tells nothing of the token, and does nothing")
    func attacks() async throws {
        try await attacking { platform, forge in
            let admin = try forge.token(forge.es256, payload: forge.payload(["sub": "\"root\"", "roles": "[\"admin\"]"]))
            let product = #"{"sku":"TEA","name":"Tea","price":"4.50","currency":"GBP","availableQuantity":1000}"#
            #expect(try await ask(platform, "POST", "/inventory/products", admin, product).status == 201)
            for key in forge.all { #expect(try await ask(platform, "GET", "/orders", forge.token(key)).status == 200, "\(key.algorithm)") }
            // Of a provider no token has to say from when on it holds.
            let attacks = try AttackList(forge).all.filter { isSendable($0.token) && $0.name != "no nbf" }
            #expect(attacks.count > 200)
            let order = #"{"currency":"GBP","items":[{"sku":"TEA","quantity":1}],"paymentMethod":"test_approve"}"#
            for (index, attack) in attacks.enumerated() {
                expectRefusal(try await ask(platform, "GET", "/orders", attack.token), of: attack.token, attack.name)
                guard index % 10 == 0 else { continue }
                expectRefusal(try await ask(platform, "POST", "/orders", attack.token, order), of: attack.token, attack.name)
                expectRefusal(try await ask(platform, "GET", "/admin/dead-letters", attack.token), of: attack.token, attack.name)
            }
            #expect(try await ask(platform, "GET", "/orders", admin).json["items"]?.array == [])
            for key in forge.all { #expect(try await ask(platform, "GET", "/orders", forge.token(key)).status == 200, "\(key.algorithm)") }
        }
    }

    @Test("what the platform publishes makes nobody its signer, and one issuer does not speak for another")
    func publishedKeys() async throws {
        try await attacking { platform, forge in
            let document = try await platform.fetch("/.well-known/jwks.json").body
            let key = try #require(try JSONParser.parse(document)["keys"]?[0])
            let id = try #require(key["kid"]?.string)
            let ours = try Forge(now: SystemClock().now())
            let payload = ours.payload(["sub": "\"root\"", "roles": "[\"admin\"]"])
            let header = #"{"alg":"HS256","typ":"at+jwt","kid":"\#(id)"}"#
            let secrets =
                [document, Array(id.utf8), Array(key.compact.utf8)]
                + ["x", "y"].compactMap { key[$0]?.string }.flatMap { [Array($0.utf8), Base64URL.decode($0) ?? []] }
            for secret in secrets {
                let token = ours.token(header: header, payload: payload) { hmacSHA256(key: secret, $0) }
                expectRefusal(try await ask(platform, "GET", "/orders", token), of: token, "a published key as a secret")
            }
            var tokens = ["a provider's signature": try ours.token(ours.es256, payload: payload)]
            tokens["a provider's signature under our kid"] = try ours.token(ours.es256, header: #"{"alg":"ES256","kid":"\#(id)"}"#, payload: payload)
            tokens["none"] = ours.token(header: #"{"alg":"none","kid":"\#(id)"}"#, payload: payload) { _ in [] }
            tokens["zeros"] = ours.token(header: #"{"alg":"ES256","kid":"\#(id)"}"#, payload: payload) { _ in [UInt8](repeating: 0, count: 64) }
            for (name, token) in tokens { expectRefusal(try await ask(platform, "GET", "/orders", token), of: token, name) }
        }
    }

    @Test("a token holds until its key is revoked, also where it was believed a moment ago")
    func revokedKey() async throws {
        try await attacking { platform, forge in
            let admin = try forge.token(forge.es256, payload: forge.payload(["sub": "\"root\"", "roles": "[\"admin\"]"]))
            let made = try await ask(platform, "POST", "/identity/clients", admin, #"{"clientId":"shop","roles":["service"]}"#)
            let secret = try #require(made.json["clientSecret"]?.string)
            let old = try await TokenEndpoint(platform.client).token(.clientCredentials(id: "shop", secret: secret)).value
            for _ in 0..<3 { #expect(try await ask(platform, "GET", "/orders", old).status == 200) }
            let id = try #require(try await ask(platform, "GET", "/identity/keys", admin).json["items"]?[0]?["id"]?.string)
            #expect(try await ask(platform, "DELETE", "/identity/keys/\(id)", admin).status == 200)
            expectRefusal(try await ask(platform, "GET", "/orders", old), of: old, "a revoked key's token")
            let new = try await TokenEndpoint(platform.client).token(.clientCredentials(id: "shop", secret: secret)).value
            #expect(try await ask(platform, "GET", "/orders", new).status == 200)
            #expect(try await ask(platform, "GET", "/orders", admin).status == 200)
        }
    }
}

import Foundation
import HTTPTypes
import Security
import Testing
import Web
import Wire

@Suite struct TokenEndpointTests {
    let bench: IdentityBench

    init() async throws { bench = try await IdentityBench() }

    private func basic(_ id: String, _ secret: String) -> [(HTTPField.Name, String)] {
        [(.authorization, "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString())]
    }

    @Test func `A program gets a token by the header, by the form and by JSON`() async throws {
        let secret = try await bench.client("shop", roles: #"["service","support"]"#)
        let byHeader = try await bench.token("grant_type=client_credentials", headers: basic("shop", secret))
        let byForm = try await bench.token("grant_type=client_credentials&client_id=shop&client_secret=\(secret)")
        let byJSON = try await bench.send(
            "POST", "/auth/token", #"{"grant_type":"client_credentials","client_id":"shop","client_secret":"\#(secret)"}"#)
        for answer in [byHeader, byForm, byJSON] {
            #expect(answer.status == 200 && answer["token_type"] == "Bearer" && answer.json["expires_in"]?.integer == 3600)
            #expect(answer["refresh_token"] == nil && answer["scope"] == nil)
            #expect(answer.headers[.cacheControl] == "no-store")
            let claims = try await bench.verified(answer["access_token"])
            #expect(claims.subject == "shop" && claims.clientID == "shop" && claims.roles == ["service", "support"] && claims.scopes == nil)
            #expect(claims.notBefore != nil && claims.issuedAt != nil && claims.id != nil)
        }
    }

    @Test func `A scope narrows a token, and never widens it`() async throws {
        let secret = try await bench.client("shop", scopes: #"["orders:read","orders:write"]"#)
        let all = try await bench.token("grant_type=client_credentials", headers: basic("shop", secret))
        #expect(all["scope"] == "orders:read orders:write")
        let one = try await bench.token("grant_type=client_credentials&scope=orders%3Aread", headers: basic("shop", secret))
        #expect(one["scope"] == "orders:read")
        #expect(try await bench.verified(one["access_token"]).scopes == ["orders:read"])
        for scope in ["inventory:write", "orders:read+inventory:write", "nonsense", "+"] {
            let refused = try await bench.token("grant_type=client_credentials&scope=\(scope)", headers: basic("shop", secret))
            #expect(refused.status == 400 && refused.problem == "invalid_scope", "\(scope)")
        }
    }

    @Test(
        arguments: [
            ("", 400, "invalid_request"), ("grant_type=", 400, "invalid_request"), ("grant_type=magic", 400, "unsupported_grant_type"),
            ("grant_type=password&grant_type=password", 400, "invalid_request"), ("grant_type=%zz", 400, "invalid_request"),
            ("grant_type=%ff", 400, "invalid_request"), ("grant_type=client_credentials", 401, "invalid_client"),
            ("grant_type=client_credentials&client_id=shop&client_secret=wrong", 401, "invalid_client"),
            ("grant_type=client_credentials&client_id=nobody&client_secret=x", 401, "invalid_client"),
            ("grant_type=client_credentials&client_id=shop", 401, "invalid_client"), ("grant_type=password&username=alice", 400, "invalid_request"),
            ("grant_type=password&username=nobody&password=12345678", 400, "invalid_grant"),
            ("grant_type=refresh_token", 400, "invalid_request"), ("grant_type=refresh_token&refresh_token=unknown", 400, "invalid_grant"),
        ])
    func `Each refusal has OAuth's code`(form: String, status: Int, code: String) async throws {
        _ = try await bench.client("shop")
        let answer = try await bench.token(form)
        #expect(answer.status == status && answer.problem == code && answer.headers[.cacheControl] == "no-store", "\(answer.json)")
        #expect((answer.headers[.wwwAuthenticate] != nil) == (status == 401))
    }

    @Test func `A client that says twice who it is, or in a query, is refused`() async throws {
        let secret = try await bench.client("shop")
        let both = try await bench.token("grant_type=client_credentials&client_id=shop&client_secret=\(secret)", headers: basic("shop", secret))
        #expect(both.problem == "invalid_request")
        let other = try await bench.token("grant_type=client_credentials&client_id=other", headers: basic("shop", secret))
        #expect(other.problem == "invalid_request")
        let twice = try await bench.token("grant_type=client_credentials", headers: basic("shop", secret) + basic("shop", secret))
        #expect(twice.problem == "invalid_request")
        let plain = try await bench.send("POST", "/auth/token", "grant_type=client_credentials", type: "text/plain")
        #expect(plain.problem == "invalid_request")
    }

    @Test func `A client that is revoked gets nothing, and its id is not given out again`() async throws {
        let secret = try await bench.client("shop")
        let revoked = try await bench.send("DELETE", "/identity/clients/{id}", parameters: ["id": "shop"])
        #expect(revoked.status == 200 && revoked["revokedAt"] != nil)
        let answer = try await bench.token("grant_type=client_credentials", headers: basic("shop", secret))
        #expect(answer.status == 401 && answer.problem == "invalid_client")
        let again = try await bench.send("POST", "/identity/clients", #"{"clientId":"shop","roles":["admin"]}"#)
        #expect(again.status == 409 && again.problem == "client-exists")
        #expect(try await bench.actions() == ["client.revoke", "client.create"])
    }

    @Test func `A person logs in with name and password`() async throws {
        try await bench.user("alice", more: #","subject":"customer-7""#)
        let answer = try await bench.token("grant_type=password&username=alice&password=correct+horse")
        #expect(answer.status == 200 && answer["refresh_token"] != nil)
        let claims = try await bench.verified(answer["access_token"])
        #expect(claims.subject == "customer-7" && claims.roles == ["customer"] && claims.clientID == nil)
    }

    @Test func `Unknown names and wrong passwords answer alike, and guessing slows down`() async throws {
        try await bench.user("alice")
        for name in ["alice", "mallory"] {
            for _ in 0..<5 {
                let answer = try await bench.token("grant_type=password&username=\(name)&password=wrong+horse")
                #expect(answer.status == 400 && answer["error_description"] == "the user name or the password is wrong")
            }
            let slowed = try await bench.token("grant_type=password&username=\(name)&password=correct+horse")
            #expect(slowed.status == 429 && slowed.headers[.retryAfter] == "1")
        }
        bench.fixture.clock.advance(by: .seconds(1))
        let right = try await bench.token("grant_type=password&username=alice&password=correct+horse")
        #expect(right.status == 200)
    }
}

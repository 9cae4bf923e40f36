import Foundation
import Testing
import WaybillClient
import Web
import Wire

@testable import waybill

@Suite("What waybill login keeps")
struct SavedLoginsTests {
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("logins-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func rights(_ path: String) throws -> Int? { try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int }

    @Test("A login is kept by its address in a file that nobody else may read, and forgotten again")
    func keeping() async throws {
        try await withFolder { folder async throws in
            let path = try #require(SavedLogins.path(["XDG_CONFIG_HOME": folder, "HOME": "/nonexistent"]))
            let logins = SavedLogins(path: path)
            let none = try logins.login(for: "http://a")
            #expect(none == nil)
            let (first, second) = (SavedLogins.Login(clientID: "shop", secret: "s\"1"), SavedLogins.Login(clientID: "b", secret: "2", scopes: ["orders:read"]))
            try logins.set(first, for: "http://a/")
            try logins.set(second, for: "http://b")
            let (a, b) = (try logins.login(for: "http://a"), try logins.login(for: "http://b/"))
            #expect(a == first && b == second)
            // Who is spoken to without TLS is somebody else.
            let (secure, port) = (try logins.login(for: "https://a"), try logins.login(for: "http://a:8080"))
            #expect(secure == nil && port == nil)
            let (file, parent) = (try rights(path), try rights(folder + "/waybill"))
            #expect(file == 0o600 && parent == 0o700)
            try logins.set(nil, for: "http://a")
            let (gone, kept) = (try logins.login(for: "http://a"), try logins.login(for: "http://b"))
            #expect(gone == nil && kept == second)
        }
    }

    @Test("A file that others may read, or that is broken, is refused and not used")
    func unfit() async throws {
        try await withFolder { folder async throws in
            let logins = SavedLogins(path: folder + "/waybill/logins.json")
            try logins.set(.init(clientID: "a", secret: "b"), for: "http://a")
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: logins.path)
            #expect(throws: CredentialsError.self) { try logins.login(for: "http://a") }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: logins.path)
            try Data("{\"http://a\":{\"clientId\":1}}".utf8).write(to: URL(fileURLWithPath: logins.path))
            #expect(throws: CredentialsError.self) { try logins.login(for: "http://a") }
        }
        #expect(SavedLogins.path([:]) == nil && SavedLogins.path(["XDG_CONFIG_HOME": "relative"]) == nil)
        #expect(SavedLogins.path(["HOME": "/home/jo"]) == "/home/jo/.config/waybill/logins.json")
    }

    @Test("Commands get their tokens with it, where nothing else is given")
    func use() async throws {
        let platform = try await FakePlatform.start { request in
            guard request.path == TokenEndpoint.path else { return .init(status: request.authorization == "Bearer of-shop" ? 200 : 401, body: "{}") }
            return String(decoding: request.body, as: UTF8.self).contains("client_secret=right")
                ? .init(body: #"{"access_token":"of-shop","token_type":"Bearer","expires_in":3600}"#)
                : .init(status: 401, body: #"{"error":"invalid_client"}"#)
        }
        let url = platform.url
        try await withFolder { folder async throws in
            let environment = ["XDG_CONFIG_HOME": folder]
            let logins = SavedLogins(path: try #require(SavedLogins.path(environment)))
            try logins.set(.init(clientID: "shop", secret: "right"), for: url)
            let options = try ConnectionOptions.parse(["--url", url])
            let nowhere = LocalPlace(flags: ["data": folder])
            let credentials = try Credentials.find(options, role: .admin, place: nowhere, environment: environment)
            #expect(credentials.origin == .login(as: "shop"))
            let answer = try await ClientOptions.withAPI(at: url, as: credentials, connections: 1) { try await $0.get("/orders") }
            #expect(answer.members.isEmpty)
            let other = try Credentials.find(options, role: .admin, place: nowhere, environment: environment.merging(["WAYBILL_TOKEN": "x"]) { $1 })
            #expect(other.origin == .variable("WAYBILL_TOKEN"))
            await #expect(throws: TokenDenied.self) { _ = try await Credentials.token(.init(clientID: "shop", secret: "wrong"), at: url) }
        }
        try await platform.stop()
    }
}

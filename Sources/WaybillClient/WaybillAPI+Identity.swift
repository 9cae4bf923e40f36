import Wire

/// Whom Identity knows.
public enum IdentityKind: String, Sendable, CaseIterable {
    /// Programs that get tokens with an id and a secret.
    case clients
    /// People with passwords.
    case users
    /// Programs that bring a key with every request.
    case keys = "api-keys"
}

extension WaybillAPI {
    /// Registers a program. The answer has its `clientSecret`, which nobody can be told again.
    public func createClient(_ id: String, roles: [String], scopes: [String]? = nil) async throws -> JSONObject {
        try await create(.clients, roles, scopes) { $0.member("clientId", id) }
    }

    /// Registers a person.
    /// - Parameter subject: `sub` of his tokens; nil for his name.
    public func createUser(_ name: String, password: String, subject: String? = nil, roles: [String], scopes: [String]? = nil) async throws -> JSONObject {
        try await create(.users, roles, scopes) { json in
            json.member("name", name)
            json.member("password", password)
            json.optional("subject", subject)
        }
    }

    /// Makes an API key. The answer has it as `key`, which nobody can be told again.
    public func createAPIKey(
        _ name: String, subject: String? = nil, roles: [String], scopes: [String]? = nil, expiresAt: Timestamp? = nil
    ) async throws -> JSONObject {
        try await create(.keys, roles, scopes) { json in
            json.member("name", name)
            json.optional("subject", subject)
            json.optional("expiresAt", expiresAt)
        }
    }

    private func create(_ kind: IdentityKind, _ roles: [String], _ scopes: [String]?, _ write: (inout JSONWriter) -> Void) async throws -> JSONObject {
        let body = JSONWriter.object { json in
            write(&json)
            json.key("roles")
            json.array(roles) { $0.string($1) }
            guard let scopes else { return }
            json.key("scopes")
            json.array(scopes) { $0.string($1) }
        }
        return try await send("POST", "/identity/\(kind.rawValue)", body: body)
    }

    /// All of a kind, page by page.
    public func eachIdentity(_ kind: IdentityKind, _ body: (JSONObject) throws -> Void) async throws {
        try await each("/identity/\(kind.rawValue)", body)
    }

    private func each(_ path: String, _ body: (JSONObject) throws -> Void) async throws {
        var cursor: String?
        repeat {
            let page = try await get(path, [("limit", "200"), ("cursor", cursor)])
            let (items, next) = try decode(path) { (try page.objects("items"), try page.optionalString("nextCursor")) }
            for item in items { try body(item) }
            cursor = next
        } while cursor != nil
    }

    /// Takes a client's or key's rights, or removes a user.
    public func revokeIdentity(_ kind: IdentityKind, _ id: String) async throws -> JSONObject {
        try await send("DELETE", "/identity/\(kind.rawValue)/\(WaybillAPI.percentEncoded(id))")
    }

    /// Ends a token by its `jti`.
    /// - Returns: the revocation; other processes heed it within 10 seconds.
    public func revokeToken(_ id: Identifier) async throws -> JSONObject { try await send("DELETE", "/identity/tokens/\(id)") }

    /// Logs somebody out everywhere: ends all tokens and logins that he has by now. API keys stay.
    /// - Parameter subject: `sub` of the tokens.
    /// - Returns: the revocation; other processes heed it within 10 seconds.
    public func revokeTokens(of subject: String) async throws -> JSONObject {
        try await send("DELETE", "/identity/subjects/\(WaybillAPI.percentEncoded(subject))/tokens")
    }

    /// What was revoked and has not expired, page by page.
    public func eachRevocation(_ body: (JSONObject) throws -> Void) async throws { try await each("/identity/revocations", body) }

    /// The keys that sign tokens, without their private parts.
    public func signingKeys() async throws -> [JSONObject] { try await get("/identity/keys").objects("items") }

    /// Makes the next key that signs tokens.
    /// - Parameter immediately: whether it signs at once; else when every verifier has had the time to hear of it.
    public func rotateSigningKey(immediately: Bool = false) async throws -> JSONObject {
        try await send("POST", "/identity/keys/rotate", body: JSONWriter.object { $0.member("immediately", immediately) })
    }

    /// Takes a key out of use that somebody else may know.
    public func revokeSigningKey(_ id: String) async throws -> JSONObject {
        try await send("DELETE", "/identity/keys/\(WaybillAPI.percentEncoded(id))")
    }
}

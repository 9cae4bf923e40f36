import Web

/// What Identity offers, as its users see it; `IdentityService` leads each to its handler.
extension APIOperation {
    static let issueToken = APIOperation(
        "issueToken", .identity, "Get a token",
        """
        RFC 6749, as a form or as JSON: `client_credentials` for programs, `password` for people, `refresh_token` to go on. A client says who it is by HTTP Basic or by
        `client_id` and `client_secret`. A refresh token is good once: the answer brings the next one, and a second use ends the login.
        """,
        body: APIBody(
            .tokenRequest, contentTypes: ["application/x-www-form-urlencoded", "application/json"],
            example: #"{"grant_type":"client_credentials","client_id":"shop","client_secret":"..."}"#),
        APIReply(200, "The token.", .token), APIReply(400, "The request is refused (RFC 6749, 5.2).", .tokenError),
        APIReply(401, "The client is not the one it says.", .tokenError), APIReply(429, "Too many failed attempts for this name.", .tokenError),
        APIReply(503, "Too much to do; try again.", .tokenError), isStrict: false)

    static let revokeToken = APIOperation(
        "revokeToken", .identity, "End a token or a login",
        """
        RFC 7009: an access token, or a login by one of its refresh tokens, with the access tokens that came of it. What is unknown is ended already. Gateways in other
        processes hear of it within 10 seconds.
        """,
        body: APIBody(
            .object(
                [
                    .required("token", .text(1...8192), "An access token or a refresh token."),
                    .optional("everywhere", .oneOf(["true", "false"]), "Whether all tokens and logins of whom it is about are ended."),
                ]), contentTypes: ["application/x-www-form-urlencoded", "application/json"],
            example: #"{"token":"..."}"#), APIReply(200, "It is ended."), APIReply(400, "The request is refused.", .tokenError),
        APIReply(401, "The client is not the one it says.", .tokenError), APIReply(503, "Too many are revoked; try again.", .tokenError), isStrict: false)

    static let listRevocations = APIOperation(
        "listRevocations", .identity, "List what was revoked", "As long as the tokens have not expired; the newest last.", parameters: APIParameter.page(),
        APIReply(200, "A page of revocations.", .page(of: .revocation)))
    static let revokeTokenByID = APIOperation(
        "revokeTokenByID", .identity, "End a token", "By its `jti`. Gateways in other processes hear of it within 10 seconds.",
        parameters: [.path("id", "The token's jti.")], APIReply(200, "The revocation.", .revocation))
    static let revokeSubject = APIOperation(
        "revokeSubject", .identity, "Log somebody out everywhere",
        "All of a subject's tokens and logins until now. API keys stay. Gateways in other processes hear of it within 10 seconds.",
        parameters: [.path("subject", "The subject of the tokens.", .text(1...255), example: "mallory")], APIReply(200, "The revocation.", .revocation))

    static let createClient = APIOperation(
        "createClient", .identity, "Register a program", "It gets tokens with its id and the secret, which is in this answer and nowhere else.",
        body: APIBody(
            .input([.required("clientId", .identityName, "Its id, chosen by the caller; never used again.")] + APISchema.authorityInput),
            example: #"{"clientId":"shop","roles":["service"],"scopes":["orders:write"]}"#),
        APIReply(201, "The program and its secret.", .object(APISchema.clientMembers + [.required("clientSecret", .text, "Its secret.")])),
        problems: [APIProblem(409, "client-exists", "There is or was a program with this id.")])
    static let listClients = APIOperation(
        "listClients", .identity, "List programs", parameters: APIParameter.page(), APIReply(200, "A page of programs.", .page(of: .client)))
    static let revokeClient = APIOperation(
        "revokeClient", .identity, "Give no more tokens to a program", "Those that it has hold no longer.",
        parameters: [.path("id", "The program's id.", .text(1...64), example: "shop")], APIReply(200, "The program.", .client))

    static let createUser = APIOperation(
        "createUser", .identity, "Register a person with a password", "For trials: where there is an identity provider, people come from there.",
        body: APIBody(
            .input(
                [
                    .required("name", .identityName, "The name to log in with."), .required("password", .text(8...256), "The password."),
                    .optional("subject", .text(1...100, pattern: "^[!-~]+$"), "Who he is in tokens; the name where nothing is said."),
                ] + APISchema.authorityInput), example: #"{"name":"alice","password":"correct horse battery","roles":["customer"]}"#),
        APIReply(201, "The person.", .user), problems: [APIProblem(409, "user-exists", "There is a person with this name.")])
    static let listUsers = APIOperation(
        "listUsers", .identity, "List people", parameters: APIParameter.page(), APIReply(200, "A page of people.", .page(of: .user)))
    static let deleteUser = APIOperation(
        "deleteUser", .identity, "Remove a person", "He cannot log in any more, nor renew a login, and his tokens hold no longer.",
        parameters: [.path("name", "The name.", .text(1...64), example: "alice")], APIReply(200, "The person who was removed.", .user))

    static let createAPIKey = APIOperation(
        "createAPIKey", .identity, "Make an API key", "For servers. The key is in this answer and nowhere else.",
        body: APIBody(
            .input(
                [
                    .required("name", .line(100), "What it is for."),
                    .optional("subject", .text(1...100, pattern: "^[!-~]+$"), "Who it is in tokens; a name of its own where nothing is said."),
                    .optional("expiresAt", .timestamp, "When it ends; must be in the future."),
                ] + APISchema.authorityInput), example: #"{"name":"nightly import","roles":["service"]}"#),
        APIReply(
            201, "The key.", .object(APISchema.apiKeyMembers + [.required("key", .text, "The key itself.")]), links: [APILink("revokeAPIKey", "id")]))
    static let listAPIKeys = APIOperation(
        "listAPIKeys", .identity, "List API keys", "The revoked ones included.", parameters: APIParameter.page(),
        APIReply(200, "A page of keys.", .page(of: .apiKey)))
    static let revokeAPIKey = APIOperation(
        "revokeAPIKey", .identity, "End an API key", "Other processes may take it for half a minute more.", parameters: [.path("id", "The key.")],
        APIReply(200, "The key.", .apiKey))

    static let listSigningKeys = APIOperation(
        "listSigningKeys", .identity, "List the keys that sign tokens", "Never their private parts.", parameters: [],
        APIReply(200, "The keys, the newest last.", .list(of: .signingKey)))
    static let rotateSigningKeys = APIOperation(
        "rotateSigningKeys", .identity, "Make the next key", "It is published for a quarter of an hour before it signs, unless asked otherwise.",
        body: APIBody(.input([.optional("immediately", .boolean, "Signs at once.")]), isRequired: false, example: "{}"),
        APIReply(201, "The key.", .signingKey))
    static let revokeSigningKey = APIOperation(
        "revokeSigningKey", .identity, "End a key that somebody else may know", "What it has signed no longer holds.",
        parameters: [.path("id", "The key's thumbprint.", .text(1...100))], APIReply(200, "The keys that are left.", .list(of: .signingKey)))

    static let listIdentityActions = APIOperation(
        "listIdentityActions", .identity, "List what administrators did to keys, programs and people", "Newest first.",
        parameters: [
            .query("actor", .filter(200), "By one person."), .query("action", .filter(200), "Of one kind."), .query("subject", .filter(300), "To one thing."),
        ] + APIParameter.page(), APIReply(200, "A page of actions.", .page(of: .identityAction)))

    static let showKeys = APIOperation(
        "showKeys", .identity, "The public keys of the tokens", "RFC 7517.", parameters: [],
        APIReply(200, "The keys.", .object([.required("keys", .array(.map(.anything)), "JSON Web Keys.")])), isStrict: false)
    static let discover = APIOperation(
        "discover", .identity, "What clients find out by themselves", "OpenID Connect Discovery.", parameters: [],
        APIReply(200, "The addresses.", .map(.anything)), isStrict: false)
}

extension APITag {
    static let identity = APITag("Identity", rank: 10, "Tokens, and who gets them.")
}

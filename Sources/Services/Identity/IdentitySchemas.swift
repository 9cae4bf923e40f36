import Web

/// What Identity takes and shows.
extension APISchema {
    static let identityName = APISchema.text(1...64, pattern: "^[A-Za-z0-9._-]{1,64}$")
    private static let role = APISchema.component("Role", .oneOf(Role.allCases.map(\.rawValue)))
    private static let scope = APISchema.component("Scope", .oneOf(Scope.allCases.sorted().map(\.rawValue)))

    static let authorityInput: [APIMember] = [
        .required("roles", .array(role, count: 1...Role.allCases.count), "What he is."),
        .optional("scopes", .array(scope, count: 1...Scope.allCases.count), "What he is bound to; all that the roles allow where nothing is said."),
    ]
    private static let authority: [APIMember] = [
        .required("roles", .array(role), "What he is."), .optional("scopes", .array(scope), "What he is bound to."),
        .required("createdAt", .timestamp, "When it was made."), .required("createdBy", .text, "By whom."),
    ]

    static let clientMembers: [APIMember] =
        [.required("clientId", .text, "Its id.")] + authority + [.optional("revokedAt", .timestamp, "When it was revoked.")]
    static let client = APISchema.component("Client", .object(clientMembers))
    static let user = APISchema.component(
        "User", .object([.required("name", .text, "The name to log in with."), .required("subject", .text, "Who he is in tokens.")] + authority))
    static let apiKeyMembers: [APIMember] =
        [.required("id", .identifier, "The key's name."), .required("name", .text, "What it is for."), .required("subject", .text, "Who it is.")] + authority
        + [
            .optional("expiresAt", .timestamp, "When it ends."), .optional("revokedAt", .timestamp, "When it was revoked."),
            .optional("lastUsedAt", .timestamp, "When it was last used, to a minute or so."),
        ]
    static let apiKey = APISchema.component("APIKey", .object(apiKeyMembers))
    static let signingKey = APISchema.component(
        "SigningKey",
        .object([
            .required("id", .text, "Its thumbprint (RFC 7638)."), .required("createdAt", .timestamp, "When it was made."),
            .required("activeFrom", .timestamp, "From when it signs."), .optional("revokedAt", .timestamp, "When it was ended."),
            .optional("signs", .boolean, "Whether it signs now."), .optional("verifies", .boolean, "Whether what it signed holds."),
        ]))
    static let revocation = APISchema.component(
        "Revocation",
        .object([
            .required("id", .identifier, "The revocation."), .required("kind", .oneOf(["token", "login", "subject"]), "What was revoked."),
            .required("name", .text, "The jti of the token, the sid of the login, or the subject."), .required("revokedAt", .timestamp, "When."),
            .required("endsAt", .timestamp, "When all that is revoked by it has expired."),
        ]))
    static let identityAction = APISchema.component(
        "IdentityAction",
        .object([
            .required("id", .identifier, "The action."), .required("at", .timestamp, "When."), .required("actor", .text, "By whom."),
            .required("action", .text, "What."), .required("subject", .text, "To what."), .optional("before", .anything, "What was before."),
            .optional("after", .anything, "What was afterwards."),
        ]))

    static let tokenRequest = APISchema.component(
        "TokenRequest",
        .object([
            .required("grant_type", .oneOf(["client_credentials", "password", "refresh_token"]), "What is brought."),
            .optional("client_id", .text, "The program."), .optional("client_secret", .text, "Its secret."), .optional("username", .text, "The person."),
            .optional("password", .text, "The password."), .optional("refresh_token", .text, "Of the answer before."),
            .optional("scope", .text, "What the token is to be bound to: words with blanks between them."),
        ]))
    static let token = APISchema.component(
        "Token",
        .object([
            .required("access_token", .text, "The token."), .required("token_type", .oneOf(["Bearer"]), "How it is sent."),
            .required("expires_in", .count, "For how many seconds it is good."), .optional("refresh_token", .text, "What the login goes on with."),
            .optional("scope", .text, "What it is bound to."),
        ]))
    static let tokenError = APISchema.component(
        "TokenError",
        .object([.required("error", .text, "The kind of refusal."), .optional("error_description", .text, "What happened, for people.")]))
}

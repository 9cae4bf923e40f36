import Identity

/// Whether those who send requests have to say who they are, and who is believed about it.
public enum AuthenticationConfiguration: Sendable, Equatable {
    /// Nobody is asked, and everybody may do everything: for tests, for development, and behind somebody else's gateway.
    case off
    case required(AuthenticationSettings)

    /// Whether tokens and keys of the platform's own Identity hold, so that it has to be there.
    var usesIdentity: Bool {
        switch self {
        case .off: true
        case .required(let settings): settings.usesIdentity
        }
    }
}

/// Whose tokens hold.
public struct AuthenticationSettings: Sendable, Equatable {
    /// Those of the platform's own Identity.
    public var usesIdentity = true
    /// Those of an identity provider of the house; nil where there is none.
    public var provider: IdentityProvider?

    public init() {}
}

/// An identity provider: Keycloak, Auth0, or any other that signs JWTs.
public struct IdentityProvider: Sendable, Equatable {
    /// `iss` of its tokens, letter by letter; it may have several.
    public var issuers: [String]
    /// `aud` of tokens that are meant for the platform.
    public var audience = "waybill"
    /// Where its keys are published: addresses and files (JWKS or PEM).
    public var keyURLs: [String] = []
    public var keyFiles: [String] = []
    /// What it signs with by HS256, where it can do no better: whoever verifies such tokens can also make them.
    public var secret: Secret?
    /// The claim with the roles, or the way to it: `realm_access.roles`.
    public var rolesClaim = "roles"
    /// Its names of roles, and ours. A role that has our name already needs no entry.
    public var roleNames: [String: String] = [:]
    /// Roles of everybody whom it knows.
    public var defaultRoles: [String] = []
    /// Whether tokens must name scopes; else one that names none of ours is not bound to any.
    public var requiresScopes = false

    public init(issuers: [String]) { self.issuers = issuers }
}

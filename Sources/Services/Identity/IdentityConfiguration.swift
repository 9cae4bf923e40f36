import Wire

/// What can be set about the tokens that Identity issues.
public struct IdentityConfiguration: Sendable, Equatable {
    /// Longer than this no token is good, whoever asks for it: a day. For so long a key is published after its last use.
    public static let longestTokenMilliseconds: Int64 = 86_400_000
    /// For how long a new key is published before it signs: longer than verifiers keep the old list (`JWKSource`, 10 minutes).
    public static let keyLeadMilliseconds: Int64 = 900_000

    /// `iss` of the tokens.
    public var issuer = "http://waybill.local/identity"
    /// `aud` of the tokens.
    public var audience = "waybill"
    /// Where clients reach the platform, for the OpenID discovery document; nil for where its process listens.
    public var publicURL: String?
    /// How long an access token is good.
    public var tokenMilliseconds: Int64 = 3_600_000
    /// How long a login can be renewed with refresh tokens, from its beginning: 30 days.
    public var loginMilliseconds: Int64 = 30 * 86_400_000

    public init() {}
}

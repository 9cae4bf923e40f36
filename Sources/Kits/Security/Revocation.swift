import Wire

/// Tokens that hold no longer although they have not expired.
public struct Revocation: Sendable, Equatable {
    /// Which tokens.
    public enum Kind: String, Sendable, CaseIterable {
        /// One, by its `jti`.
        case token
        /// Those of one login, by their `sid` (OpenID Connect Front-Channel Logout, 3).
        case login
        /// All that were issued to a `sub` until then.
        case subject
    }

    /// A version 7 identifier of the moment it was made: what is newer has a higher one.
    public let id: Identifier
    /// What ``name`` names.
    public let kind: Kind
    /// The `jti`, `sid` or `sub`.
    public let name: String
    /// When they were revoked.
    public let at: Timestamp
    /// When the last of them has expired, so that nobody need know of it any more.
    public let endsAt: Timestamp

    /// What was revoked, as the database or Identity tells it.
    public init(id: Identifier, kind: Kind, name: String, at: Timestamp, endsAt: Timestamp) {
        (self.id, self.kind, self.name, self.at, self.endsAt) = (id, kind, name, at, endsAt)
    }
}

extension TokenClaims {
    /// The login that the token belongs to: `sid`.
    public var login: String? { all["sid"]?.string }

    /// When it was made, to the millisecond where its `jti` is a version 7 identifier, as ours are: `iat` has whole seconds, and who logs in again within the second in
    /// which all his tokens were revoked must get one that holds.
    var madeAt: Timestamp? {
        guard let id = id.flatMap({ Identifier($0) }) else { return issuedAt }
        return Timestamp(milliseconds: id.milliseconds)
    }
}

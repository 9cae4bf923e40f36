import Security
import Web

/// What a token of an identity provider lets its bearer do here.
struct ForeignRoles: Sendable {
    private let names: [String: Role]
    private let everybody: Set<Role>
    private let requiresScopes: Bool

    init(_ provider: IdentityProvider) {
        var names = Dictionary(uniqueKeysWithValues: Role.allCases.map { ($0.rawValue, $0) })
        for (theirs, ours) in provider.roleNames { names[theirs] = Role(rawValue: ours) }
        self.names = names
        everybody = Set(provider.defaultRoles.compactMap { Role(rawValue: $0) })
        requiresScopes = provider.requiresScopes
    }

    func principal(_ claims: TokenClaims) -> Principal {
        let roles = Set(claims.roles.compactMap { names[$0] }).union(everybody)
        return Principal(subject: claims.subject, roles: roles, scopes: scopes(claims), kind: claims.kind)
    }

    /// Providers put words of their own into `scope` (`openid profile`), which say nothing about orders and stock.
    private func scopes(_ claims: TokenClaims) -> Set<Scope>? {
        let ours = Set((claims.scopes ?? []).compactMap { Scope(rawValue: $0) })
        return ours.isEmpty && !requiresScopes ? nil : ours
    }
}

extension TokenClaims {
    /// A program's token is about the program itself.
    var kind: Principal.Kind { clientID != nil && clientID == subject ? .client : .user }

    /// What a token of the platform's own lets its bearer do.
    var principal: Principal {
        Principal(
            subject: subject, roles: Set(roles.compactMap { Role(rawValue: $0) }), scopes: scopes.map { Set($0.compactMap { Scope(rawValue: $0) }) }, kind: kind
        )
    }
}

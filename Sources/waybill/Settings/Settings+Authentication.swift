import Platform

extension Settings {
    /// Who is believed about who he is. To be asked for after ``check(built:)``.
    func authentication() -> AuthenticationConfiguration {
        guard text("auth") != "off" else { return .off }
        var settings = AuthenticationSettings()
        settings.usesIdentity = text("auth.identity") != "false"
        settings.provider = provider()
        return .required(settings)
    }

    private func provider() -> IdentityProvider? {
        let issuers = list("auth.provider_issuers")
        guard !issuers.isEmpty else { return nil }
        var provider = IdentityProvider(issuers: issuers)
        provider.audience = text("auth.audience") ?? provider.audience
        provider.keyURLs = list("auth.jwks_urls")
        provider.keyFiles = list("auth.jwks_files")
        provider.secret = text("auth.hs256_secret").map { Secret($0) }
        provider.rolesClaim = text("auth.roles_claim") ?? provider.rolesClaim
        provider.roleNames = map("auth.role_names")
        provider.defaultRoles = list("auth.default_roles")
        provider.requiresScopes = truth("auth.requires_scopes")
        return provider
    }

    /// Sets what the platform's own tokens say.
    func setIdentity(of platform: inout PlatformConfiguration) {
        platform.identity.issuer = text("auth.issuer") ?? platform.identity.issuer
        platform.identity.audience = text("auth.audience") ?? platform.identity.audience
        platform.identity.tokenMilliseconds = Int64(number("auth.token_minutes") ?? 60) * 60_000
        platform.identity.publicURL = text("auth.public_url")
    }
}

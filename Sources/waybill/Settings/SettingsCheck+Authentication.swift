import Platform

extension SettingsCheck {
    /// The rules about who is believed.
    var authentication: [String] {
        guard settings.text("auth") != "off" else { return [] }
        var mistakes: [String] = []
        for key in ["auth.issuer", "auth.audience"] where settings.text(key)?.isEmpty != false { mistakes.append("\(key): must not be empty") }
        if services != ServiceName.everything, (settings.text("internal_secret")?.utf8.count ?? 0) < 32 {
            mistakes.append(
                "internal_secret: must be at least 32 characters where auth is required and the platform is split: by it the services know what the gateway says"
            )
        }
        return mistakes + provider + roles
    }

    private var provider: [String] {
        var mistakes: [String] = []
        let issuers = settings.list("auth.provider_issuers")
        let hasKeys = !settings.list("auth.jwks_urls").isEmpty || !settings.list("auth.jwks_files").isEmpty || settings.text("auth.hs256_secret") != nil
        if issuers.isEmpty, hasKeys { mistakes.append("auth.provider_issuers: must name whose the keys are (iss of the tokens)") }
        if !issuers.isEmpty, !hasKeys { mistakes.append("auth.jwks_urls: must say where the keys of auth.provider_issuers are, or auth.jwks_files") }
        if issuers.contains(settings.text("auth.issuer") ?? "") {
            mistakes.append("auth.provider_issuers: must not have auth.issuer in it, which is this platform's own")
        }
        if issuers.isEmpty, settings.text("auth.identity") == "false" {
            mistakes.append("auth.identity: is false and auth.provider_issuers names nobody, so that no token would hold")
        }
        if let secret = settings.text("auth.hs256_secret"), secret.utf8.count < 32 { mistakes.append("auth.hs256_secret: must be at least 32 characters") }
        for url in settings.list("auth.jwks_urls") {
            if let mistake = IdentityProvider.mistake(inKeyURL: url) { mistakes.append("auth.jwks_urls: \(mistake)") }
        }
        return mistakes
    }

    private var roles: [String] {
        let named =
            settings.list("auth.default_roles").map { ("auth.default_roles", $0) }
            + settings.map("auth.role_names").values.sorted().map { ("auth.role_names", $0) }
        return named.filter { !IdentityProvider.knownRoles.contains($1) }.map {
            "\($0): there is no role \"\($1)\"; there are \(IdentityProvider.knownRoles.joined(separator: ", "))"
        }
    }
}

extension Setting {
    /// Who may send requests. In the file `auth: off`, or a map with `mode` in it.
    static let authentication = [
        Setting(
            "auth", .choice(["required", "off"]), standard: "required",
            "Whether those who send requests have to say who they are. Off, everybody may do everything: for development only."),
        Setting("auth.issuer", .text, standard: "http://waybill.local/identity", "What the platform's own tokens say of who issued them (iss)."),
        Setting("auth.audience", .text, standard: "waybill", "Whom tokens must be meant for (aud), the platform's own and others'."),
        Setting("auth.token_minutes", .number(1...1_440), standard: "60", "Minutes that the platform's own tokens are good."),
        Setting("auth.public_url", .url(["http", "https"]), hasFlag: false, "Where clients reach the platform; for the OpenID discovery document."),
        Setting(
            "auth.identity", .truth, standard: "true", "Whether the platform's own tokens and API keys hold; false where an identity provider does it all."),
        Setting("auth.provider_issuers", .list, hasFlag: false, "Issuers (iss) of an identity provider of the house whose tokens hold as well."),
        Setting("auth.jwks_urls", .list, hasFlag: false, "Where the identity provider publishes its keys."),
        Setting("auth.jwks_files", .list, hasFlag: false, "Files with its keys, JWKS or PEM."),
        Setting(
            "auth.hs256_secret", .text, isSecret: true, hasFlag: false,
            "What it signs with by HS256, at least 32 characters; only where it can do no better, because who verifies such tokens can also make them."),
        Setting("auth.roles_claim", .text, standard: "roles", hasFlag: false, "The claim with the roles in its tokens, or the way to it: realm_access.roles."),
        Setting("auth.role_names", .map, hasFlag: false, "Its names of roles, each with the role here that it stands for. Equal names need no entry."),
        Setting("auth.default_roles", .list, hasFlag: false, "Roles of everybody whom it knows, whatever his token says."),
        Setting(
            "auth.requires_scopes", .truth, standard: "false", hasFlag: false,
            "Whether its tokens must name scopes; else one that names none of this platform's is bound to none."),
    ]
}

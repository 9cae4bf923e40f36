import Wire

extension TokenClaims {
    /// Reads the claims that the platform looks at, each with the type that it must have.
    /// - Parameter rolesClaim: where the issuer writes roles: the name of a claim, or the way to it with dots.
    init(_ object: JSONObject, rolesClaim: String) throws(TokenRefusal) {
        let reader = ClaimReader(object: object)
        issuer = try reader.text("iss", isNeeded: true) ?? ""
        subject = try reader.text("sub", isNeeded: true) ?? ""
        // OpenID Connect Core, 2: at most 255 characters of ASCII. Beyond it there are names that differ and that Swift takes for the same: the Kelvin sign is a K.
        guard subject.utf8.count <= 255, subject.utf8.allSatisfy({ (32...126).contains($0) }) else { throw .invalid("sub") }
        audience = try reader.audience()
        guard let expiresAt = try reader.time("exp") else { throw .missing("exp") }
        self.expiresAt = expiresAt
        issuedAt = try reader.time("iat")
        notBefore = try reader.time("nbf")
        id = try reader.text("jti")
        clientID = try reader.text("client_id")
        scopes = try reader.scopes()
        roles = try reader.roles(rolesClaim)
        try reader.refuseOtherKinds()
        all = object
    }

    /// Whether it holds now.
    /// - Parameter leeway: how far clocks may differ, in milliseconds.
    func checkTime(_ now: Timestamp, leeway: Int64) throws(TokenRefusal) {
        guard now < expiresAt.advanced(byMilliseconds: leeway) else { throw .expired }
        // What was issued in the future was issued by a clock that nothing else of the token can be judged by.
        for start in [notBefore, issuedAt] {
            if let start, start > now.advanced(byMilliseconds: leeway) { throw .notYetValid }
        }
    }
}

private struct ClaimReader {
    let object: JSONObject

    func text(_ name: String, isNeeded: Bool = false) throws(TokenRefusal) -> String? {
        guard let value = object[name] else {
            if isNeeded { throw .missing(name) }
            return nil
        }
        guard let text = value.string, ClaimReader.isName(text) else { throw .invalid(name) }
        return text
    }

    func time(_ name: String) throws(TokenRefusal) -> Timestamp? {
        guard let value = object[name] else { return nil }
        guard let time = NumericDate.timestamp(value) else { throw .invalid(name) }
        return time
    }

    /// One text, or a list of them (RFC 7519, 4.1.3).
    func audience() throws(TokenRefusal) -> [String] {
        switch object["aud"] {
        case nil: throw .missing("aud")
        case .string(let text)?: return [text]
        case .array(let values)?: return try names(values, "aud")
        default: throw .invalid("aud")
        }
    }

    /// Words between spaces (RFC 6749, 3.3).
    func scopes() throws(TokenRefusal) -> [String]? {
        guard let value = object["scope"] else { return nil }
        guard let text = value.string else { throw .invalid("scope") }
        return text.split(separator: " ").map(String.init)
    }

    func roles(_ claim: String) throws(TokenRefusal) -> [String] {
        guard let value = object[claim] ?? nested(claim) else { return [] }
        guard let values = value.array else { throw .invalid("of roles") }
        return try names(values, "of roles")
    }

    /// Keycloak says in a claim what a token is for: its ID and refresh tokens are signed by the same keys, and are none to call an API with (RFC 8725, 3.12).
    func refuseOtherKinds() throws(TokenRefusal) {
        guard let kind = object["typ"] else { return }
        guard let kind = kind.string, !["id", "refresh", "offline", "logout"].contains(kind.lowercased()) else { throw .invalid("typ") }
    }

    /// `realm_access.roles`, as Keycloak has it.
    private func nested(_ claim: String) -> JSONValue? {
        let path = claim.split(separator: ".", maxSplits: 8).map(String.init)
        return path.count < 2 ? nil : path.reduce(JSONValue.object(object) as JSONValue?) { value, name in value?[name] }
    }

    private func names(_ values: [JSONValue], _ claim: String) throws(TokenRefusal) -> [String] {
        var names: [String] = []
        for value in values {
            guard let name = value.string, ClaimReader.isName(name) else { throw .invalid(claim) }
            names.append(name)
        }
        return names
    }

    /// What goes into logs, databases and comparisons: neither empty nor long, and without control characters.
    private static func isName(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count) && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }
}

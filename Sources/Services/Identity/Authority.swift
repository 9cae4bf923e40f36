import Web
import Wire

/// What somebody may do: his roles, and the scopes that he is bound to; nil for all that the roles allow.
struct Authority: Sendable, Equatable {
    var roles: Set<Role>
    var scopes: Set<Scope>?

    /// As the tables have it: words with blanks between them. Words that this program does not know give nobody anything.
    init(roles: String, scopes: String?) {
        self.roles = Set(roles.split(separator: " ").compactMap { Role(rawValue: String($0)) })
        self.scopes = scopes.map { Set($0.split(separator: " ").compactMap { Scope(rawValue: String($0)) }) }
    }

    init(roles: Set<Role>, scopes: Set<Scope>? = nil) { (self.roles, self.scopes) = (roles, scopes) }

    /// For the tables.
    var roleText: String { roles.sorted().map(\.rawValue).joined(separator: " ") }
    /// For the tables and for the claim `scope` (RFC 8693, 4.2).
    var scopeText: String? { scopes.map { $0.sorted().map(\.rawValue).joined(separator: " ") } }

    /// The same roles, bound to the scopes that are asked for; nil where these are more than there are, or unknown.
    /// - Parameter wish: of a token request: words with blanks between them (RFC 6749, 3.3); nil for all.
    func narrowed(to wish: String?) -> Authority? {
        guard let wish else { return self }
        let words = wish.split(separator: " ").map(String.init)
        let wished = Set(words.compactMap { Scope(rawValue: $0) })
        guard !words.isEmpty, wished.count == Set(words).count, wished.isSubset(of: scopes ?? Set(Scope.allCases)) else { return nil }
        return Authority(roles: roles, scopes: wished)
    }

    func write(to json: inout JSONWriter) {
        json.key("roles")
        json.array(roles.sorted()) { $0.string($1.rawValue) }
        guard let scopes else { return }
        json.key("scopes")
        json.array(scopes.sorted()) { $0.string($1.rawValue) }
    }
}

extension BodyReader {
    /// Roles (at least one) and scopes of somebody who is being registered.
    func authority() -> Authority {
        let roles = words("roles", required: true, known: Role.allCases.map(\.rawValue)) ?? []
        let scopes = words("scopes", required: false, known: Scope.allCases.map(\.rawValue))
        return Authority(roles: Set(roles.compactMap { Role(rawValue: $0) }), scopes: scopes.map { Set($0.compactMap { Scope(rawValue: $0) }) })
    }

    /// A list of known words.
    private func words(_ key: String, required: Bool, known: [String]) -> [String]? {
        guard let value = value(key, required: required) else { return nil }
        let words = value.array?.compactMap(\.string) ?? []
        guard !words.isEmpty, words.count == value.array?.count, words.count <= known.count, words.allSatisfy(known.contains) else {
            refuse(key, "must be a list of one or more of \(known.joined(separator: ", "))")
            return nil
        }
        return words
    }
}

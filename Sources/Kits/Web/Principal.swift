import HTTPTypes

/// Who sends a request: what a token, a key or the gateway's word says.
public struct Principal: Sendable, Hashable {
    /// How it is known who he is.
    public enum Kind: String, Sendable {
        /// A person, by a token.
        case user
        /// A program, by a token.
        case client
        /// A program, by an API key.
        case key
        /// A process of the platform, on its own behalf.
        case platform
        /// Nobody was asked: authentication is off, or everybody may do this.
        case open
    }

    /// His name: `sub` of a token (RFC 7519, 4.1.2), or of a key. For a customer it is the `customerId` of his orders.
    public let subject: String
    public let roles: Set<Role>
    /// What he is bound to; nil for all that his roles allow.
    public let scopes: Set<Scope>?
    public let kind: Kind

    public init(subject: String, roles: Set<Role>, scopes: Set<Scope>? = nil, kind: Kind = .user) {
        (self.subject, self.roles, self.scopes, self.kind) = (subject, roles, scopes, kind)
    }

    /// Where authentication is off everybody is the administrator and a program of the house.
    public static let open = Principal(subject: "anonymous admin", roles: [.admin, .service], kind: .open)

    /// Who did not say who he is, where everybody is let in.
    public static let nobody = Principal(subject: "nobody", roles: [], scopes: [], kind: .open)
    /// A process of the platform that asks another one for what no client asked for.
    public static let platform = Principal(subject: "waybill", roles: [.service], kind: .platform)

    /// Whether he may set prices: only programs of the house and administrators. For all others the catalogue's hold.
    public var setsPrices: Bool { !roles.isDisjoint(with: [.service, .admin]) }
    /// Whether he may place orders for others.
    public var actsForOthers: Bool { !roles.isDisjoint(with: [.service, .admin, .support]) }
}

/// Finds out who sends a request.
public protocol Authenticator: Sendable {
    /// Who sent it; nil where the request brings no credentials at all.
    /// - Throws: 401 for credentials that do not hold; they are never taken for none.
    func authenticate(_ headers: HTTPFields) async throws(Problem) -> Principal?
}

extension Problem {
    /// Nobody said who he is (RFC 6750, 3: without credentials no error code is given).
    public static let unauthenticated = Problem(
        .unauthorized, "unauthenticated", "This needs a token: send \"Authorization: Bearer ...\". \"waybill token\" makes one.",
        headers: [.wwwAuthenticate: "Bearer realm=\"waybill\""])

    /// A token that does not hold (RFC 6750, 3.1).
    /// - Parameter reason: what is wrong with it, in words without quotation marks and without any part of it.
    public static func invalidToken(_ reason: String) -> Problem {
        Problem(
            .unauthorized, "invalid-token", "The token does not hold: \(reason).",
            headers: [.wwwAuthenticate: "Bearer realm=\"waybill\", error=\"invalid_token\", error_description=\"\(reason)\""])
    }

    /// None of his roles may do this.
    public static func forbidden(_ detail: String) -> Problem { Problem(.forbidden, "forbidden", detail) }

    /// His token is bound to other scopes (RFC 6750, 3.1).
    public static func insufficientScope(_ scope: Scope) -> Problem {
        Problem(
            .forbidden, "insufficient-scope", "The token lacks the scope \(scope.rawValue).",
            headers: [.wwwAuthenticate: "Bearer realm=\"waybill\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""])
    }
}

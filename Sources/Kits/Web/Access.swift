/// What somebody is to the platform. A token, a key or a user has one or several of them.
public enum Role: String, CaseIterable, Sendable, Comparable {
    /// Buys: sees and changes what is his own.
    case customer
    /// Helps customers: sees all orders, places and cancels them for others.
    case support
    /// Keeps the stock and ships.
    case warehouse
    /// Looks after payments and figures.
    case finance
    /// May do everything.
    case admin
    /// A program of the house: a shop, an importer. It sets prices and acts for any customer.
    case service

    public static func < (a: Role, b: Role) -> Bool { a.rawValue < b.rawValue }
}

/// A part of the API, read or changed. A token that names scopes may do nothing beyond them, whatever its roles allow (RFC 6749, 3.3).
public enum Scope: String, CaseIterable, Sendable, Comparable {
    case readOrders = "orders:read"
    case writeOrders = "orders:write"
    case readInventory = "inventory:read"
    case writeInventory = "inventory:write"
    case readPayments = "payments:read"
    case readNotifications = "notifications:read"
    case readAnalytics = "analytics:read"
    case writeAnalytics = "analytics:write"
    case readEvents = "events:read"
    case readWebhooks = "webhooks:read"
    case writeWebhooks = "webhooks:write"
    case readOperations = "operations:read"
    case writeOperations = "operations:write"
    case readIdentity = "identity:read"
    case writeIdentity = "identity:write"

    public static func < (a: Scope, b: Scope) -> Bool { a.rawValue < b.rawValue }
}

/// Who may use a route. Every route states it; all of them together are the table in `docs/access.md`.
public struct Access: Sendable, Hashable {
    /// How a route keeps customers to what is theirs. To them what is another's answers as what does not exist does (RELIABILITY, S15).
    public enum Own: Sendable, Hashable {
        /// Nothing here belongs to anybody.
        case nothing
        /// The handler narrows what it does to ``WebRequest/customer``.
        case byHandler
        /// The order that the path parameter of this name names is the customer's.
        case orderInPath(String)
        /// The order that the query parameter of this name names is the customer's; customers must name one.
        case orderInQuery(String)
    }

    /// Empty: everybody, without saying who he is.
    public let roles: Set<Role>
    /// What a token that names scopes must name; nil for nothing.
    public let scope: Scope?
    /// What of it is a customer's, who has no other role that is let in here.
    public let own: Own

    /// No credentials are asked for.
    public static let everyone = Access(roles: [], scope: nil, own: .nothing)

    /// Whoever has one of the roles, and the scope if he is bound to scopes.
    public static func roles(_ roles: Set<Role>, _ scope: Scope, own: Own = .nothing) -> Access { Access(roles: roles, scope: scope, own: own) }
    /// Whoever is known, with the scope.
    public static func anyRole(_ scope: Scope) -> Access { Access(roles: Set(Role.allCases), scope: scope, own: .nothing) }

    /// Whoever is known, whatever his scopes: for what is nothing but a way to other routes, which have rules of their own.
    public static let known = Access(roles: Set(Role.allCases), scope: nil, own: .nothing)

    /// What becomes of a request.
    public enum Verdict: Sendable, Equatable {
        /// Let in; a customer to what is his own only.
        case allowed(isOwnOnly: Bool)
        /// He has to say who he is.
        case unauthenticated
        /// None of his roles is let in.
        case forbiddenRole
        /// His roles are let in, and his token is bound to other scopes.
        case forbiddenScope(Scope)
    }

    /// - Parameter principal: nil for one who did not say who he is.
    public func verdict(on principal: Principal?) -> Verdict {
        if roles.isEmpty { return .allowed(isOwnOnly: false) }
        guard let principal else { return .unauthenticated }
        let admitted = principal.roles.intersection(roles)
        guard !admitted.isEmpty else { return .forbiddenRole }
        if let scope, let scopes = principal.scopes, !scopes.contains(scope) { return .forbiddenScope(scope) }
        return .allowed(isOwnOnly: own != .nothing && admitted == [.customer])
    }
}

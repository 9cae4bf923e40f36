import HTTPTypes
import Web
import Wire

/// Decides who is let in to what: who sends a request, whether the route's rule lets him in, and whether what he asks for is his.
public struct AccessControl: Sendable {
    /// What is asked of those who send requests.
    public enum Mode: Sendable {
        /// Nothing: everybody may do everything. For development, and for what stands behind somebody else's gateway.
        case open
        /// To say who they are. Without an authenticator only the platform's own gateways are believed.
        case required((any Authenticator)?)
    }

    /// Who sends a request.
    struct Caller: Sendable {
        /// Nil for one who did not say.
        let principal: Principal?
        /// Whether a gateway of the platform has let him in already; what is whose it has looked up.
        let isVouchedFor: Bool
    }

    private let mode: Mode
    private let identity: InternalIdentity?
    private let owners: OrderOwners?

    /// - Parameters:
    ///   - identity: reads what gateways of the platform say about who sends a request; nil where there are none.
    ///   - owners: tells whose an order is; nil where only gateways ask, which have looked it up.
    public init(_ mode: Mode, identity: InternalIdentity? = nil, owners: OrderOwners? = nil) {
        (self.mode, self.identity, self.owners) = (mode, identity, owners)
    }

    /// Finds out who sends a request. Where everybody is let in nobody is asked: who renews an expired token may send it along.
    /// - Throws: ``Problem`` 401 for credentials that do not hold: they are never taken for none.
    func caller(_ headers: HTTPFields, for access: Access) async throws(Problem) -> Caller {
        if access == .everyone { return Caller(principal: nil, isVouchedFor: false) }
        if let identity, let principal = try identity.principal(headers) { return Caller(principal: principal, isVouchedFor: true) }
        switch mode {
        case .open: return Caller(principal: .open, isVouchedFor: false)
        case .required(let authenticator): return Caller(principal: try await authenticator?.authenticate(headers), isVouchedFor: false)
        }
    }

    /// Lets a caller in to a route.
    /// - Returns: whether it is to what is his own only.
    /// - Throws: ``Problem``: 401, 403, or 404 for what is another's.
    func admit(_ caller: Caller, to access: Access, parameters: [String: String], query: [(name: String, value: String)]) async throws -> Bool {
        switch access.verdict(on: caller.principal) {
        case .unauthenticated: throw Problem.unauthenticated
        case .forbiddenRole:
            throw Problem.forbidden("This is for \(access.roles.sorted().map(\.rawValue).joined(separator: ", ")).")
        case .forbiddenScope(let scope): throw Problem.insufficientScope(scope)
        case .allowed(let isOwnOnly):
            guard isOwnOnly, !caller.isVouchedFor, let subject = caller.principal?.subject else { return isOwnOnly }
            try await check(access.own, of: subject, parameters, query)
            return true
        }
    }

    private func check(_ own: Access.Own, of subject: String, _ parameters: [String: String], _ query: [(name: String, value: String)]) async throws {
        switch own {
        case .nothing, .byHandler: return
        case .orderInPath(let name): try await check(parameters[name], of: subject)
        case .orderInQuery(let name):
            let values = query.filter { $0.name == name }
            guard let first = values.first else { throw Problem.badParameter(name, "is required of customers") }
            // The route refuses a parameter that is given twice; until then no value of it may be another's.
            guard values.count == 1 else { throw Problem.badParameter(name, "is given more than once") }
            try await check(first.value, of: subject)
        }
    }

    /// What is another's, or a guest's, answers as what does not exist does (RELIABILITY, S15).
    private func check(_ text: String?, of subject: String) async throws {
        guard let id = text.flatMap({ Identifier($0) }), let owners, try await owners.owner(of: id) == .customer(subject) else {
            throw Problem.notFound("order")
        }
    }
}

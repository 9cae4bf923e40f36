import Messaging
import Security
import Storage
import Web
import Wire

/// Revocations over HTTP: an administrator ends others' tokens, whom they were stolen from or to whom they should not have been given.
struct ManageRevocations: Sendable {
    let database: any Database
    let context: ServiceContext
    let ledger: RevocationLedger

    /// `GET /identity/revocations`: those whose tokens have not all expired.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let after = page.after ?? Identifier(high: 0, low: 0)
        let revocations = try await database.read { try RevocationTable.list(after: after, limit: page.limit + 1, in: $0) }
        return page.response(revocations, id: \.id) { json, revocation in json.object { revocation.write(to: &$0) } }
    }

    /// `DELETE /identity/tokens/{id}`: one token, by its `jti`, whether or not anybody here knows it.
    func revokeToken(_ request: WebRequest) async throws -> WebResponse {
        let (id, actor) = (try request.identifier("id", of: "token"), try request.actor())
        return try await revoke(actor, "token.revoke", "\(id)", after: "it holds no longer") { [ledger] transaction in
            let revocation = ledger.revocation(of: .token, "\(id)")
            try RevocationTable.add(revocation, in: transaction)
            return revocation
        }
    }

    /// `DELETE /identity/subjects/{subject}/tokens`: all that somebody has by now, his logins included.
    func revokeAll(_ request: WebRequest) async throws -> WebResponse {
        let (subject, actor) = (request.parameters["subject"] ?? "", try request.actor())
        // No token is about anybody else (``TokenClaims``).
        guard (1...255).contains(subject.utf8.count), subject.utf8.allSatisfy({ (33...126).contains($0) }) else { throw Problem.notFound("subject") }
        return try await revoke(actor, "subject.revoke", subject, after: "all tokens and logins until now are ended") { [ledger] transaction in
            try ledger.endAll(of: subject, because: "revoked by an administrator", in: transaction)
        }
    }

    private func revoke(
        _ actor: String, _ action: String, _ subject: String, after words: String, _ body: @escaping @Sendable (any Transaction) throws -> Revocation
    ) async throws -> WebResponse {
        let log = AdminLog(context: context)
        let revocation = try await database.write { transaction in
            let revocation = try body(transaction)
            try log.record(actor: actor, action: action, subject: subject, before: "in use, or unknown", after: words, in: transaction)
            return revocation
        }
        ledger.hold(revocation)
        return .json { revocation.write(to: &$0) }
    }
}

/// `POST /internal/revocations`, at the root: a gateway in another process asks what was revoked. It shows by the processes' own secret that it is one of them; gateways
/// do not offer this path.
struct ShowRevocations: Sendable {
    let database: any Database
    let trust: InternalTrust

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        guard trust.covers(request.headers) else { throw Problem.unauthenticated }
        guard let after = try request.object()["after"]?.string.flatMap({ Identifier($0) }) else {
            throw Problem(.badRequest, "bad-position", "\"after\" must be an identifier.")
        }
        // From the database, not from memory: another process may have revoked something a moment ago.
        let revocations = try await database.read { try RevocationTable.list(after: after, limit: FollowRevocations.pageSize, in: $0) }
        return .json(capacity: 128 * (revocations.count + 1)) { json in
            json.key("items")
            json.array(revocations) { json, revocation in json.object { revocation.write(to: &$0) } }
        }
    }
}

extension Revocation {
    func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("kind", kind.rawValue)
        json.member("name", name)
        json.member("revokedAt", at)
        json.member("endsAt", endsAt)
    }

    /// Reads what ``ShowRevocations`` writes; nil for anything else.
    public init?(_ json: JSONValue) {
        guard let id = json["id"]?.string.flatMap({ Identifier($0) }), let kind = json["kind"]?.string.flatMap({ Kind(rawValue: $0) }),
            let name = json["name"]?.string, let at = json["revokedAt"]?.string.flatMap({ Timestamp($0) }),
            let end = json["endsAt"]?.string.flatMap({ Timestamp($0) })
        else { return nil }
        self.init(id: id, kind: kind, name: name, at: at, endsAt: end)
    }
}

import HTTPTypes
import Messaging
import Security
import Storage
import Web
import Wire

/// Programs that get tokens with an id and a secret, over HTTP. The secret is in the answer that makes it, and nowhere else.
struct ManageClients: Sendable {
    let database: any Database
    let context: ServiceContext
    let ledger: RevocationLedger

    /// `POST /identity/clients`. The caller chooses the id, so that a request that is repeated makes no second client.
    func create(_ request: WebRequest) async throws -> WebResponse {
        let body = BodyReader(try request.object())
        body.allow("clientId", "roles", "scopes")
        let name = body.name("clientId") ?? ""
        let authority = body.authority()
        try body.finish()
        let (secret, actor) = (Secrets.make(), try request.actor())
        let client = RegisteredClient(
            row: context.newID(), name: name, secret: Secrets.digest(secret), authority: authority, createdAt: context.now, createdBy: actor, revokedAt: nil)
        let log = AdminLog(context: context)
        let isNew = try await database.write { transaction in
            guard try ClientTable.add(client, in: transaction) else { return false }
            try log.record(actor: actor, action: "client.create", subject: name, before: nil, after: client.json, in: transaction)
            return true
        }
        guard isNew else { throw Problem(.conflict, "client-exists", "There is or was a client with this id; choose another one.") }
        return .json(.created, headers: HTTPFields().withoutStore) { json in
            client.write(to: &json)
            json.member("clientSecret", secret)
        }
    }

    /// `GET /identity/clients`.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let clients = try await database.read { try ClientTable.list(after: page.after, limit: page.limit + 1, in: $0) }
        return page.response(clients, id: \.row) { json, client in json.object { client.write(to: &$0) } }
    }

    /// `DELETE /identity/clients/{id}`: it gets no token any more, and those that it has hold no longer.
    func revoke(_ request: WebRequest) async throws -> WebResponse {
        let (name, actor, now) = (request.parameters["id"] ?? "", try request.actor(), context.now)
        let log = AdminLog(context: context)
        let (client, revocation): (RegisteredClient?, Revocation?) = try await database.write { [ledger] transaction in
            guard let before = try ClientTable.find(name, in: transaction) else { return (nil, nil) }
            guard try ClientTable.revoke(name, at: now, in: transaction) else { return (before, nil) }
            let revocation = ledger.revocation(of: .subject, name)
            try RevocationTable.add(revocation, in: transaction)
            let after = try ClientTable.find(name, in: transaction)
            try log.record(actor: actor, action: "client.revoke", subject: name, before: before.json, after: after?.json, in: transaction)
            return (after, revocation)
        }
        ledger.hold(revocation)
        guard let client else { throw Problem.notFound("client") }
        return .json { client.write(to: &$0) }
    }
}

extension BodyReader {
    /// Who somebody is in tokens (`sub`), where that is not his name: up to 100 visible ASCII characters (OpenID Connect Core, 2: ASCII, at most 255).
    func subject() -> String? {
        guard let text = string("subject", maximum: 100) else { return nil }
        guard text.utf8.allSatisfy({ (33...126).contains($0) }) else {
            refuse("subject", "must have visible ASCII characters only")
            return nil
        }
        return text
    }

    /// A name that may stand in URLs, tokens and logs: 1 to 64 letters, digits, dots, hyphens and underscores.
    func name(_ key: String) -> String? {
        guard let text = string(key, required: true, maximum: 64) else { return nil }
        guard
            text.utf8.allSatisfy({ byte in byte < 128 && (Character(Unicode.Scalar(byte)).isLetter || (48...57).contains(byte) || [45, 46, 95].contains(byte)) }
            )
        else {
            refuse(key, "must have letters, digits, dots, hyphens and underscores only")
            return nil
        }
        return text
    }
}

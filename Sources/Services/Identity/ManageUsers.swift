import Messaging
import Security
import Storage
import Web
import Wire

/// People with passwords, over HTTP.
struct ManageUsers: Sendable {
    /// NIST SP 800-63B, 5.1.1.2: at least 8 characters, and long ones are let be.
    private static let passwordLength = 8...256

    let database: any Database
    let context: ServiceContext
    let ledger: RevocationLedger

    /// `POST /identity/users`.
    func create(_ request: WebRequest) async throws -> WebResponse {
        let body = BodyReader(try request.object())
        body.allow("name", "password", "subject", "roles", "scopes")
        let name = body.name("name") ?? ""
        let password = ManageUsers.password(body) ?? ""
        let subject = body.subject() ?? name
        let authority = body.authority()
        try body.finish()
        let hash: String
        do { hash = try await Passwords.hash(password) } catch { throw Problem.unavailable("More passwords are to be hashed than can be; nothing was done.") }
        let actor = try request.actor()
        let user = User(
            row: context.newID(), name: name, password: hash, subject: subject, authority: authority, createdAt: context.now, createdBy: actor)
        let log = AdminLog(context: context)
        let isNew = try await database.write { transaction in
            guard try UserTable.add(user, in: transaction) else { return false }
            try log.record(actor: actor, action: "user.create", subject: name, before: nil, after: user.json, in: transaction)
            return true
        }
        guard isNew else { throw Problem(.conflict, "user-exists", "There is a user with this name.") }
        return .json(.created) { user.write(to: &$0) }
    }

    private static func password(_ body: BodyReader) -> String? {
        guard let password = body.value("password", required: true) else { return nil }
        guard let text = password.string, passwordLength.contains(text.unicodeScalars.count) else {
            body.refuse("password", "must be a text of \(passwordLength.lowerBound) to \(passwordLength.upperBound) characters")
            return nil
        }
        return text
    }

    /// `GET /identity/users`.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let users = try await database.read { try UserTable.list(after: page.after, limit: page.limit + 1, in: $0) }
        return page.response(users, id: \.row) { json, user in json.object { user.write(to: &$0) } }
    }

    /// `DELETE /identity/users/{name}`: he cannot log in any more, nor renew a login, and his tokens hold no longer.
    func delete(_ request: WebRequest) async throws -> WebResponse {
        let (name, actor, now) = (request.parameters["name"] ?? "", try request.actor(), context.now)
        let log = AdminLog(context: context)
        let (user, revocation): (User?, Revocation?) = try await database.write { [ledger] transaction in
            guard let user = try UserTable.find(name, in: transaction) else { return (nil, nil) }
            let revocation = ledger.revocation(of: .subject, user.subject)
            try RevocationTable.add(revocation, in: transaction)
            try UserTable.delete(name, in: transaction)
            try LoginTable.revokeAll(of: name, because: "user deleted", at: now, in: transaction)
            try log.record(actor: actor, action: "user.delete", subject: name, before: user.json, after: nil, in: transaction)
            return (user, revocation)
        }
        ledger.hold(revocation)
        guard let user else { throw Problem.notFound("user") }
        return .json { user.write(to: &$0) }
    }
}

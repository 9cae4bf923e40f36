import HTTPTypes
import Messaging
import Security
import Storage
import Web
import Wire

/// `POST /auth/token` (RFC 6749, 3.2).
struct IssueToken: Sendable {
    let database: any Database
    let mint: TokenMint
    let throttle: LoginThrottle
    let context: ServiceContext
    let ledger: RevocationLedger

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        do {
            let wish = try TokenRequest(request)
            switch try wish.required("grant_type") {
            case "client_credentials": return try await clientCredentials(wish)
            case "password": return try await password(wish)
            case "refresh_token": return try await refresh(wish)
            default: throw TokenError.unsupportedGrant
            }
        } catch let error as TokenError { return error.response }
    }

    /// A program, for itself (RFC 6749, 4.4). It gets no refresh token: it can ask again.
    private func clientCredentials(_ request: TokenRequest) async throws -> WebResponse {
        guard let client = try await authenticated(request) else { throw TokenError.invalidClient }
        guard let authority = client.authority.narrowed(to: request["scope"]) else { throw TokenError.invalidScope }
        return try await answer(Grant(subject: client.name, authority: authority, client: client.name), refresh: nil)
    }

    /// A person, by name and password (RFC 6749, 4.3): for trials and own command lines; browsers use an identity provider.
    private func password(_ request: TokenRequest) async throws -> WebResponse {
        let (name, password) = (try request.required("username"), try request.required("password"))
        let client = try await authenticated(request)
        guard name.utf8.count <= 256, password.utf8.count <= 1024 else { throw TokenError.invalidLogin }
        let wait = throttle.wait(for: name, at: context.now)
        guard wait == 0 else { throw TokenError.tooManyFailures(retryAfterSeconds: wait) }
        throttle.begin(name, at: context.now)
        let user = try await database.read { try UserTable.find(name, in: $0) }
        guard try await isRight(password, user), let user else { throw TokenError.invalidLogin }
        throttle.succeed(name)
        guard let authority = user.authority.narrowed(to: request["scope"]) else { throw TokenError.invalidScope }
        let (token, now) = (Secrets.make(), context.now)
        let login = Login(
            id: context.newID(), user: name, client: client?.name, scopes: request["scope"],
            expiresAt: now.advanced(byMilliseconds: mint.configuration.loginMilliseconds))
        try await database.write { try LoginTable.begin(login, token: Secrets.digest(token), at: now, in: $0) }
        return try await answer(Grant(subject: user.subject, authority: authority, client: client?.name, login: login.id), refresh: token)
    }

    /// A login goes on (RFC 6749, 6), with what the user may do by now. Every refresh token is good once (RFC 9700, 4.14.2).
    private func refresh(_ request: TokenRequest) async throws -> WebResponse {
        let given = try request.required("refresh_token")
        let client = try await authenticated(request)
        let renewal = RenewLogin(token: given, client: client?.name, scope: request["scope"], at: context.now)
        let log = AdminLog(context: context)
        let (outcome, revocation) = try await database.write { [ledger] in try renewal.run(log: log, ledger: ledger, in: $0) }
        ledger.hold(revocation)
        return try await answer(outcome.get(), refresh: renewal.next)
    }

    /// The client that the request comes from; nil where none says so.
    /// - Throws: ``TokenError`` `invalid_client` for one that cannot show that it is the one it says.
    private func authenticated(_ request: TokenRequest) async throws -> RegisteredClient? {
        guard let given = request.client else { return nil }
        let client = given.id.utf8.count <= 64 ? try await database.read { try ClientTable.find(given.id, in: $0) } : nil
        let isRight = Secrets.areEqual(client?.secret ?? Secrets.nobodys, Secrets.digest(given.secret))
        guard let client, isRight, client.revokedAt == nil else { throw TokenError.invalidClient }
        return client
    }

    /// It takes as long for a user who does not exist.
    private func isRight(_ password: String, _ user: User?) async throws -> Bool {
        do { return try await Passwords.verify(password, against: user?.password ?? Passwords.decoy) } catch { throw TokenError.busy }
    }

    private func answer(_ grant: Grant, refresh: String?) async throws -> WebResponse {
        let (token, end) = try await mint.token(for: grant)
        let seconds = (end.milliseconds - context.now.milliseconds) / 1000
        return .json(headers: HTTPFields().withoutStore, capacity: 1024) { json in
            json.member("access_token", token)
            json.member("token_type", "Bearer")
            json.member("expires_in", seconds)
            json.optional("refresh_token", refresh)
            json.optional("scope", grant.authority.scopeText)
        }
    }
}

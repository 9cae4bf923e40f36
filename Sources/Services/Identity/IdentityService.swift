import Messaging
import Security
import ServiceLifecycle
import Storage
import Web
import Wire

/// Identity: issues tokens to programs and people, knows API keys, and keeps the keys that sign. An identity provider of the house (Keycloak, Auth0) can take its
/// place: nothing else of the platform knows where a token comes from.
public final class IdentityService: ServiceModule {
    public let name = "identity"
    public let database: any Database
    /// The schema of its database.
    public static let migrations = IdentitySchema.migrations
    public var migrations: [Migration] { Self.migrations }
    public var handler: (any EventHandler)? { nil }
    /// The keys by which its tokens are verified.
    public let keys: SigningKeyRing
    private let environment: ServiceEnvironment
    private let configuration: IdentityConfiguration
    private let trust: InternalTrust?
    private let ring: APIKeyRing
    private let throttle = LoginThrottle()
    private let ledger: RevocationLedger
    /// What was revoked, kept up to date with the database.
    public let revocations: FollowRevocations
    /// Reads the tokens that come to be revoked; what it remembers of them is of no use.
    private let verifier: TokenVerifier

    /// - Parameter trust: knows the platform's other processes, which may ask whose an API key is; nil where there are none.
    public init(_ environment: ServiceEnvironment, configuration: IdentityConfiguration = IdentityConfiguration(), trust: InternalTrust? = nil) {
        (self.environment, self.configuration, self.trust) = (environment, configuration, trust)
        database = environment.database
        keys = SigningKeyRing(database: environment.database, context: environment.context)
        ring = APIKeyRing(environment)
        let (database, context) = (environment.database, environment.context)
        ledger = RevocationLedger(revoked: RevokedTokens(), context: context)
        revocations = FollowRevocations(ledger.revoked, context: context, logger: environment.logger) { after in
            try await database.read { try RevocationTable.list(after: after, limit: FollowRevocations.pageSize, in: $0) }
        }
        verifier = TokenVerifier(
            keys: keys, issuers: [configuration.issuer], audience: configuration.audience, cacheCapacity: 1, now: { context.now })
    }

    /// Brings the schema up to date, makes the first key, and reads what was revoked.
    /// - Throws: ``StorageError``, ``MigrationError``.
    public func open() async throws {
        try await database.migrate(migrations, owner: name)
        try await keys.open()
        try await revocations.refresh()
    }

    /// Whose an API key is; nil where it does not hold.
    /// - Throws: ``StorageError``.
    public func principal(_ key: APIKeyText) async throws -> Principal? { try await ring.principal(key) }

    /// A token for somebody who needs none to get it: for who has the database itself.
    /// - Parameter lifetimeMilliseconds: at most a day; nil for the configured one.
    public func token(subject: String, roles: Set<Role>, scopes: Set<Scope>? = nil, lifetimeMilliseconds: Int64? = nil) async throws -> String {
        let grant = Grant(subject: subject, authority: Authority(roles: roles, scopes: scopes), client: nil)
        return try await mint.token(for: grant, lifetimeMilliseconds: lifetimeMilliseconds).token
    }

    private var mint: TokenMint { TokenMint(configuration: configuration, keys: keys, context: environment.context) }

    public var routes: [Route] {
        let context = environment.context
        let clients = ManageClients(database: database, context: context, ledger: ledger)
        let users = ManageUsers(database: database, context: context, ledger: ledger)
        let revoking = ManageRevocations(database: database, context: context, ledger: ledger)
        let apiKeys = ManageAPIKeys(database: database, context: context, ring: ring)
        let signing = ManageSigningKeys(keys: keys, context: context)
        let actions = ListActions(database: database)
        return endpoints + [
            Route(.post, "/identity/clients", .createClient, access: .changesIdentity) { try await clients.create($0) },
            Route(.get, "/identity/clients", .listClients, access: .readsIdentity) { try await clients.list($0) },
            Route(.delete, "/identity/clients/{id}", .revokeClient, access: .changesIdentity) { try await clients.revoke($0) },
            Route(.post, "/identity/users", .createUser, access: .changesIdentity) { try await users.create($0) },
            Route(.get, "/identity/users", .listUsers, access: .readsIdentity) { try await users.list($0) },
            Route(.delete, "/identity/users/{name}", .deleteUser, access: .changesIdentity) { try await users.delete($0) },
            Route(.post, "/identity/api-keys", .createAPIKey, access: .changesIdentity) { try await apiKeys.create($0) },
            Route(.get, "/identity/api-keys", .listAPIKeys, access: .readsIdentity) { try await apiKeys.list($0) },
            Route(.delete, "/identity/api-keys/{id}", .revokeAPIKey, access: .changesIdentity) { try await apiKeys.revoke($0) },
            Route(.get, "/identity/keys", .listSigningKeys, access: .readsIdentity) { try await signing.list($0) },
            Route(.post, "/identity/keys/rotate", .rotateSigningKeys, access: .changesIdentity) { try await signing.rotate($0) },
            Route(.delete, "/identity/keys/{id}", .revokeSigningKey, access: .changesIdentity) { try await signing.revoke($0) },
            Route(.get, "/identity/revocations", .listRevocations, access: .readsIdentity) { try await revoking.list($0) },
            Route(.delete, "/identity/tokens/{id}", .revokeTokenByID, access: .changesIdentity) { try await revoking.revokeToken($0) },
            Route(.delete, "/identity/subjects/{subject}/tokens", .revokeSubject, access: .changesIdentity) { try await revoking.revokeAll($0) },
            Route(.get, "/identity/actions", .listIdentityActions, access: .readsIdentity) { try await actions($0) },
        ]
    }

    /// What is where OAuth's clients look for it, at the root.
    public var rootRoutes: [Route] {
        let publish = PublishKeys(keys: keys)
        return endpoints + [Route(.get, "/.well-known/jwks.json", .showKeys, access: .everyone) { try await publish.jwks($0) }]
    }

    /// What only the platform's other processes use, at the root; a gateway does not pass it on.
    public var internalRoutes: [Route] {
        guard let trust else { return [] }
        let verify = VerifyAPIKey(ring: ring, trust: trust)
        let show = ShowRevocations(database: database, trust: trust)
        return [
            Route(.post, "/internal/api-keys/verify", access: .everyone) { try await verify($0) },
            Route(.post, "/internal/revocations", access: .everyone) { try await show($0) },
        ]
    }

    /// Who comes here shows who he is by what he brings.
    private var endpoints: [Route] {
        let context = environment.context
        let issue = IssueToken(database: database, mint: mint, throttle: throttle, context: context, ledger: ledger)
        let revoke = RevokeToken(database: database, context: context, ledger: ledger, verifier: verifier)
        return [
            Route(.post, "/auth/token", .issueToken, access: .everyone) { try await issue($0) },
            Route(.post, "/auth/revoke", .revokeToken, access: .everyone) { try await revoke($0) },
        ]
    }

    public var runners: [any Service] {
        [
            ring, WatchSigningKeys(keys: keys, context: environment.context), revocations,
            PruneLogins(database: database, context: environment.context, logger: environment.logger),
        ]
    }
}

extension Access {
    fileprivate static let readsIdentity = Access.roles([.admin], .readIdentity)
    fileprivate static let changesIdentity = Access.roles([.admin], .writeIdentity)
}

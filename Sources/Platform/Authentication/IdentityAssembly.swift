import Identity
import Logging
import Messaging
import Observability
import Security
import ServiceLifecycle
import Storage
import Web
import Wire

/// Identity as this process needs it: the service itself where it runs here, and what finds out who sends a request where this is a gateway.
struct IdentityAssembly: Sendable {
    /// On its database, or, where it runs elsewhere, for what it offers.
    let service: IdentityService
    let isLocal: Bool
    /// What finds out who sends a request; nil where nobody is asked, or only gateways are believed.
    let authenticator: (any Authenticator)?
    private let remote: RemoteIdentity?
    private let documents: [KeyDocument]
    private let keepers: [KeepKeys]
    /// What tells a gateway what Identity revokes, where that runs elsewhere.
    private let follower: FollowRevocations?
    private let discovery: Discovery?

    /// Prepares it; nothing is opened or connected yet.
    /// - Parameter environment: of the service, where it runs here.
    /// - Throws: ``PlatformError`` for a configuration that cannot be used.
    init(_ configuration: PlatformConfiguration, isLocal: Bool, environment: ServiceEnvironment, logger: Logger) throws {
        let engines = configuration.engines
        let now: @Sendable () -> Timestamp = { environment.context.now }
        self.isLocal = isLocal
        service = IdentityService(
            environment, configuration: configuration.identity, trust: engines.internalSecret.map { InternalTrust(secret: $0.value) })
        let isGateway = engines.runs(.gateway)
        discovery =
            isGateway && configuration.authentication.usesIdentity
            ? Discovery(configuration.identity, address: "http://\(configuration.host):\(configuration.port)") : nil
        guard isGateway, case .required(let settings) = configuration.authentication else {
            (authenticator, remote, documents, keepers, follower) = (nil, nil, [], [], nil)
            return
        }
        let urls = engines.upstreams[.identity] ?? []
        let remote = settings.usesIdentity && !isLocal && !urls.isEmpty ? try RemoteIdentity(urls: urls, secret: engines.internalSecret, now: now) : nil
        self.remote = remote
        var keepers: [KeepKeys] = []
        var trusted: [TrustedIssuer] = []
        if settings.usesIdentity {
            var keys: any KeySource = service.keys
            if let remote {
                let source = KeyWatch(address: "identity", logger: logger).source(now: now) { try await remote.document() }
                keepers.append(KeepKeys(source: source, address: "identity"))
                keys = source
            }
            trusted.append(TrustedIssuer(names: [configuration.identity.issuer], keys: keys, audience: configuration.identity.audience))
        }
        documents = try (settings.provider?.keyURLs ?? []).map { try KeyDocument($0) }
        if let provider = settings.provider {
            let sources = zip(provider.keyURLs, documents).map { url, document in
                KeepKeys(source: KeyWatch(address: url, logger: logger).source(now: now) { try await document.fetch() }, address: url)
            }
            keepers += sources
            trusted.append(
                TrustedIssuer(
                    names: Set(provider.issuers), keys: KeySources(sources: try provider.fixedKeys() + sources.map { $0.source as any KeySource }),
                    audience: provider.audience,
                    requiresNotBefore: false, rolesClaim: provider.rolesClaim))
        }
        self.keepers = keepers
        follower = remote.map { remote in
            FollowRevocations(RevokedTokens(), context: environment.context, logger: logger) { try await remote.revocations(after: $0) }
        }
        let foreign = settings.provider.map { provider in
            Dictionary(provider.issuers.map { ($0, ForeignRoles(provider)) }) { first, _ in first }
        }
        authenticator = TokenAuthenticator(
            verifier: TokenVerifier(trusted: trusted, now: now), foreign: foreign ?? [:],
            keys: IdentityAssembly.lookup(isLocal ? service : nil, remote, settings),
            revocations: settings.usesIdentity ? (isLocal ? service.revocations : follower) : nil, logger: logger)
    }

    private static func lookup(_ service: IdentityService?, _ remote: RemoteIdentity?, _ settings: AuthenticationSettings) -> TokenAuthenticator.KeyLookup? {
        guard settings.usesIdentity else { return nil }
        if let service { return { try await service.principal($0) } }
        if let remote { return { try await remote.principal($0) } }
        return nil
    }

    /// Brings the database up to date and makes the first key, where the service runs here.
    func open() async throws { if isLocal { try await service.open() } }

    /// The service's operations, where it runs here.
    var routes: [Route] { isLocal ? service.routes : [] }

    /// What stands at the root.
    /// - Parameter proxied: how routes of a service elsewhere are offered; nil where it is not known where it runs.
    func rootRoutes(proxied: (([Route]) -> [Route])?) -> [Route] {
        var routes = [discovery?.route].compactMap(\.self)
        if isLocal {
            routes += service.rootRoutes + service.internalRoutes
        } else if discovery != nil, let proxied {
            routes += proxied(service.rootRoutes)
        }
        return routes
    }

    /// Its long tasks.
    var runners: [any Service] { keepers as [any Service] + [follower].compactMap(\.self) + (isLocal ? service.runners : []) }

    /// Shows among the metrics how much of it is remembered.
    func register(in registry: PrometheusRegistry) {
        guard let revoked = (isLocal ? service.revocations : follower)?.revoked else { return }
        registry.registerGauge(name: "waybill_revoked_tokens", help: "Revocations of tokens that are heeded.") { Double(revoked.count) }
    }

    /// Closes the connections to other processes.
    func shutdown() async {
        await remote?.pool.shutdown()
        for document in documents { await document.shutdown() }
    }
}

/// Tells the log what becomes of fetching keys: of changes, and of the first of several failures.
private struct KeyWatch: Sendable {
    let address: String
    let logger: Logger

    func source(now: @escaping @Sendable () -> Timestamp, fetch: @escaping @Sendable () async throws -> [UInt8]) -> JWKSource {
        let (address, logger) = (address, logger)
        return JWKSource(now: now, report: { KeyWatch.report($0, address, logger) }, fetch: fetch)
    }

    private static func report(_ outcome: JWKSource.Outcome, _ address: String, _ logger: Logger) {
        switch outcome {
        case .unchanged: break
        case .changed(let keys, let ignored):
            logger.info("keys for tokens were fetched", metadata: ["from": "\(address)", "keys": "\(keys)", "ignored": "\(ignored)"])
        case .failed(let reason): logger.warning("cannot fetch the keys for tokens", metadata: ["from": "\(address)", "error": "\(reason)"])
        }
    }
}

import Contracts
import Gateway
import Logging
import Messaging
import Observability
import ServiceLifecycle
import Storage
import WaybillClient
import Web
import Wire

/// The services that run in other processes, as this one needs them: their routes where it is a gateway, and the availability check where it takes orders.
struct RemoteServices: Sendable {
    /// By service, in the order of ``ServiceName``.
    private let proxies: [(service: ServiceName, pool: UpstreamPool)]
    /// For the question that comes before every order: a pool of its own, with short times.
    private let inventory: UpstreamPool?

    /// - Throws: ``PlatformError`` for an address that cannot be used.
    init(_ engines: EngineConfiguration, clock: any WallClock, logger: Logger) throws {
        var configuration = UpstreamPool.Configuration()
        configuration.secret = engines.internalSecret
        configuration.identity = engines.internalSecret.map { secret in InternalIdentity(secret: secret.value) { clock.now() } }
        let remote = ServiceName.withDatabase.filter { !engines.runs($0) && engines.upstreams[$0]?.isEmpty == false }
        proxies =
            engines.runs(.gateway)
            ? try remote.map { ($0, try UpstreamPool($0.rawValue, urls: engines.upstreams[$0] ?? [], configuration: configuration)) } : []
        inventory =
            engines.runs(.orders) && remote.contains(.inventory)
            ? try UpstreamPool(
                "inventory-availability", urls: engines.upstreams[.inventory] ?? [],
                configuration: RemoteInventory.configuration(configuration)) : nil
    }

    /// Every pool, to be shut down at the end.
    var pools: [UpstreamPool] { proxies.map(\.pool) + [inventory].compactMap(\.self) }

    /// Asks Inventory where it runs elsewhere; nil where its address is not known.
    var availability: AvailabilityCheck? {
        guard let inventory else { return nil }
        let remote = RemoteInventory(pool: inventory)
        let gathered = GatheredQuestions { try await remote.check($0) }
        return { try await gathered.check($0) }
    }

    /// Whose an order is, where Orders runs elsewhere; nil where its address is not known.
    var owner: OrderOwners.Lookup? {
        guard let pool = proxies.first(where: { $0.service == .orders })?.pool else { return nil }
        return { id in
            // On the platform's own behalf: the client may not see the order, which is what is to be found out.
            let own = RequestScope.current.map { RequestScope(id: $0.id, deadline: $0.deadline, traceparent: $0.traceparent, principal: .platform) }
            let response = try await RequestScope.$current.withValue(own) {
                try await pool.send(ClientRequest(path: "\(WaybillAPI.root)/orders/\(id)"), by: own?.deadline)
            }
            switch response.status {
            case 200: return try JSONParser.parse(response.body)["customerId"]?.string.map { .customer($0) } ?? .guest
            case 404: return .nobody
            default: throw Problem.unavailable("Whose order this is cannot be found out now; nothing was done. Try again.")
            }
        }
    }

    /// The routes of the services that run elsewhere.
    /// - Parameter routes: of a service, by its name.
    func routes(_ routes: (String) -> [Route]) -> [Route] { proxies.flatMap { ProxyRoutes(pool: $0.pool).routes(routes($0.service.rawValue)) } }

    /// How routes of a service that runs elsewhere are offered here; nil where it is not known where it runs.
    func proxied(_ service: ServiceName) -> (([Route]) -> [Route])? {
        proxies.first { $0.service == service }.map { proxy in { ProxyRoutes(pool: proxy.pool).routes($0) } }
    }

    /// What ends the streams that go through this process when it stops; it belongs behind the entry, which would wait for their listeners.
    var runners: [any Service] { proxies.isEmpty ? [] : [EndProxiedStreams(pools: proxies.map(\.pool))] }

    /// The services elsewhere that this process asks; whatever of them is away, what the others do can still be had.
    var dependencies: [DependencyWatch.Dependency] {
        var probes = proxies.map { UpstreamProbe(service: $0.service.rawValue, urls: $0.pool.urls) }
        if let inventory, !proxies.contains(where: { $0.service == .inventory }) { probes.append(UpstreamProbe(service: "inventory", urls: inventory.urls)) }
        return probes.map { probe in
            DependencyWatch.Dependency(name: "service \(probe.service)", isEssential: false, interval: .seconds(5)) { try await probe() }
        }
    }

    /// Shows all pools among the metrics.
    func register(in registry: PrometheusRegistry) { for pool in pools { pool.register(in: registry) } }

    /// Asks every instance whether it is ready.
    func examine() async -> [EngineFinding] {
        var findings: [EngineFinding] = []
        for (_, pool) in proxies { findings += await pool.examine() }
        if proxies.isEmpty, let inventory { findings += await inventory.examine() }
        return findings
    }
}

/// Ends the streams that go through a gateway when it is told to stop; their listeners find another one.
struct EndProxiedStreams: Service, CustomStringConvertible {
    let pools: [UpstreamPool]
    var description: String { "proxied streams" }

    func run() async throws {
        do { try await gracefulShutdown() } catch { return }
        for pool in pools { pool.endStreams() }
    }
}

extension UpstreamPool {
    /// A pool on the machine's clock.
    convenience init(_ name: String, urls: [String], configuration: Configuration) throws {
        try self.init(name, urls: urls, configuration: configuration, milliseconds: AdmissionGate.uptime)
    }
}

import Gateway
import Logging
import Messaging
import Observability
import ServiceLifecycle
import Storage

/// What this process depends on, what of it makes it unready, and how much it knows of the work that waits elsewhere. Decided in docs/adr/0027-readiness.md.
struct ProcessHealth: Sendable {
    private static let probe = SQL("SELECT 1")
    private static let brokerName = "broker"

    let watch: DependencyWatch
    /// The outboxes on an order's way that this process writes to.
    let outboxes: [OutboxWatch]
    /// Nil where no broker carries the events.
    let lags: BrokerLags?
    private let isGatewayOnly: Bool

    /// - Parameters:
    ///   - local: the services that run here.
    ///   - databases: those that this process has opened.
    ///   - replica: the runtime of a service, where a broker carries its events.
    ///   - remotes: the services that run elsewhere.
    ///   - now: the clock that nobody sets.
    init(
        local: Set<String>, databases: [any Database], broker: (any EventBroker)?, replica: (String) -> ServiceReplica?, remotes: RemoteServices,
        clock: any WallClock, logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        var dependencies = databases.map { local.contains($0.name) ? ProcessHealth.own($0) : ProcessHealth.foreign($0) }
        let acceptsOrders = local.contains("orders")
        // Whoever accepts orders wants to know of all who work on them; others only whether the broker is there.
        lags = broker.map { BrokerLags($0, groups: acceptsOrders ? PlatformPressure.onTheWay.sorted() : Array(local.sorted().prefix(1))) }
        if let lags { dependencies.append(ProcessHealth.broker(lags, interval: acceptsOrders ? .seconds(2) : .seconds(5))) }
        watch = DependencyWatch(dependencies + remotes.dependencies, clock: clock, logger: logger, now: now)
        outboxes = databases.compactMap { database in
            guard local.contains(database.name), PlatformPressure.onTheWay.contains(database.name), let own = replica(database.name) else { return nil }
            return OutboxWatch(own, database: database, clock: clock)
        }
        isGatewayOnly = local.isEmpty
    }

    /// What keeps all of it known.
    var runners: [any Service] { [watch as any Service] + outboxes }

    /// Whether the broker does not answer, as far as is known.
    var isBrokerAway: Bool { watch.isFailing(ProcessHealth.brokerName) }

    /// A service that runs here can do nothing without its database.
    private static func own(_ database: any Database) -> DependencyWatch.Dependency {
        DependencyWatch.Dependency(name: "database \(database.name)", isEssential: true) {
            // By the way that a change would take; nothing is written, so nothing is synced.
            try await database.write { _ = try $0.first(probe) { $0.integer(0) } }
        }
    }

    /// The database of another service, which the auditor reads.
    private static func foreign(_ database: any Database) -> DependencyWatch.Dependency {
        DependencyWatch.Dependency(name: "database \(database.name)", isEssential: false) {
            try await database.read { _ = try $0.first(probe) { $0.integer(0) } }
        }
    }

    /// Without the broker orders are accepted, for a while, and everything can be read: events wait in the outboxes.
    private static func broker(_ lags: BrokerLags, interval: Duration) -> DependencyWatch.Dependency {
        DependencyWatch.Dependency(name: brokerName, isEssential: false, tolerance: .seconds(15), interval: interval) { try await lags.look() }
    }

    /// The answer to readiness probes.
    /// - Parameters:
    ///   - broken: why a database of this process has failed for good.
    ///   - isDraining: whether it was told to stop.
    func checks(broken: StorageError?, isDraining: Bool) -> [HealthCheck] {
        let watched = watch.checks
        var checks = [
            HealthCheck("databases", problem: broken.map { "\($0)" }),
            HealthCheck("entry", problem: isDraining ? "the platform is shutting down" : nil),
        ]
        checks += watched
        // A gateway goes on with what can be reached; if that is nothing, another one may reach more.
        if isGatewayOnly, !watched.isEmpty, watched.allSatisfy({ $0.problem != nil }) {
            checks.append(HealthCheck("services", problem: "none of them can be reached"))
        }
        return checks
    }
}

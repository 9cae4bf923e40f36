import Contracts
import Gateway
import Logging
import Messaging
import Metrics
import Observability
import Operations
import PaymentSimulator
import ServiceLifecycle
import Storage
import StorageSQLite
import Synchronization
import Web
import Wire

/// The whole platform in one process: configuration to adapters to services to one service group. The only place that knows adapters and services at once.
public final class WaybillPlatform: Sendable {
    let configuration: PlatformConfiguration
    private let folder: DataFolder?
    let logger: Logger
    let registry: PrometheusRegistry
    private let bus = EventBus(registry: EventCatalog.registry)
    let clock: any WallClock
    private let broken = Mutex<StorageError?>(nil)
    private let identifiers: IdentifierSource
    private let givenBroker: (any EventBroker)?
    /// How long a start waits for databases and a broker that are not there yet.
    static let patience: Duration = .seconds(60)
    /// How long stopping may take (RELIABILITY, L6); whoever has not sent the end of a request by then is cut off.
    static let shutdownLimit: Duration = .seconds(22)

    /// Prepares a platform; nothing is opened but the lock of the data folder.
    /// - Parameters:
    ///   - registry: where the metrics are rendered from.
    ///   - seed: what identifiers derive from; chance in production.
    ///   - broker: what carries the events, in the place of the one that the configuration names.
    /// - Throws: ``PlatformError`` when the data folder cannot be had.
    public init(
        _ configuration: PlatformConfiguration, logger: Logger, registry: PrometheusRegistry, clock: any WallClock = SystemClock(),
        seed: UInt64 = .random(in: .min ... .max), broker: (any EventBroker)? = nil
    ) throws {
        givenBroker = broker
        (self.configuration, self.logger, self.registry, self.clock) = (configuration, logger, registry, clock)
        identifiers = IdentifierSource(seed: seed)
        if case .folder(let path) = configuration.storage, configuration.engines.storage == .sqlite { folder = try DataFolder(path) } else { folder = nil }
    }

    /// Runs until the process is told to stop (SIGTERM, SIGINT) or the surrounding task is cancelled; then finishes what is in flight.
    /// - Parameters:
    ///   - handlesSignals: whether SIGTERM and SIGINT stop this platform; a host that has its own way of stopping says no.
    ///   - onRunning: called with the port once requests are served.
    public func run(handlesSignals: Bool = true, onRunning: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
        let assembly = try await assemble(onRunning)
        var settings = ServiceGroupConfiguration(
            services: assembly.services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: handlesSignals ? [.sigterm, .sigint] : [], logger: logger)
        settings.maximumGracefulShutdownDuration = WaybillPlatform.shutdownLimit
        let group = ServiceGroup(configuration: settings)
        let result: Result<Void, any Error>
        do { result = .success(try await group.run()) } catch { result = .failure(error) }
        await assembly.broker?.close()
        await assembly.cache?.close()
        await assembly.rateLimiting?.close()
        await assembly.outgoing?.close()
        for pool in assembly.remotes { await pool.shutdown() }
        await assembly.identity.shutdown()
        for database in assembly.databases { await database.close() }
        LogWriter.standardError.flush()
        if let error = broken.withLock({ $0 }) { throw PlatformError("stopped because a database failed: \(error)") }
        try result.get()
    }

    struct Assembly {
        let services: [any Service]
        let databases: [any Database]
        let audit: AuditDesk
        let broker: (any EventBroker)?
        let cache: (any VersionedCache)?
        let remotes: [UpstreamPool]
        let rateLimiting: EngineRoom.RateLimiting?
        /// Sends to the outside.
        let outgoing: (any OutgoingClient)?
        /// What is offered below `/api/v1`.
        let routes: [Route]
        let identity: IdentityAssembly
    }

    func assemble(_ onRunning: @escaping @Sendable (Int) async -> Void) async throws -> Assembly {
        let pace = CommitPace()
        let room = EngineRoom(configuration: configuration, logger: logger, pace: pace) { [weak self] in self?.stop($0, $1) }
        let parts = ProcessParts(configuration.engines)
        let ledger = try await open(SimulatedPaymentProvider.owner, in: room, if: parts.reads(SimulatedPaymentProvider.owner))
        let provider = SimulatedPaymentProvider(ledger: ledger, context: context(SimulatedPaymentProvider.owner))
        if parts.runs("payments") { try await patiently("the provider's ledger") { try await provider.open() } }

        var databases: [any Database] = []
        for name in ServiceAssembly.databases { databases.append(try await open(name, in: room, if: parts.reads(name))) }
        let identity = try await openIdentity(in: room, if: parts.runs(ServiceName.identity.rawValue))
        // A gateway carries no events.
        let broker = !parts.carriesEvents ? nil : try givenBroker ?? room.broker()
        let distribution = broker.map { Distribution(broker: $0, instance: configuration.engines.instance, interval: configuration.deliveryInterval) }
        var replicas: [String: ServiceReplica] = [:]
        if let distribution {
            for database in databases where parts.reads(database.name) {
                replicas[database.name] = distribution.replica(
                    of: database, clock: clock, context: context(database.name), logger: logger(for: database.name))
            }
        }
        let wired = replicas
        let remotes = try RemoteServices(configuration.engines, clock: clock, logger: logger)
        let cache = parts.runs("orders") ? try room.cache() : nil
        let opened = databases
        let webhooks = webhooks(isLocal: parts.runs("operations"))
        let services = try await patiently("the databases") { [self] in
            try await ServiceAssembly(
                databases: opened, provider: provider, books: provider, bus: bus, configuration: configuration,
                environment: { environment(of: $0, wired[$0.name], isLocal: parts.runs($0.name)) }, local: parts.local,
                availability: parts.runs("inventory") ? nil : remotes.availability ?? WaybillPlatform.unreachableInventory, distribution: distribution,
                cache: cache, webhooks: webhooks, replica: { wired[$0] })
        }
        if let broker {
            let topology = Distribution.topology(partitions: room.partitions)
            try await patiently("the broker") { try await broker.open(topology) }
        }
        for replica in services.replicas { replica.listen() }
        let present = (databases + [identity.service.database, ledger]).filter { !($0 is AbsentDatabase) }
        register(present, services)
        remotes.register(in: registry)
        identity.register(in: registry)
        if parts.runs("operations") { registerAudit(services.audit) }
        if let dispatcher = services.operations.dispatcher { register(dispatcher) }

        let health = ProcessHealth(
            local: parts.local, databases: present, broker: broker, replica: { wired[$0] }, remotes: remotes, clock: clock, logger: logger)
        health.watch.register(in: registry)
        let pressure = PlatformPressure(services, health: health, clock: clock)
        let strained = configuration.strainedCommitInterval
        let gate = AdmissionGate(
            configuration: configuration.admission, pressure: { pressure() }, strain: { pace.least = $0 ? strained : .zero })
        let elsewhere = remotes.routes { $0 == identity.service.name ? identity.service.routes : services.routes(of: $0) }
        let offered = services.routes + identity.routes + (configuration.engines.runs(.gateway) ? elsewhere : [])
        let routes = configuration.engines.runs(.gateway) ? AllActions.joined(offered) : offered
        let rateLimiting = configuration.engines.runs(.gateway) ? try room.rateLimiting() : nil
        let gateway = GatewayServer(
            host: configuration.host, port: configuration.port, routes: routes, root: identity.rootRoutes(proxied: remotes.proxied(.identity)), gate: gate,
            maximumConnections: configuration.maximumConnections, registry: registry,
            readiness: { [weak self] in health.checks(broken: self?.broken.withLock { $0 }, isDraining: gate.isDraining) },
            offersGraphQL: configuration.engines.runs(.gateway), control: accessControl(identity, services, remotes),
            trust: configuration.engines.internalSecret.map { InternalTrust(secret: $0.value) }, edge: configuration.edge, limits: rateLimiting?.limits,
            events: { AsyncAPIDocument.json },
            docs: configuration.docsFolder.flatMap { DocsAssets(folder: $0) }, context: context("gateway"),
            logger: logger(for: "gateway"),
            onRunning: onRunning)
        let farewell = Farewell(gate: gate, delay: configuration.drainDelay, clock: clock)
        // Stopped in reverse: first those outside are told, then the streams end, which would keep the entry waiting for their listeners, then the entry, then the patience
        // with servers that are away, then what works on, then what leads its events away, last what writes the log.
        var runners: [any Service] = [LogFlusher(clock: clock)]
        runners += watches(services, databases, wired, broker) as [any Service]
        runners += services.relays
        runners += services.janitors as [any Service]
        if parts.runs("operations") { runners += services.audit.runners }
        runners += services.appliers
        runners += services.workers
        runners += identity.runners
        runners += health.runners
        runners.append(EndOfPatience(databases: present))
        runners.append(gateway)
        runners += remotes.runners
        if parts.runs("operations") { runners += services.operations.runners }
        runners.append(farewell)
        return Assembly(
            services: runners, databases: present, audit: services.audit, broker: broker, cache: cache, remotes: remotes.pools, rateLimiting: rateLimiting,
            outgoing: webhooks.client, routes: routes, identity: identity)
    }

    func environment(of database: any Database, _ replica: ServiceReplica?, isLocal: Bool = true) -> ServiceEnvironment {
        let (owner, logger) = (configuration.engines.instance, logger(for: database.name))
        let role = replica.map { replica in
            guard isLocal else { return ProcessRole.elsewhere }
            return ProcessRole(
                isAlone: false, jobClaimMilliseconds: Distribution.jobClaimMilliseconds,
                lease: { [clock] name in Lease(name: name, owner: owner, database: database, clock: clock, logger: logger) },
                isInCharge: { replica.replicas.lease.isHeld })
        }
        return ServiceEnvironment(
            database: database, context: context(database.name), outbox: Outbox(sink: replica?.sink ?? bus), logger: logger, role: role ?? .alone)
    }

    /// Identity beside the services that live by events; where its tokens hold for nobody it is not there.
    private func openIdentity(in room: EngineRoom, if isNeeded: Bool) async throws -> IdentityAssembly {
        let isLocal = isNeeded && configuration.authentication.usesIdentity
        let database = try await open(ServiceName.identity.rawValue, in: room, if: isLocal)
        let identity = try IdentityAssembly(configuration, isLocal: isLocal, environment: environment(of: database, nil), logger: logger(for: database.name))
        try await patiently("the database of identity") { try await identity.open() }
        return identity
    }

    private func open(_ name: String, in room: EngineRoom, if isNeeded: Bool) async throws -> any Database {
        isNeeded ? try room.database(name) : AbsentDatabase(name: name)
    }

    /// Tries again for a while what fails because an engine is not there yet: processes and their engines are started in any order.
    private func patiently<T: Sendable>(_ thing: String, _ body: @Sendable () async throws -> T) async throws -> T {
        let deadline = ContinuousClock.now + WaybillPlatform.patience
        var pause: Duration = .milliseconds(200)
        while true {
            do { return try await body() } catch let error where WaybillPlatform.isOutage(error) && ContinuousClock.now < deadline {
                logger.warning("waiting for \(thing)", metadata: ["error": "\(error)"])
                try await clock.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }

    /// Where Inventory runs elsewhere and nobody said where: orders are let through, and the saga decides.
    private static let unreachableInventory: AvailabilityCheck = { _ in throw PlatformError("the configuration names no upstream for inventory") }

    private static func isOutage(_ error: any Error) -> Bool {
        switch error {
        case StorageError.overloaded, StorageError.away, BrokerError.unavailable: true
        default: false
        }
    }

    func context(_ name: String) -> ServiceContext { ServiceContext(service: name, clock: clock, identifiers: identifiers) }

    func logger(for name: String) -> Logger {
        var logger = logger
        logger[metadataKey: "service"] = "\(name)"
        return logger
    }

    /// A medium that failed may have lost what was not durable: only a restart, which recovers, can tell (RELIABILITY, trap 12).
    private func stop(_ error: StorageError, _ name: String) {
        broken.withLock { $0 = error }
        logger.critical("a database failed; the process stops so that a restart can recover", metadata: ["database": "\(name)", "error": "\(error)"])
        LogWriter.standardError.flush()
        raiseTermination()
    }

    private func register(_ databases: [any Database], _ services: ServiceAssembly) {
        for database in databases {
            registry.registerGauge(name: "waybill_storage_waiting_writes", help: "Writes that wait for a commit.", labels: [("database", database.name)]) {
                [weak database] in Double(database?.waitingWrites ?? 0)
            }
        }
        for replica in services.replicas { register(replica.relay) }
        for consumer in services.consumers {
            registry.registerGauge(name: "waybill_feed_backlog", help: "Events in a consumer's feed.", labels: [("consumer", consumer.feed.consumer)]) {
                [feed = consumer.feed] in Double(feed.backlog)
            }
            registry.registerGauge(
                name: "waybill_dead_letters_open", help: "Dead letters that nobody has redriven or archived.", labels: [("consumer", consumer.feed.consumer)]
            ) { [backlog = consumer.backlog] in Double(backlog.deadLetters) }
            registry.registerGauge(
                name: "waybill_parked_events", help: "Events that wait for another attempt, or behind one that does.",
                labels: [("consumer", consumer.feed.consumer)]
            ) { [backlog = consumer.backlog] in Double(backlog.parked) }
        }
    }

    private func register(_ relay: OutboxRelay) {
        let labels = [("service", relay.service)]
        registry.registerGauge(name: "waybill_outbox_backlog", help: "Events that wait to be published; at most some thousands are counted.", labels: labels) {
            Double(relay.backlog)
        }
        registry.registerGauge(name: "waybill_outbox_held_orders", help: "Orders of which the broker refuses something.", labels: labels) {
            Double(relay.held)
        }
        registry.registerGauge(
            name: "waybill_outbox_oldest_age_seconds", help: "Age of the oldest event that waits to be published.", labels: labels
        ) { [clock] in
            relay.oldest.map { Double(max(0, clock.now().milliseconds - $0.milliseconds)) / 1000 } ?? 0
        }
    }
}

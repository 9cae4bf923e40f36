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
    private let configuration: PlatformConfiguration
    private let folder: DataFolder?
    private let logger: Logger
    let registry: PrometheusRegistry
    private let bus = EventBus(registry: EventCatalog.registry)
    let clock: any WallClock
    private let broken = Mutex<StorageError?>(nil)
    private let identifiers: IdentifierSource
    /// How long stopping may take (RELIABILITY, L6); whoever has not sent the end of a request by then is cut off.
    static let shutdownLimit: Duration = .seconds(22)

    /// Prepares a platform; nothing is opened but the lock of the data folder.
    /// - Parameters:
    ///   - registry: where the metrics are rendered from.
    ///   - seed: what identifiers derive from; chance in production.
    /// - Throws: ``PlatformError`` when the data folder cannot be had.
    public init(
        _ configuration: PlatformConfiguration, logger: Logger, registry: PrometheusRegistry, clock: any WallClock = SystemClock(),
        seed: UInt64 = .random(in: .min ... .max)
    ) throws {
        (self.configuration, self.logger, self.registry, self.clock) = (configuration, logger, registry, clock)
        identifiers = IdentifierSource(seed: seed)
        if case .folder(let path) = configuration.storage { folder = try DataFolder(path) } else { folder = nil }
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
        for database in assembly.databases { await database.close() }
        LogWriter.standardError.flush()
        if let error = broken.withLock({ $0 }) { throw PlatformError("stopped because a database failed: \(error)") }
        try result.get()
    }

    struct Assembly {
        let services: [any Service]
        let databases: [SQLiteDatabase]
        let audit: AuditDesk
    }

    func assemble(_ onRunning: @escaping @Sendable (Int) async -> Void) async throws -> Assembly {
        let ledger = try database("payment-provider")
        let provider = SimulatedPaymentProvider(ledger: ledger, context: context("payment-provider"))
        try await provider.open()

        let databases = try ServiceAssembly.databases.map { try database($0) }
        let services = try await ServiceAssembly(
            databases: databases, provider: provider, books: provider, bus: bus, configuration: configuration,
            environment: { database in
                ServiceEnvironment(database: database, context: context(database.name), outbox: Outbox(sink: bus), logger: logger(for: database.name))
            })
        register(databases + [ledger], services.consumers)
        registerAudit(services.audit)

        let pressure = PlatformPressure(services, clock: clock)
        let gate = AdmissionGate(configuration: configuration.admission, pressure: { pressure() })
        let gateway = GatewayServer(
            host: configuration.host, port: configuration.port, routes: services.routes, gate: gate,
            maximumConnections: configuration.maximumConnections, registry: registry, readiness: { [weak self] in self?.readiness(gate) ?? [] },
            context: context("gateway"), logger: logger(for: "gateway"), onRunning: onRunning)
        let farewell = Farewell(gate: gate, delay: configuration.drainDelay, clock: clock)
        // Stopped in reverse: first those outside are told, then the streams end, which would keep the entry waiting for their listeners, then the entry, then what
        // works on, last what writes the log.
        let runners: [any Service] =
            [LogFlusher(clock: clock)] + services.janitors + services.audit.runners + services.consumers + services.workers + [gateway]
            + services.operations.runners + [farewell]
        return Assembly(services: runners, databases: databases + [ledger], audit: services.audit)
    }

    private func database(_ name: String) throws -> SQLiteDatabase {
        var settings = SQLiteDatabase.Configuration()
        settings.commitInterval = configuration.commitInterval(of: name)
        settings.onBroken = { [weak self] error in self?.stop(error, name) }
        switch configuration.storage {
        case .memory: return try SQLiteDatabase(name: name, path: ":memory:", configuration: settings)
        case .folder(let path): return try SQLiteDatabase(name: name, path: "\(path)/\(name).sqlite", configuration: settings)
        }
    }

    private func context(_ name: String) -> ServiceContext { ServiceContext(service: name, clock: clock, identifiers: identifiers) }

    private func logger(for name: String) -> Logger {
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

    private func readiness(_ gate: AdmissionGate) -> [(check: String, problem: String?)] {
        [("databases", broken.withLock { $0 }.map { "\($0)" }), ("entry", gate.isDraining ? "the platform is shutting down" : nil)]
    }

    private func register(_ databases: [SQLiteDatabase], _ consumers: [Consumer]) {
        for database in databases {
            registry.registerGauge(name: "waybill_storage_waiting_writes", help: "Writes that wait for a commit.", labels: [("database", database.name)]) {
                [weak database] in Double(database?.waitingWrites ?? 0)
            }
        }
        for consumer in consumers {
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
}

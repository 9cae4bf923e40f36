import Contracts
import Messaging
import Operations
import PaymentSimulator
import Storage
import Wire

extension WaybillPlatform {
    /// Audits the databases of the data folder while nothing runs, as ``run(handlesSignals:onRunning:)`` would open them, and closes them.
    /// - Parameters:
    ///   - order: the only order to look at; nil for everything.
    ///   - actor: in whose name findings are put right, where that is possible; nil to leave them.
    ///   - progress: called with how many orders have been looked at, and how many there are.
    /// - Throws: ``StorageError``, ``MigrationError``.
    public func audit(order: OrderID?, repairingAs actor: String?, progress: @escaping @Sendable (Int, Int) -> Void) async throws -> AuditReport {
        let assembly = try await assemble { _ in }
        let result: Result<AuditReport, any Error>
        do {
            let desk = assembly.audit
            let total = Int(try await desk.orderCount())
            let scope = AuditScope(order.map { .some([$0]) } ?? .all, includesShared: order == nil, isStill: true)
            var report = try await desk.auditor.audit(scope) { progress($0, total) }
            if let actor { report.repairs = try await desk.repair(report.findings, actor: actor) }
            result = .success(report)
        } catch { result = .failure(error) }
        for database in assembly.databases { await database.close() }
        return try result.get()
    }

    /// Audits the databases on a server, beside whatever works with them: reads, and makes and changes nothing.
    /// - Parameters:
    ///   - order: the only order to look at; nil for everything.
    ///   - progress: called with how many orders have been looked at, and how many there are.
    /// - Throws: ``PlatformError`` where a database is not there, or not at the version that this program knows; ``StorageError``.
    public func auditBeside(order: OrderID?, progress: @escaping @Sendable (Int, Int) -> Void) async throws -> AuditReport {
        let room = EngineRoom(configuration: configuration, logger: logger) { _, _ in }
        try await checkSchemas(room)
        var opened: [any Database] = []
        var broker: (any EventBroker)?
        let result: Result<AuditReport, any Error>
        do {
            for schema in ServiceSchema.audited { opened.append(try room.database(schema.name)) }
            broker = try await lookingBroker(room)
            let desk = try await deskBeside(opened, broker)
            let total = Int(try await desk.orderCount())
            let scope = AuditScope(order.map { .some([$0]) } ?? .all, includesShared: order == nil)
            result = .success(try await desk.auditor.audit(scope) { progress($0, total) })
        } catch { result = .failure(error) }
        await broker?.close()
        for database in opened { await database.close() }
        return try result.get()
    }

    /// The rules know one version of every table.
    private func checkSchemas(_ room: EngineRoom) async throws {
        for schema in ServiceSchema.audited {
            let finding = try await room.schemaState(schema.name).finding(schema.name, schema.migrations, owner: schema.name)
            if finding.verdict != .ok { throw PlatformError("\(finding.name): \(finding.words); \(finding.advice)") }
        }
    }

    /// The broker, for what consumers have before them. Where topics or queues are missing it is not opened, which would make them: nothing can be said to be at rest then.
    private func lookingBroker(_ room: EngineRoom) async throws -> (any EventBroker)? {
        guard let broker = try room.broker() else { return nil }
        let topology = Distribution.topology(partitions: room.partitions)
        let findings = await broker.examine(topology).filter { $0.verdict != .fail }
        let isThere = topology.groups.allSatisfy { group in findings.contains { $0.name.hasSuffix(group.name) } }
        if isThere { try await broker.open(topology) }
        return broker
    }

    /// - Parameter databases: in the order of ``ServiceSchema/audited``: the services' and the provider's.
    private func deskBeside(_ databases: [any Database], _ broker: (any EventBroker)?) async throws -> AuditDesk {
        let ledger = databases[databases.count - 1]
        let provider = SimulatedPaymentProvider(ledger: ledger, context: context(ledger.name))
        let distribution = broker.map { Distribution(broker: $0, instance: configuration.engines.instance) }
        let services = try await ServiceAssembly(
            databases: Array(databases.dropLast()), provider: provider, books: provider, bus: EventBus(registry: EventCatalog.registry),
            configuration: configuration, environment: { environment(of: $0, nil) }, local: [], distribution: distribution)
        return services.audit
    }

    /// Gauges of the audit and of what waits.
    func registerAudit(_ desk: AuditDesk) {
        let keeper = desk.keeper
        for rule in AuditRules.all {
            registry.registerGauge(name: "waybill_audit_findings", help: "Findings of the audit that stand.", labels: [("rule", rule.id)]) {
                Double(keeper.count(of: rule.id))
            }
        }
        registry.registerGauge(name: "waybill_audit_last_seconds", help: "Seconds since 1970 when the audit last finished a piece of work.") {
            Double(keeper.progress.lastAt?.milliseconds ?? 0) / 1000
        }
        registry.registerGauge(name: "waybill_audit_swept_seconds", help: "Seconds since 1970 when the audit last finished a sweep over all orders.") {
            Double(keeper.progress.sweptAt?.milliseconds ?? 0) / 1000
        }
        registry.registerCounter(
            name: "waybill_audit_work_seconds", help: "Time that the audit in the background has worked, waiting for databases included."
        ) { Double(keeper.progress.workedMilliseconds) / 1000 }
        registry.registerGauge(name: "waybill_orders_open", help: "Orders that are not settled.") { Double(keeper.progress.open.count) }
        registry.registerGauge(name: "waybill_orders_overdue", help: "Orders that should have been settled by now.") { Double(keeper.progress.open.overdue) }
        registry.registerGauge(name: "waybill_orders_oldest_open_age_seconds", help: "Age of the oldest order that is not settled.") { [clock] in
            guard let oldest = keeper.progress.open.oldest else { return 0 }
            return Double(max(0, clock.now().milliseconds - oldest.milliseconds)) / 1000
        }
    }
}

import Contracts
import Operations
import StorageSQLite
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

import Contracts
import Logging
import Messaging
import ServiceLifecycle
import Storage
import Web
import Wire

/// The auditor as operators meet it: what it found, what it does about it, and what an order waits for.
public final class AuditDesk: Sendable {
    public let auditor: Auditor
    /// Audits without end.
    public let keeper: AuditKeeper
    private let repairers: [any Repairer]
    private let redeliveries: [Choreography.Participant: Redelivery]
    private let context: ServiceContext
    private let logger: Logger
    private let keys: IdempotentWrite

    /// - Parameters:
    ///   - environment: that of Operations.
    ///   - repairers: the services that put their own things right.
    ///   - redeliveries: the consumers that can be given an event once more.
    public init(
        _ environment: ServiceEnvironment, witnesses: AuditWitnesses, traffic: TrafficReader, repairers: [any Repairer],
        redeliveries: [Choreography.Participant: Redelivery]
    ) {
        auditor = Auditor(witnesses, traffic: traffic, context: environment.context)
        keeper = AuditKeeper(auditor, environment)
        (self.repairers, self.redeliveries, context, logger) = (repairers, redeliveries, environment.context, environment.logger)
        keys = IdempotentWrite(database: environment.database, context: environment.context)
    }

    public var runners: [any ServiceLifecycle.Service] { [keeper] }

    public var routes: [Route] {
        let audit = ShowAudit(desk: self)
        let explain = ExplainOrders(desk: self, context: context)
        return [
            Route(.get, "/admin/audit", .showAudit, access: .operators, audit.show),
            Route(.post, "/admin/audit", .runAudit, access: .administrators, answer: .slow, audit.run),
            Route(.get, "/admin/audit/rules", .listRules, access: .operators, audit.rules),
            Route(.get, "/admin/stuck-orders", .listStuckOrders, access: .operators, explain.stuck),
            Route(.get, "/orders/{id}/explain", .explainOrder, access: .operators, explain.order),
            Route(.post, "/admin/orders/{id}/resume", .resumeOrder, access: .administrators, explain.resume),
            Route(.post, "/admin/orders/{id}/compensate", .compensateOrder, access: .administrators, explain.compensate),
        ].map { $0.once(per: keys) }
    }

    /// Does what findings propose, each in its own service; those that need a person are left out.
    public func repair(_ findings: [AuditFinding], actor: String) async throws -> [AuditReport.Repair] {
        var repairs: [AuditReport.Repair] = []
        for finding in findings {
            // Two rules may propose the same.
            guard let action = finding.action, !repairs.contains(where: { $0.finding.action == action }) else { continue }
            let outcome: RepairOutcome
            do { outcome = try await perform(action, actor: actor, because: finding.evidence) } catch let error as StorageError where error == .closed {
                throw error
            } catch { outcome = .refused("\(error)") }
            repairs.append(.init(finding: finding, outcome: outcome))
            logger.notice(
                "an audit's repair",
                metadata: [
                    "rule": "\(finding.rule)", "subject": "\(finding.subject)", "action": "\(action.name)", "actor": "\(actor)", "outcome": "\(outcome)",
                ])
        }
        return repairs
    }

    /// Has one thing done by the service that owns it.
    func perform(_ action: RepairAction, actor: String, because evidence: String) async throws -> RepairOutcome {
        if case .redeliver(let order, let type, let consumer) = action {
            guard let redelivery = redeliveries[consumer], let event = try await auditor.archive?.event(type, of: order) else {
                return .refused("there is no \(type) of this order in the archive, or nobody to give it to")
            }
            try await redelivery.deliver(event, actor: actor, action: action.name, before: evidence)
            return .done(before: evidence, after: "\(type) \(event.id) was handled")
        }
        for repairer in repairers { if let outcome = try await repairer.repair(action, actor: actor) { return outcome } }
        return .refused("no service does this")
    }
}

extension AuditDesk {
    /// How many orders there are.
    public func orderCount() async throws -> Int64 { try await auditor.witnesses.orders.count() }
}

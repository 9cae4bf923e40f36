import Contracts
import Messaging
import Storage
import Web
import Wire

/// What Analytics puts right of its own: it learns again.
struct RepairFacts: Repairer {
    let environment: ServiceEnvironment
    let rebuild: RebuildAggregates
    /// The events of an order, from the archive.
    let events: @Sendable (OrderID) async throws -> [Envelope]

    func repair(_ action: RepairAction, actor: String) async throws -> RepairOutcome? {
        switch action {
        case .recomputeFact(let order): try await recompute(order, action, actor)
        case .rebuild: try await recount(action, actor)
        case .announceStatus, .setDeadline, .cancel, .releaseStock, .recount, .refund, .requeuePayment, .announcePayment, .redeliver: nil
        }
    }

    /// Counts what was not counted, then sets the fact to what the events tell.
    private func recompute(_ order: OrderID, _ action: RepairAction, _ actor: String) async throws -> RepairOutcome {
        let told = try await events(order).filter { OrderFact.types.contains($0.type) }
        guard !told.isEmpty else { return .refused("the archive has no events of this order") }
        let context = environment.context
        return try await environment.database.write { transaction in
            let before = try FactTable.load([order], in: transaction).first
            try AggregateEvents.apply(told, in: transaction)
            var fact = OrderFact(id: order)
            for event in told { try fact.apply(event) }
            try FactTable.save([fact], in: transaction)
            let (was, now) = (before.map(RepairFacts.words) ?? "unknown", RepairFacts.words(fact))
            try AdminLog(context: context).record(actor: actor, action: action.name, subject: "order \(order)", before: was, after: now, in: transaction)
            return .done(before: was, after: now)
        }
    }

    private func recount(_ action: RepairAction, _ actor: String) async throws -> RepairOutcome {
        let result = try await rebuild()
        let (before, after) = ("sums that differ from the facts", "\(result.events) events counted anew")
        let context = environment.context
        try await environment.database.write {
            try AdminLog(context: context).record(actor: actor, action: action.name, subject: "analytics", before: before, after: after, in: $0)
        }
        return .done(before: before, after: after)
    }

    private static func words(_ fact: OrderFact) -> String {
        "\(fact.status?.rawValue ?? "no status") in version \(fact.version), captured \(fact.captured), refunded \(fact.refunded)"
    }
}

extension AnalyticsService {
    /// What Analytics does on an auditor's or an operator's word.
    /// - Parameter events: the events of an order, from the archive.
    public func repairer(events: @escaping @Sendable (OrderID) async throws -> [Envelope]) -> any Repairer {
        RepairFacts(environment: environment, rebuild: rebuild, events: events)
    }
}

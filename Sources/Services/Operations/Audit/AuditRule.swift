import Contracts
import Messaging
import Wire

/// One promise, or a part of one, as a question to the data. Pure: the same evidence gives the same findings, whoever asks and whenever.
public struct AuditRule: Sendable {
    /// A broken rule: what the witnesses say, and what would put it right.
    struct Violation {
        let evidence: String
        var action: RepairAction?
    }

    /// When an order may be judged by a rule.
    public enum Applies: String, Sendable {
        /// Always: it looks at one database, or at what may never be.
        case always
        /// Only when nothing that concerns the order is on its way.
        case atRest = "at rest"
    }

    enum Check: Sendable {
        case order(Applies, on: [OrderEvidence.Witness], heardBy: [Choreography.Participant], @Sendable (OrderEvidence, Timestamp) -> Violation?)
        case product(@Sendable (ProductEvidence) -> Violation?)
        case traffic(@Sendable (Traffic.Snapshot, Timestamp) -> [(AuditFinding.Subject, String)])
        case sums
    }

    /// Its name in reports and metrics; begins with the promise it belongs to (RELIABILITY).
    public let id: String
    /// What must be.
    public let title: String
    /// What is proposed where it is not.
    public let proposal: String
    let check: Check

    /// What the rule is about.
    public var about: String {
        switch check {
        case .order: "order"
        case .product: "product"
        case .traffic: "traffic"
        case .sums: "sums"
        }
    }

    /// When it is applied.
    public var applies: Applies { if case .order(let applies, _, _, _) = check { applies } else { .always } }

    private func finding(_ subject: AuditFinding.Subject, _ violation: Violation) -> AuditFinding {
        AuditFinding(rule: id, subject: subject, evidence: violation.evidence, proposal: violation.action?.name ?? proposal, action: violation.action)
    }

    func finding(in evidence: OrderEvidence, at now: Timestamp) -> AuditFinding? {
        guard case .order(let applies, let witnesses, let hearers, let check) = check else { return nil }
        guard evidence.witnesses.isSuperset(of: witnesses), applies == .always || evidence.isAtRest, !hearers.contains(where: evidence.gaveUp) else {
            return nil
        }
        return check(evidence, now).map { finding(.order(evidence.id), $0) }
    }

    func finding(in evidence: ProductEvidence) -> AuditFinding? {
        guard case .product(let check) = check else { return nil }
        return check(evidence).map { finding(.product(evidence.product.id), $0) }
    }

    func findings(in snapshot: Traffic.Snapshot, at now: Timestamp) -> [AuditFinding] {
        guard case .traffic(let check) = check else { return [] }
        return check(snapshot, now).map { finding($0.0, Violation(evidence: $0.1)) }
    }

    func findings(inSums differences: [String]) -> [AuditFinding] {
        guard case .sums = check else { return [] }
        return differences.map { finding(.service(Choreography.Participant.analytics.rawValue), Violation(evidence: $0, action: .rebuild)) }
    }

    static func order(
        _ id: String, _ title: String, _ applies: Applies, on witnesses: [OrderEvidence.Witness] = [], heardBy hearers: [Choreography.Participant] = [],
        else proposal: String, _ check: @escaping @Sendable (OrderEvidence, Timestamp) -> Violation?
    ) -> AuditRule {
        AuditRule(id: id, title: title, proposal: proposal, check: .order(applies, on: witnesses, heardBy: hearers, check))
    }
}

/// All rules. The tables in `docs/audit.md` are made from them.
public enum AuditRules {
    public static let all: [AuditRule] =
        stock + money + status + told + applied + numbers + waiting + traffic

    /// What an order's evidence breaks.
    /// - Parameter now: for the rules about time; all others look at the evidence alone.
    public static func findings(_ evidence: OrderEvidence, at now: Timestamp) -> [AuditFinding] { all.compactMap { $0.finding(in: evidence, at: now) } }

    /// What a product's evidence breaks.
    public static func findings(_ evidence: ProductEvidence) -> [AuditFinding] { all.compactMap { $0.finding(in: evidence) } }

    /// What hangs in the traffic.
    public static func findings(_ snapshot: Traffic.Snapshot, at now: Timestamp) -> [AuditFinding] { all.flatMap { $0.findings(in: snapshot, at: now) } }

    /// Sums that are not the sums of their facts.
    public static func findings(sums differences: [String]) -> [AuditFinding] { all.flatMap { $0.findings(inSums: differences) } }
}

extension AuditRules {
    private static let byID = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    /// The rule of an id.
    static func rule(_ id: String) -> AuditRule? { byID[id] }
}

extension AuditRule {
    var isOfTraffic: Bool { if case .traffic = check { true } else { false } }
    var isOfProducts: Bool { if case .product = check { true } else { false } }
    var isOfSums: Bool { if case .sums = check { true } else { false } }
}

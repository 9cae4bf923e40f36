import Contracts
import Wire

/// Orders that looked wrong once, and how they looked.
struct Suspicions {
    private struct Suspicion {
        let record: OrderEvidence.Record
        let rules: Set<String>
        let at: Timestamp
    }
    /// More than these are not remembered: a sweep comes to them again.
    private static let maximum = 10_000
    private var suspicions: [OrderID: Suspicion] = [:]

    var isEmpty: Bool { suspicions.isEmpty }
    /// By id.
    var orders: [OrderID] { suspicions.keys.sorted() }
    /// Those that may be looked at again.
    func due(at now: Timestamp) -> [OrderID] {
        suspicions.filter { now.milliseconds - $0.value.at.milliseconds >= Auditor.patienceMilliseconds }.keys.sorted()
    }

    /// Judges a look at an order: what is wrong as it was wrong at an earlier look, with nothing changed since, is a finding.
    mutating func consider(_ evidence: OrderEvidence, at now: Timestamp) -> [AuditFinding] {
        let findings = AuditRules.findings(evidence, at: now)
        guard !findings.isEmpty else {
            suspicions[evidence.id] = nil
            return []
        }
        if let earlier = suspicions[evidence.id], earlier.record == evidence.record {
            guard now.milliseconds - earlier.at.milliseconds >= Auditor.patienceMilliseconds else { return [] }
            let confirmed = findings.filter { earlier.rules.contains($0.rule) }
            if !confirmed.isEmpty {
                suspicions[evidence.id] = nil
                return confirmed
            }
        }
        guard suspicions.count < Suspicions.maximum || suspicions[evidence.id] != nil else { return [] }
        suspicions[evidence.id] = Suspicion(record: evidence.record, rules: Set(findings.map(\.rule)), at: now)
        return []
    }
}

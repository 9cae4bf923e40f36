import Contracts
import Messaging
import Wire

/// What an order waits for, since when, and against which limit. Pure: made of the same evidence that the rules judge.
public struct Explanation: Sendable {
    /// One thing that has to happen.
    public struct Wait: Sendable, Equatable {
        /// Who has to do it: a service, `payment provider`, `operator`.
        public let party: String
        /// What, and how far it is, in words.
        public let words: String
        /// When it is tried next, where that is known.
        public var next: Timestamp?
    }

    public let id: OrderID
    public let status: OrderStatus?
    public let version: Int64
    public let waits: [Wait]
    public let since: Timestamp
    /// When it must be settled; nil for one that is, or that only an operator moves on.
    public let limit: Timestamp?
    public let isOverdue: Bool
    /// What an operator can do, as commands.
    public let advice: [String]
    /// What the rules object to now. Of an order on its way this may be gone a moment later.
    public let findings: [AuditFinding]

    public var isSettled: Bool { status?.isSettled ?? false }

    /// Explains an order; nil where there is none.
    public init?(_ evidence: OrderEvidence, at now: Timestamp) {
        guard let order = evidence.record.order else { return nil }
        (id, status, version, since, limit) = (order.id, order.status, order.version, order.since, order.limit)
        isOverdue = limit.map { now > $0 } ?? false
        findings = AuditRules.findings(evidence, at: now)
        let given = evidence.dead.map { Wait(party: "operator", words: "to deliver again what \($0.consumer) gave up: \($0.type) \($0.eventID) (\($0.error))") }
        var waits =
            given
            + evidence.parked.map {
                Wait(party: $0.consumer, words: "to apply \($0.type), which failed \($0.attempts) times: \($0.error)", next: $0.due)
            }
        waits += evidence.pending.filter { ![.analytics, .operations].contains(Choreography.Participant(rawValue: $0.consumer)) }.map {
            Wait(party: $0.consumer, words: "to hear \($0.type), which \($0.source) has said")
        }
        waits += evidence.jobs.map(Explanation.job)
        if waits.isEmpty, !(order.status?.isSettled ?? false) { waits = Explanation.silence(order, evidence) }
        self.waits = waits
        advice = Explanation.advice(order, evidence, findings)
    }

    /// The whole in one or more sentences.
    public var words: String {
        let state = "The order is \(status?.rawValue ?? "of an unknown status") since \(since)."
        if waits.isEmpty { return state + " It waits for nothing\(isSettled ? ": it is settled" : "")." }
        let list = waits.map { "\($0.party) \($0.words)" + ($0.next.map { ", next at \($0)" } ?? "") }.joined(separator: "; ")
        let end = limit.map { isOverdue ? " It should have been settled by \($0)." : " It must be settled by \($0)." } ?? ""
        return "\(state) It waits for \(list).\(end)"
    }

    private static func job(_ job: Traffic.Waiting) -> Wait {
        let party = job.service == Choreography.Participant.payments.rawValue ? "payment provider" : job.service
        let failed = job.attempts > 0 ? ", attempt \(job.attempts + 1)" + (job.error.map { ", last error: \($0)" } ?? "") : ""
        return Wait(party: party, words: "to answer \(job.kind)\(failed)", next: job.attempts > 0 ? job.due : nil)
    }

    /// Nothing is on its way: an operator's turn, or something was lost.
    private static func silence(_ order: OrderTestimony, _ evidence: OrderEvidence) -> [Wait] {
        if order.status == .reserved, order.isOffline, evidence.record.payment?.state == .awaitingOffline {
            return [Wait(party: "operator", words: "to record the payment that is made elsewhere")]
        }
        var waits: [Wait] = []
        switch order.status {
        case .created: waits.append(Wait(party: "inventory", words: "to answer OrderCreated, and nothing is on its way"))
        case .reserved: waits.append(Wait(party: "payments", words: "to tell how the payment ended, and nothing is on its way"))
        case .cancelling:
            if !order.isStockFree { waits.append(Wait(party: "inventory", words: "to say that the stock is free, and nothing is on its way")) }
            if !order.isPaymentUndone { waits.append(Wait(party: "payments", words: "to say that nothing is kept, and nothing is on its way")) }
        case .paid, .shipped, .delivered, .cancelled, .failed, nil: break
        }
        return waits
    }

    private static func advice(_ order: OrderTestimony, _ evidence: OrderEvidence, _ findings: [AuditFinding]) -> [String] {
        var advice: [String] = []
        if findings.contains(where: { $0.action != nil }) { advice.append("POST /admin/orders/\(order.id)/resume does what is missing again") }
        if !evidence.dead.isEmpty { advice.append("remove the cause, then deliver the dead letter again") }
        switch order.status {
        case .created, .reserved: advice.append("waybill orders cancel \(order.id) gives it up")
        case .paid: advice += ["waybill orders status \(order.id) SHIPPED moves it on", "waybill orders cancel \(order.id) undoes it"]
        case .shipped: advice.append("waybill orders status \(order.id) DELIVERED moves it on")
        case .delivered, .cancelling, .cancelled, .failed, nil: break
        }
        if order.status == .reserved, order.isOffline { advice.append("waybill orders status \(order.id) PAID records the payment") }
        return advice
    }

    /// The explanation as the members of a JSON object.
    public func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.optional("status", status?.rawValue)
        json.member("version", version)
        json.member("settled", isSettled)
        json.member("words", words)
        json.member("since", since)
        json.optional("limit", limit)
        json.member("overdue", isOverdue)
        json.key("waitsFor")
        json.array(waits) { json, wait in
            json.object { json in
                json.member("party", wait.party)
                json.member("what", wait.words)
                json.optional("nextAttemptAt", wait.next)
            }
        }
        json.key("advice")
        json.array(advice) { $0.string($1) }
        json.key("findings")
        json.array(findings) { json, finding in json.object { finding.write(to: &$0) } }
    }
}

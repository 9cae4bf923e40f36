import Contracts
import Wire

/// Numbers and notices: S13, S14.
extension AuditRules {
    static let numbers: [AuditRule] = [
        .order(
            "S13-lines-add-up", "an order's lines add up to its total", .always,
            else: "A person compares the order with its OrderCreated event and corrects its row."
        ) { evidence, _ in
            guard let order = evidence.record.order, order.lines.amount != order.total || order.lines.lines != order.lineCount else { return nil }
            return .init(
                evidence: "\(order.lines.lines) lines come to \(order.lines.amount), the order says \(order.lineCount) and \(order.total) \(order.currency)")
        },
        .order(
            "S13-fact-agrees", "what Analytics knows of an order is what Orders and Payments know", .atRest, on: [.analytics, .payments, .archive],
            heardBy: [.analytics, .operations], else: "analytics learns the order anew from its events"
        ) { evidence, _ in
            guard let order = evidence.record.order else { return nil }
            guard let fact = evidence.record.fact else {
                return .init(evidence: "Analytics does not know the order", action: .recomputeFact(evidence.id))
            }
            let wrong = disagreements(fact, order, evidence)
            return wrong.isEmpty ? nil : .init(evidence: "Analytics has " + wrong.joined(separator: ", "), action: .recomputeFact(evidence.id))
        },
        AuditRule(
            id: "S13-sums", title: "the sums of Analytics are the sums of its facts", proposal: RepairAction.rebuild.name, check: .sums),
        .order(
            "S14-only-facts", "nobody was told of what did not happen", .atRest, on: [.notifications, .payments],
            else: "A person writes to the customer."
        ) { evidence, _ in
            guard evidence.record.order != nil, let row = evidence.record.notifications.first(where: { !isTrue($0.kind, evidence) }) else { return nil }
            return .init(
                evidence: "a \(row.kind?.rawValue ?? "unknown") notification by \(row.channel), and the order is \(evidence.record.order?.name ?? "unknown")")
        },
        .order(
            "S14-everybody-told", "the customer was told of every end and every parcel", .atRest, on: [.notifications, .payments, .archive],
            heardBy: [.notifications], else: "A person tells the customer, or restores the record of what was told."
        ) { evidence, _ in
            guard
                let silent = NotificationKind.allCases.first(where: { kind in
                    isTrue(kind, evidence) && !evidence.record.notifications.contains { $0.kind == kind }
                })
            else { return nil }
            let type = silent.eventType
            // Told, and only the record of it is gone: nobody is told twice.
            let isTold = evidence.count(NotificationSent.type) + evidence.count(NotificationFailed.type) > evidence.record.notifications.count
            return .init(
                evidence: "no \(silent.rawValue) notification",
                action: evidence.has(type) && !isTold ? .redeliver(evidence.id, type: type, to: .notifications) : nil)
        },
    ]

    private static func disagreements(_ fact: FactTestimony, _ order: OrderTestimony, _ evidence: OrderEvidence) -> [String] {
        var wrong: [String] = []
        func compare<T: Equatable>(_ what: String, _ known: T, _ right: T) {
            if known != right { wrong.append("\(what) \(known) instead of \(right)") }
        }
        compare("the status", fact.status?.rawValue ?? "none", order.name)
        compare("version", fact.version, order.version)
        compare("the currency", fact.currency ?? "none", order.currency)
        let state = evidence.record.payment?.state
        let isTaken = state == .captured || state == .paidOffline || state == .refunded && evidence.has(PaymentProcessed.type)
        compare("captured", fact.captured, isTaken ? order.total : 0)
        compare("refunded", fact.refunded, state == .refunded ? order.total : 0)
        compare("confirmed", fact.isConfirmed, evidence.reached(.paid))
        compare("taken back", fact.isTakenBack, evidence.reached(.paid) && evidence.reached(.cancelling))
        compare("products for", fact.amount ?? -1, order.total)
        return wrong
    }

    /// Whether what a notification says has happened.
    private static func isTrue(_ kind: NotificationKind?, _ evidence: OrderEvidence) -> Bool {
        switch kind {
        case .confirmation: evidence.reached(.paid)
        case .cancellation: evidence.reached(.cancelled)
        case .failure: evidence.reached(.failed)
        case .shipping: evidence.reached(.shipped)
        case .delivery: evidence.reached(.delivered)
        case .refund: evidence.record.payment?.state == .refunded
        case nil: false
        }
    }
}

extension NotificationKind {
    /// The type of the event that customers are told of with it.
    var eventType: String {
        switch self {
        case .confirmation: OrderConfirmed.type
        case .cancellation: OrderCancelled.type
        case .failure: OrderFailed.type
        case .shipping: OrderShipped.type
        case .delivery: OrderDelivered.type
        case .refund: PaymentRefunded.type
        }
    }
}

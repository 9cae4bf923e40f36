import Contracts
import Wire

/// Money: S3, S4, S5, by the provider's own books and by what Payments has on record.
extension AuditRules {
    static let money: [AuditRule] = [
        .order(
            "S3-captured-once", "the provider took the money of an order at most once", .always, on: [.provider],
            else: "A person gives the second capture back at the provider."
        ) { evidence, _ in
            let captures = evidence.record.ledger.filter { $0.entry == "capture" }
            guard captures.count > 1 else { return nil }
            return .init(evidence: "\(captures.count) captures: " + captures.map { "\($0.amount) \($0.currency) on \($0.intentID)" }.joined(separator: ", "))
        },
        .order(
            "S3-refunds-bounded", "no more is given back than was taken", .always, on: [.provider], else: "A person settles it with the provider."
        ) { evidence, _ in
            let (captured, refunded) = (evidence.record.ledger.sum("capture"), evidence.record.ledger.sum("refund"))
            return refunded > captured ? .init(evidence: "\(refunded) given back, \(captured) taken") : nil
        },
        .order(
            "S4-paid-captured", "PAID and later means one capture of exactly the total, not given back; none where nothing is due or somebody else took it",
            .atRest, on: [.provider], heardBy: [.orders, .payments], else: "A person compares the provider's books with the order, and cancels or charges."
        ) { evidence, _ in
            guard let order = evidence.record.order, order.isPaid else { return nil }
            let captures = evidence.record.ledger.filter { $0.entry == "capture" }
            let refunded = evidence.record.ledger.sum("refund")
            let isFree = order.total == 0 || order.isOffline
            let isRight =
                isFree
                ? captures.isEmpty : captures.count >= 1 && captures.allSatisfy { $0.amount == order.total && $0.currency == order.currency } && refunded == 0
            guard !isRight else { return nil }
            let expected = isFree ? "nothing" : "\(order.total) \(order.currency)"
            return .init(
                evidence:
                    "the order is \(order.name) over \(expected); the provider took \(captures.map { "\($0.amount) \($0.currency)" }), gave back \(refunded)")
        },
        .order(
            "S4-payment-agrees", "PAID and later means that Payments has the total on record", .atRest, on: [.payments], heardBy: [.orders, .payments],
            else: "A person compares the payment with the order and the provider's books."
        ) { evidence, _ in
            guard let order = evidence.record.order, order.isPaid else { return nil }
            let payment = evidence.record.payment
            let isRight = payment?.state == (order.isOffline && order.total > 0 ? .paidOffline : .captured)
            if isRight, payment?.amount == order.total, payment?.currency == order.currency { return nil }
            let isUnheard = payment?.state == .awaitingOffline && evidence.has(OrderConfirmed.type)
            return .init(
                evidence: "the order is \(order.name) over \(order.total) \(order.currency), the payment \(payment.words)",
                action: isUnheard ? .redeliver(evidence.id, type: OrderConfirmed.type, to: .payments) : nil)
        },
        .order(
            "S5-no-money-kept", "CANCELLED and FAILED mean that the provider kept nothing", .atRest, on: [.provider, .payments, .archive], heardBy: [.payments],
            else: "A person gives the money back at the provider."
        ) { evidence, _ in
            guard let order = evidence.record.order, order.isUndone else { return nil }
            let kept = evidence.record.ledger.sum("capture") - evidence.record.ledger.sum("refund")
            guard kept > 0 else { return nil }
            return .init(
                evidence: "the order is \(order.name), the provider kept \(kept) \(order.currency)",
                action: canRefund(evidence) ? .refund(evidence.id) : nil)
        },
        .order(
            "S5-payment-undone", "CANCELLED and FAILED mean that Payments keeps and expects nothing", .atRest, on: [.payments, .provider, .archive],
            heardBy: [.payments, .orders], else: "A person compares the payment with the provider's books."
        ) { evidence, _ in
            guard let order = evidence.record.order, order.isUndone, let payment = evidence.record.payment else { return nil }
            switch payment.state {
            case .failed, .voided, .refunded, .charging, .chargingCancelled, .refunding: return nil
            case .captured:
                return .init(evidence: "the order is \(order.name), the payment captured", action: canRefund(evidence) ? .refund(evidence.id) : nil)
            case .awaitingOffline, .paidOffline, nil: return .init(evidence: "the order is \(order.name), the payment \(Optional(payment).words)")
            }
        },
    ]

    /// Whether Payments has something to give back, by its own record, by the provider's books and by what was said.
    private static func canRefund(_ evidence: OrderEvidence) -> Bool {
        evidence.record.payment?.state == .captured && evidence.record.ledger.sum("capture") > evidence.record.ledger.sum("refund")
            && !evidence.has(PaymentRefunded.type)
    }
}

extension [LedgerTestimony] {
    func sum(_ entry: String) -> Int64 { reduce(0) { $1.entry == entry ? $0 &+ $1.amount : $0 } }
}

extension PaymentTestimony? {
    var words: String {
        guard let self else { return "missing" }
        return "\(self.state?.rawValue ?? "of an unknown state") over \(self.amount.map { "\($0)" } ?? "nothing") \(self.currency ?? "")"
    }
}

import Contracts
import Wire

/// Statuses, their history and their events: S6, S7.
extension AuditRules {
    static let status: [AuditRule] = [
        .order(
            "S6-allowed-edges", "the status follows allowed edges, every change raises the version by one and is kept", .always,
            else: "A person reads the order's events and corrects its row."
        ) { evidence, _ in
            guard let order = evidence.record.order else { return nil }
            let steps = order.history
            let told = steps.map { "\($0.version) \($0.status?.rawValue ?? "unknown")" }.joined(separator: ", ")
            guard steps.map(\.version) == Array(1...Int64(max(1, steps.count))) else { return .init(evidence: "the versions have gaps: \(told)") }
            guard steps.first?.status == .created else { return .init(evidence: "the history does not begin with CREATED: \(told)") }
            for (step, next) in zip(steps, steps.dropFirst()) {
                guard let from = step.status, let to = next.status, from.successors.contains(to) else {
                    return .init(evidence: "a change that no rule allows: \(told)")
                }
            }
            guard order.status == steps.last?.status, order.version == Int64(steps.count) else {
                return .init(evidence: "the order is \(order.name) in version \(order.version), its history ends otherwise: \(told)")
            }
            return nil
        }
    ]

    static let told: [AuditRule] = [
        .order(
            "S7-status-told", "every change of status was told with one event", .atRest, on: [.archive], heardBy: [.operations],
            else: "orders says the missing event"
        ) { evidence, _ in
            guard let order = evidence.record.order,
                let silent = order.history.lazy.compactMap(\.status).first(where: { !evidence.has($0.eventType) })
            else { return nil }
            return .init(evidence: "the order became \(silent), no \(silent.eventType) was said", action: .announceStatus(evidence.id, silent))
        },
        .order(
            "S7-status-changed", "every event of a status stands for a change in the history", .atRest, on: [.archive],
            else: "A person compares the order's events with its history."
        ) { evidence, _ in
            guard evidence.record.order != nil,
                let claimed = OrderStatus.allCases.first(where: { evidence.has($0.eventType) && !evidence.reached($0) })
            else { return nil }
            return .init(evidence: "\(claimed.eventType) was said, but the order never became \(claimed)")
        },
        .order(
            "S7-reservation-told", "what Inventory did for an order and what it said of it are the same", .atRest, on: [.archive, .inventory],
            heardBy: [.operations], else: "A person cancels the order (waybill orders cancel), which ends it with all its events."
        ) { evidence, _ in
            guard let reservation = evidence.record.reservation, let state = reservation.state else { return nil }
            let (isHeld, isShort) = (evidence.has(InventoryReserved.type), evidence.has(InventoryInsufficient.type))
            let isReleased = evidence.has(InventoryReleased.type)
            let isRight: Bool
            switch state {
            case .held, .sold: isRight = isHeld && !isShort && !isReleased
            case .rejected: isRight = !isHeld && isShort
            case .released: isRight = isHeld && !isShort && isReleased
            case .refused: isRight = !isHeld && !isShort && isReleased
            }
            guard !isRight else { return nil }
            let said = evidence.record.events.filter { $0.source == Choreography.Participant.inventory.rawValue }.map(\.type)
            return .init(evidence: "the reservation is \(state.rawValue), Inventory said \(said)")
        },
        .order(
            "S7-payment-told", "how a payment ended and what Payments said of it are the same", .atRest, on: [.archive, .payments],
            heardBy: [.operations], else: "A person compares the payment's events with the provider's books."
        ) { evidence, _ in
            guard let state = evidence.record.payment?.state else { return nil }
            let end: String
            let allowed: Set<String>
            switch state {
            case .captured, .paidOffline: (end, allowed) = (PaymentProcessed.type, [PaymentProcessed.type])
            case .failed: (end, allowed) = (PaymentFailed.type, [PaymentFailed.type])
            case .voided: (end, allowed) = (PaymentVoided.type, [PaymentVoided.type, PaymentFailed.type])
            case .refunded: (end, allowed) = (PaymentRefunded.type, [PaymentProcessed.type, PaymentRefunded.type])
            case .charging, .chargingCancelled, .refunding, .awaitingOffline: return nil
            }
            let said = evidence.record.events.filter { $0.source == Choreography.Participant.payments.rawValue }.map(\.type)
            if said.contains(end), allowed.isSuperset(of: said) { return nil }
            return .init(
                evidence: "the payment is \(state.rawValue), Payments said \(said)",
                // What was said contradicts the state: then the state may be what is wrong.
                action: said.contains(end) || !allowed.isSuperset(of: said) ? nil : .announcePayment(evidence.id))
        },
        .order(
            "S7-notification-told", "every notification that was sent or given up was told of once", .atRest, on: [.archive, .notifications],
            heardBy: [.operations], else: "A person compares the notifications with the order's events."
        ) { evidence, _ in
            let rows = evidence.record.notifications
            let (sent, failed) = (rows.count { $0.status == .sent }, rows.count { $0.status == .failed })
            let (saidSent, saidFailed) = (evidence.count(NotificationSent.type), evidence.count(NotificationFailed.type))
            guard sent != saidSent || failed != saidFailed else { return nil }
            return .init(evidence: "\(sent) sent and \(failed) given up, said \(saidSent) and \(saidFailed)")
        },
        AuditRule(
            id: "S7-adjustment-told", title: "every adjustment of stock was told of once",
            proposal: "A person compares the product's adjustments with its events.",
            check: .product { evidence in
                guard let told = evidence.toldAdjustments, told != evidence.product.adjustments else { return nil }
                return .init(evidence: "\(evidence.product.sku): \(evidence.product.adjustments) adjustments, \(told) events")
            }),
    ]
}

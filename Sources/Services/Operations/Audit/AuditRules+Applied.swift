import Contracts
import Wire

/// Events and their effects: S8, S9.
extension AuditRules {
    static let applied: [AuditRule] = [
        .order(
            "S8-known-order", "nobody knows an order that Orders does not", .atRest,
            else: "A person restores the order from its events, or undoes what it left."
        ) { evidence, _ in
            let record = evidence.record
            guard record.order == nil else { return nil }
            let who = [
                record.reservation.map { _ in "Inventory" }, record.payment.map { _ in "Payments" }, record.ledger.isEmpty ? nil : "the provider",
                record.notifications.isEmpty ? nil : "Notifications", record.fact.map { _ in "Analytics" }, record.events.isEmpty ? nil : "the archive",
            ].compactMap { $0 }
            return who.isEmpty ? nil : .init(evidence: "Orders has no such order; known to \(who.joined(separator: ", "))")
        },
        .order(
            "S8-applied-once", "an event had its effect once: nobody said the same twice for the same reason", .always, on: [.archive],
            else: "A person looks at what was done twice, and undoes one."
        ) { evidence, _ in
            var seen: Set<[String]> = []
            for event in evidence.record.events where event.type != NotificationSent.type && event.type != NotificationFailed.type {
                let isStatus = event.source == Choreography.Participant.orders.rawValue
                // A status is reached once, for whatever reason.
                let reason = isStatus ? "" : event.causationID?.description ?? ""
                if !seen.insert([event.source, event.type, reason]).inserted {
                    return .init(evidence: "\(event.source) said \(event.type) again\(isStatus ? "" : " for the same reason"), as \(event.id)")
                }
            }
            return nil
        },
        .order(
            "S8-events-applied", "every event that was said has had its effect", .atRest, on: [.archive, .inventory, .payments],
            heardBy: [.orders, .inventory, .payments], else: "A person cancels the order, or tells the service again what it missed."
        ) { evidence, _ in
            guard let (type, consumer, words) = missed(evidence) else { return nil }
            return .init(evidence: words, action: evidence.has(type) ? .redeliver(evidence.id, type: type, to: consumer) : nil)
        },
        .order(
            "S8-work-queued", "who waits for the outside has a job that asks it", .atRest, on: [.payments, .notifications, .archive],
            else: "A person compares what the service has on record with its events."
        ) { evidence, _ in
            if let state = evidence.record.payment?.state, [.charging, .chargingCancelled, .refunding].contains(state) {
                let ends = state == .refunding ? [PaymentRefunded.type] : [PaymentProcessed.type, PaymentFailed.type, PaymentVoided.type, PaymentRefunded.type]
                // How it ended was said: then the state is what is wrong, and asking again would say it again.
                return .init(
                    evidence: "the payment is \(state.rawValue), and no job asks the provider",
                    action: ends.contains(where: evidence.has) ? nil : .requeuePayment(evidence.id))
            }
            guard let pending = evidence.record.notifications.first(where: { $0.status == .pending }) else { return nil }
            return .init(evidence: "the \(pending.kind?.rawValue ?? "unknown") notification by \(pending.channel) is pending, and no job sends it")
        },
        .order(
            "S9-in-order", "the events of an order were applied in their order", .always, on: [.archive],
            else: "A person compares the order's timeline with its history; analytics can be rebuilt."
        ) { evidence, _ in
            guard let order = evidence.record.order else { return nil }
            let places = order.history.compactMap { step in evidence.record.events.first { $0.type == step.status?.eventType && !$0.cameLate } }
            guard let (first, second) = zip(places, places.dropFirst()).first(where: { $0.sequence > $1.sequence }) else { return nil }
            return .init(evidence: "\(second.type) was archived as \(second.sequence), before \(first.type) as \(first.sequence)")
        },
    ]

    /// An event whose effect is missing, who should have had it, and how that shows. Only what leaves an order waiting; what is wrong at its end, other rules say.
    private static func missed(_ evidence: OrderEvidence) -> (String, Choreography.Participant, String)? {
        guard let order = evidence.record.order else { return nil }
        let (reservation, payment) = (evidence.record.reservation?.state, evidence.record.payment?.state)
        if evidence.record.reservation == nil, evidence.has(OrderCreated.type) {
            // Inventory answered once: giving it the order again would hold the stock and say so twice.
            let hasAnswered = [InventoryReserved.type, InventoryInsufficient.type, InventoryReleased.type].contains(where: evidence.has)
            return (hasAnswered ? "" : OrderCreated.type, .inventory, "Inventory has no record of the order")
        }
        switch order.status {
        case .created where reservation == .held: return (InventoryReserved.type, .orders, "stock is held, the order is still CREATED")
        case .created where reservation == .rejected: return (InventoryInsufficient.type, .orders, "stock was refused, the order is still CREATED")
        case .reserved where evidence.record.payment == nil: return (InventoryReserved.type, .payments, "the order is RESERVED, Payments has no record of it")
        case .reserved where payment == .captured: return (PaymentProcessed.type, .orders, "the payment is captured, the order still RESERVED")
        case .reserved where payment == .failed: return (PaymentFailed.type, .orders, "the payment failed, the order is still RESERVED")
        case .cancelling where reservation == .held:
            return (OrderCancellationRequested.type, .inventory, "the order is CANCELLING, its stock still held")
        case .cancelling where !order.isStockFree && evidence.has(InventoryReleased.type):
            return (InventoryReleased.type, .orders, "the stock was released, the order does not know")
        case .cancelling where payment == nil || payment == .captured || payment == .failed || payment == .awaitingOffline || payment == .paidOffline:
            return (OrderCancellationRequested.type, .payments, "the order is CANCELLING, the payment \(payment?.rawValue ?? "unknown")")
        case .cancelling where !order.isPaymentUndone && payment == .voided:
            return (PaymentVoided.type, .orders, "the payment was voided, the order does not know")
        case .cancelling where !order.isPaymentUndone && payment == .refunded:
            return (PaymentRefunded.type, .orders, "the payment was refunded, the order does not know")
        case .shipped where reservation == .held, .delivered where reservation == .held:
            return (OrderShipped.type, .inventory, "the order is \(order.name), its stock still held instead of sold")
        case .created, .reserved, .paid, .shipped, .delivered, .cancelling, .cancelled, .failed, nil: return nil
        }
    }
}

import Wire

/// The saga as data: who says what, who reacts to it, and what a reaction may say in turn. Services subscribe by it, the diagram in the documentation and the
/// completeness check are made from it, so that none of them can drift from the code.
public enum Choreography {
    /// The services that take part.
    public enum Participant: String, Sendable, CaseIterable {
        case orders, inventory, payments, notifications, analytics, operations
    }

    /// What one service does when an event arrives.
    public struct Reaction: Sendable {
        public let service: Participant
        /// In words, for the diagram.
        public let action: String
        /// The events it may lead to, straight away or when a job is done.
        public let emits: [any Event.Type]
    }

    /// An event, who says it, and all that follows.
    public struct Step: Sendable {
        public let event: any Event.Type
        public let producer: Participant
        public let reactions: [Reaction]
        /// The event that undoes what this step did; nil where nothing needs undoing.
        public let undoneBy: (any Event.Type)?
    }

    private static func on(
        _ event: any Event.Type, from producer: Participant, undoneBy: (any Event.Type)? = nil, _ reactions: (Participant, String, [any Event.Type])...
    ) -> Step {
        Step(event: event, producer: producer, reactions: reactions.map { Reaction(service: $0.0, action: $0.1, emits: $0.2) }, undoneBy: undoneBy)
    }

    /// The steps. Analytics and Operations see every event and are not repeated here.
    public static let steps: [Step] = [
        on(
            OrderCreated.self, from: .orders, undoneBy: OrderCancelled.self,
            (.inventory, "reserves all lines or none", [InventoryReserved.self, InventoryInsufficient.self])),
        on(
            InventoryReserved.self, from: .inventory, undoneBy: InventoryReleased.self,
            (.orders, "becomes RESERVED", [OrderReserved.self]),
            // The last two when a cancellation comes while the provider is being asked.
            (.payments, "charges the total", [PaymentProcessed.self, PaymentFailed.self, PaymentVoided.self, PaymentRefunded.self])),
        on(InventoryInsufficient.self, from: .inventory, (.orders, "becomes CANCELLED", [OrderCancelled.self])),
        on(OrderReserved.self, from: .orders),
        on(
            PaymentProcessed.self, from: .payments, undoneBy: PaymentRefunded.self,
            (.orders, "becomes PAID", [OrderReserved.self, OrderConfirmed.self])),
        on(
            PaymentFailed.self, from: .payments,
            (.orders, "becomes FAILED", [OrderReserved.self, OrderFailed.self]), (.inventory, "releases the stock", [InventoryReleased.self])),
        on(
            OrderConfirmed.self, from: .orders, undoneBy: OrderCancellationRequested.self,
            (.notifications, "confirms to the customer", [NotificationSent.self, NotificationFailed.self]),
            (.payments, "records a payment made offline", [PaymentProcessed.self])),
        on(
            OrderCancellationRequested.self, from: .orders,
            (.inventory, "releases the stock, or will refuse the order", [InventoryReleased.self]),
            (.payments, "voids or refunds, or will refuse to charge", [PaymentVoided.self, PaymentProcessed.self, PaymentRefunded.self])),
        on(InventoryReleased.self, from: .inventory, (.orders, "notes that the stock is free", [OrderCancelled.self])),
        on(PaymentVoided.self, from: .payments, (.orders, "notes that nothing was taken", [OrderCancelled.self])),
        on(
            PaymentRefunded.self, from: .payments, (.orders, "notes that the money is back", [OrderCancelled.self]),
            (.notifications, "tells of the refund", [NotificationSent.self, NotificationFailed.self])),
        on(OrderCancelled.self, from: .orders, (.notifications, "tells of the cancellation", [NotificationSent.self, NotificationFailed.self])),
        on(OrderFailed.self, from: .orders, (.notifications, "tells of the failure", [NotificationSent.self, NotificationFailed.self])),
        on(
            OrderShipped.self, from: .orders, (.inventory, "turns reserved into sold", []),
            (.notifications, "tells of the shipment", [NotificationSent.self, NotificationFailed.self])),
        on(OrderDelivered.self, from: .orders, (.notifications, "tells of the delivery", [NotificationSent.self, NotificationFailed.self])),
        on(NotificationSent.self, from: .notifications),
        on(NotificationFailed.self, from: .notifications),
        on(StockAdjusted.self, from: .inventory),
    ]

    /// Events that only observers need: facts that nobody has to act on.
    public static let observedOnly: Set<String> = [OrderReserved.type, NotificationSent.type, NotificationFailed.type, StockAdjusted.type]

    /// Events that nothing in the saga leads to: a person or a deadline does.
    public static let begunOutside: Set<String> = [
        OrderCreated.type, OrderCancellationRequested.type, OrderShipped.type, OrderDelivered.type, StockAdjusted.type,
    ]
    /// Events after which an order will not be carried out, and what must be given back by then.
    private static let reversals: [(event: any Event.Type, givesBack: [any Event.Type])] = [
        (OrderCancellationRequested.self, [InventoryReserved.self, PaymentProcessed.self]), (PaymentFailed.self, [InventoryReserved.self]),
    ]

    /// The types that a service reacts to; nil (all of them) for the observers.
    public static func subscriptions(of service: Participant) -> Set<String>? {
        if service == .analytics || service == .operations { return nil }
        return Set(steps.filter { step in step.reactions.contains { $0.service == service } }.map { $0.event.type })
    }

    /// What is missing or contradictory, in words; empty when the saga is complete.
    public static func gaps(in steps: [Step] = steps) -> [String] {
        var gaps: [String] = []
        let declared = steps.map { $0.event.type }
        for type in EventCatalog.types where declared.filter({ $0 == type.type }).count != 1 { gaps.append("\(type.type) must be declared exactly once") }
        let emitted = Dictionary(
            grouping: steps.flatMap { step in step.reactions.flatMap { reaction in reaction.emits.map { ($0.type, reaction.service) } } }, by: \.0)
        for step in steps {
            let type = step.event.type
            if step.reactions.isEmpty, !observedOnly.contains(type) { gaps.append("nobody reacts to \(type)") }
            if emitted[type] == nil, !begunOutside.contains(type) { gaps.append("nothing leads to \(type)") }
            // Only Orders ends a saga, so it must hear what the others did for an order.
            if step.producer != .orders, !observedOnly.contains(type), !step.reactions.contains(where: { $0.service == .orders }) {
                gaps.append("Orders does not hear of \(type)")
            }
            for (_, service) in emitted[type] ?? [] where service != step.producer {
                gaps.append("\(service.rawValue) emits \(type), which belongs to \(step.producer.rawValue)")
            }
            if let undo = step.undoneBy {
                if !declared.contains(undo.type) { gaps.append("\(type) is undone by \(undo.type), which is not declared") }
            } else if [OrderCreated.type, InventoryReserved.type, PaymentProcessed.type, OrderConfirmed.type].contains(type) {
                gaps.append("\(type) takes something and names no event that gives it back")
            }
        }
        for (event, taken) in reversals {
            let answers = Set(steps.filter { $0.event.type == event.type }.flatMap(\.reactions).flatMap(\.emits).map { $0.type })
            for type in taken.map({ $0.type }) {
                guard let undo = steps.first(where: { $0.event.type == type })?.undoneBy, !answers.contains(undo.type) else { continue }
                gaps.append("\(event.type) does not lead to \(undo.type), which gives back what \(type) took")
            }
        }
        return gaps
    }

    /// The saga as a Mermaid flowchart for the documentation.
    public static var diagram: String {
        var lines = ["flowchart LR"]
        for service in Participant.allCases where service != .analytics && service != .operations {
            lines.append("    \(service.rawValue)([\(service.rawValue.capitalized)])")
        }
        for step in steps {
            let type = step.event.type
            lines.append("    \(step.producer.rawValue) --> \(type)[\(type)]")
            for reaction in step.reactions { lines.append("    \(type) -->|\"\(reaction.action)\"| \(reaction.service.rawValue)") }
        }
        lines.append("    everything[every event] --> observers([Analytics, Operations])")
        return lines.joined(separator: "\n") + "\n"
    }
}

extension String {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}

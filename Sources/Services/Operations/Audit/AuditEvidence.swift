import Contracts
import Messaging
import Wire

/// An event of the archive as the auditor reads it.
public struct EventTestimony: Sendable, Equatable {
    /// Its place in the archive.
    public let sequence: Int64
    public let id: Identifier
    public let type: String
    public let source: String
    /// Whether it was a dead letter first, so that it stands in the archive behind what came after it.
    public let cameLate: Bool
    /// What caused it; read only for types that an order has more than once, because it stands in the body.
    public var causationID: Identifier?
}

/// All that is known of one order: what the services have on record, and what is on its way between them.
public struct OrderEvidence: Sendable {
    /// Who was asked. Rules that need others are not applied.
    public enum Witness: Sendable { case inventory, payments, provider, notifications, analytics, archive }

    /// What is on record. The same at two looks means that nothing happened in between.
    public struct Record: Sendable, Equatable {
        public var order: OrderTestimony?
        public var reservation: ReservationTestimony?
        public var payment: PaymentTestimony?
        public var ledger: [LedgerTestimony] = []
        public var notifications: [NotificationTestimony] = []
        public var fact: FactTestimony?
        public var events: [EventTestimony] = []
        public init() {}
    }

    public let id: OrderID
    public let witnesses: Set<Witness>
    public var record = Record()
    public var pending: [Traffic.Pending] = []
    public var parked: [Traffic.Parked] = []
    public var dead: [Traffic.Dead] = []
    public var jobs: [Traffic.Waiting] = []
    /// So much is on its way that this order may be concerned.
    public var isBeyondSight = false

    public init(id: OrderID, witnesses: Set<Witness>) { (self.id, self.witnesses) = (id, witnesses) }

    /// Whether nothing that concerns the order is on its way: then all that is on record must fit together.
    public var isAtRest: Bool { !isBeyondSight && pending.isEmpty && parked.isEmpty && jobs.isEmpty }

    /// How many events of a type were said.
    func count(_ type: String) -> Int { record.events.reduce(0) { $0 + ($1.type == type ? 1 : 0) } }
    func has(_ type: String) -> Bool { record.events.contains { $0.type == type } }
    /// Whether the order has been in a status.
    func reached(_ status: OrderStatus) -> Bool { record.order?.history.contains { $0.status == status } ?? false }
    /// Whether a consumer gave up an event of this order: what it does not know then is a dead letter, and reported as one.
    func gaveUp(_ consumer: Choreography.Participant) -> Bool { dead.contains { $0.consumer == consumer.rawValue } }
}

/// A product's counters and records, and how often its adjustments were told.
public struct ProductEvidence: Sendable, Equatable {
    public let product: ProductTestimony
    /// StockAdjusted events in the archive; nil where nobody was asked, or where one is on its way.
    public let toldAdjustments: Int64?
    public init(product: ProductTestimony, toldAdjustments: Int64?) { (self.product, self.toldAdjustments) = (product, toldAdjustments) }
}

import Wire

/// Orders whose ids lie between two, both included: what a witness is asked about. One order is a range of itself; a sweep asks for neighbours, which lie
/// together in every table.
public struct OrderRange: Sendable, Equatable {
    public let first: OrderID
    public let last: OrderID
    public init(_ first: OrderID, through last: OrderID) { (self.first, self.last) = (first, last) }
    /// One order.
    public init(_ id: OrderID) { self.init(id, through: id) }
    /// Every order.
    public static let all = OrderRange(Identifier(high: 0, low: 0), through: Identifier(high: .max, low: .max))
}

/// What Orders says about an order, as of one moment. Numbers are as they stand in the database, so that nonsense is a finding and not a failure to read.
public struct OrderTestimony: Sendable, Equatable {
    /// A change of status as it was recorded.
    public struct Step: Sendable, Equatable {
        public let version: Int64
        public let status: OrderStatus?
        public let at: Timestamp
        public init(version: Int64, status: OrderStatus?, at: Timestamp) { (self.version, self.status, self.at) = (version, status, at) }
    }

    public let id: OrderID
    public let status: OrderStatus?
    public let version: Int64
    /// While CANCELLING: Inventory has answered.
    public let isStockFree: Bool
    /// While CANCELLING: Payments has answered.
    public let isPaymentUndone: Bool
    /// The customer pays elsewhere.
    public let isOffline: Bool
    public let currency: String
    public let total: Int64
    public let lineCount: Int64
    public let createdAt: Timestamp
    public let updatedAt: Timestamp
    public let deadline: Timestamp
    /// Whether the timer that ends an unsettled order is set; true where none is needed.
    public let hasDeadline: Bool
    public let reason: String?
    /// The recorded changes, by version.
    public var history: [Step] = []
    /// What its lines add up to.
    public var lines = LineTotals()

    public init(
        id: OrderID, status: OrderStatus?, version: Int64, isStockFree: Bool, isPaymentUndone: Bool, isOffline: Bool, currency: String, total: Int64,
        lineCount: Int64, createdAt: Timestamp, updatedAt: Timestamp, deadline: Timestamp, hasDeadline: Bool, reason: String?
    ) {
        (self.id, self.status, self.version, self.isStockFree, self.isPaymentUndone) = (id, status, version, isStockFree, isPaymentUndone)
        (self.isOffline, self.currency, self.total, self.lineCount, self.createdAt) = (isOffline, currency, total, lineCount, createdAt)
        (self.updatedAt, self.deadline, self.hasDeadline, self.reason) = (updatedAt, deadline, hasDeadline, reason)
    }
}

/// Lines counted and added up.
public struct LineTotals: Sendable, Equatable {
    public let lines: Int64
    public let units: Int64
    /// Minor units; 0 where lines have no price.
    public let amount: Int64
    public init(lines: Int64 = 0, units: Int64 = 0, amount: Int64 = 0) { (self.lines, self.units, self.amount) = (lines, units, amount) }
}

/// What Inventory says about an order.
public struct ReservationTestimony: Sendable, Equatable {
    /// See `docs/spec/reservation.md`.
    public enum State: String, Sendable, CaseIterable { case held, rejected, released, refused, sold }
    public let orderID: OrderID
    public let state: State?
    public let updatedAt: Timestamp
    /// The lines that are held, or were.
    public var lines = LineTotals()
    public init(orderID: OrderID, state: State?, updatedAt: Timestamp) { (self.orderID, self.state, self.updatedAt) = (orderID, state, updatedAt) }
}

/// What Inventory says about a product: its counters, and what they must be by its own records.
public struct ProductTestimony: Sendable, Equatable {
    public let id: ProductID
    public let sku: String
    public let available: Int64
    public let reserved: Int64
    public let sold: Int64
    /// The sum and the number of all recorded adjustments, the first stock included.
    public let adjusted: Int64
    public let adjustments: Int64
    /// Units in lines of orders that hold them, and of orders that took them.
    public let held: Int64
    public let gone: Int64
    public init(
        id: ProductID, sku: String, available: Int64, reserved: Int64, sold: Int64, adjusted: Int64, adjustments: Int64, held: Int64, gone: Int64
    ) {
        (self.id, self.sku, self.available, self.reserved, self.sold) = (id, sku, available, reserved, sold)
        (self.adjusted, self.adjustments, self.held, self.gone) = (adjusted, adjustments, held, gone)
    }
}

/// What Payments says about an order.
public struct PaymentTestimony: Sendable, Equatable {
    /// See `docs/spec/payment.md`.
    public enum State: String, Sendable, CaseIterable {
        case charging, chargingCancelled, captured, failed, voided, refunding, refunded, awaitingOffline, paidOffline
    }
    public let orderID: OrderID
    public let state: State?
    /// Nil while only a cancellation is known of the order.
    public let amount: Int64?
    public let currency: String?
    public let updatedAt: Timestamp
    public init(orderID: OrderID, state: State?, amount: Int64?, currency: String?, updatedAt: Timestamp) {
        (self.orderID, self.state, self.amount, self.currency, self.updatedAt) = (orderID, state, amount, currency, updatedAt)
    }
}

/// A line of the payment provider's own books.
public struct LedgerTestimony: Sendable, Equatable {
    public let orderID: OrderID
    public let intentID: Identifier
    /// `capture`, `refund`, `void`, `decline`.
    public let entry: String
    public let amount: Int64
    public let currency: String
    public init(orderID: OrderID, intentID: Identifier, entry: String, amount: Int64, currency: String) {
        (self.orderID, self.intentID, self.entry, self.amount, self.currency) = (orderID, intentID, entry, amount, currency)
    }
}

/// What Notifications says about one thing that an order's customer was told.
public struct NotificationTestimony: Sendable, Equatable {
    /// How far it is.
    public enum Status: String, Sendable, CaseIterable { case pending, sent, failed }
    public let orderID: OrderID
    public let id: Identifier
    public let kind: NotificationKind?
    public let channel: String
    public let status: Status?
    public init(orderID: OrderID, id: Identifier, kind: NotificationKind?, channel: String, status: Status?) {
        (self.orderID, self.id, self.kind, self.channel, self.status) = (orderID, id, kind, channel, status)
    }
}

/// What Analytics knows of an order.
public struct FactTestimony: Sendable, Equatable {
    public let orderID: OrderID
    public let status: OrderStatus?
    public let version: Int64
    public let currency: String?
    public let captured: Int64
    public let refunded: Int64
    /// Whether its confirmation was heard, and that it was taken back afterwards.
    public let isConfirmed: Bool
    public let isTakenBack: Bool
    /// What its products come to; nil where they are not known or cannot be read.
    public let amount: Int64?
    public init(
        orderID: OrderID, status: OrderStatus?, version: Int64, currency: String?, captured: Int64, refunded: Int64, isConfirmed: Bool, isTakenBack: Bool,
        amount: Int64?
    ) {
        (self.orderID, self.status, self.version, self.currency, self.captured) = (orderID, status, version, currency, captured)
        (self.refunded, self.isConfirmed, self.isTakenBack, self.amount) = (refunded, isConfirmed, isTakenBack, amount)
    }
}

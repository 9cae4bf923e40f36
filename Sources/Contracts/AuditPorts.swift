import Wire

// What the auditor asks of the others. Services never know each other: Operations asks through these ports, the platform connects them. Each answer is one
// consistent state of one database; what two of them say may lie some milliseconds apart.

/// Orders as a witness.
public protocol OrderWitness: Sendable {
    func orders(in ranges: [OrderRange]) async throws -> [OrderTestimony]
    /// The id of the `count`-th order behind one; nil when there are fewer. A sweep goes by it.
    func boundary(after id: OrderID, count: Int) async throws -> OrderID?
    /// How many orders there are.
    func count() async throws -> Int64
    /// Orders that are not settled, those that have waited longest first.
    func open(limit: Int) async throws -> [OrderID]
    /// How many orders are not settled, and the oldest of them.
    func openSummary(at now: Timestamp) async throws -> OpenOrders
}

/// The orders that are not settled, as numbers.
public struct OpenOrders: Sendable, Equatable {
    /// How long an order may be CANCELLING: Inventory answers in milliseconds, and Payments as soon as the provider does.
    public static let cancellingLimitMilliseconds: Int64 = 60_000
    /// How long after its deadline an order may still be open (promise L1).
    public static let graceMilliseconds: Int64 = 30_000

    public let count: Int64
    /// Of these, so many are beyond their limit.
    public let overdue: Int64
    public let oldest: OrderID?
    public init(count: Int64, overdue: Int64, oldest: OrderID?) { (self.count, self.overdue, self.oldest) = (count, overdue, oldest) }
}

/// Inventory as a witness.
public protocol StockWitness: Sendable {
    func reservations(in ranges: [OrderRange]) async throws -> [ReservationTestimony]
    /// Every product, all of one moment.
    func products() async throws -> [ProductTestimony]
}

/// Payments as a witness.
public protocol PaymentWitness: Sendable {
    func payments(in ranges: [OrderRange]) async throws -> [PaymentTestimony]
}

/// The payment provider as a witness: its books, not our records of them.
public protocol LedgerWitness: Sendable {
    func entries(in ranges: [OrderRange]) async throws -> [LedgerTestimony]
}

/// Notifications as a witness.
public protocol NotificationWitness: Sendable {
    func notifications(in ranges: [OrderRange]) async throws -> [NotificationTestimony]
}

/// Analytics as a witness.
public protocol FactWitness: Sendable {
    /// What is known of orders; nil while everything is being counted anew.
    func facts(in ranges: [OrderRange]) async throws -> [FactTestimony]?
    /// Where sums differ from the facts they are sums of, in words.
    func discrepancies() async throws -> [String]
}

/// Something that puts an order or a product right, done by the service that owns it with its own state machine; never by writing into its tables from outside.
public enum RepairAction: Sendable, Equatable {
    /// Orders says the event of a status that its history has and nobody heard of.
    case announceStatus(OrderID, OrderStatus)
    /// Orders sets the timer of an order's deadline again.
    case setDeadline(OrderID)
    /// Orders begins to undo an order.
    case cancel(OrderID, reason: String)
    /// Inventory gives back what it holds for an order, and says so unless it has said so before.
    case releaseStock(OrderID, isTold: Bool)
    /// Inventory sets a product's counters to what its records come to.
    case recount(ProductID)
    /// Payments gives back what it took for an order.
    case refund(OrderID)
    /// Payments makes the job again that a payment's state waits for.
    case requeuePayment(OrderID)
    /// Payments says again how the payment of an order ended.
    case announcePayment(OrderID)
    /// Analytics learns an order anew from its events.
    case recomputeFact(OrderID)
    /// Analytics counts everything anew.
    case rebuild
    /// A consumer's handler is given an event once more.
    case redeliver(OrderID, type: String, to: Choreography.Participant)

    /// In words, for people and as the name of the action in the log of what was done.
    public var name: String {
        switch self {
        case .announceStatus(_, let status): "orders says the missing event of \(status)"
        case .setDeadline: "orders sets the deadline's timer again"
        case .cancel: "orders cancels the order"
        case .releaseStock: "inventory releases what it holds"
        case .recount: "inventory sets the counters to what its records come to"
        case .refund: "payments gives the money back"
        case .requeuePayment: "payments asks the provider again"
        case .announcePayment: "payments says again how the payment ended"
        case .recomputeFact: "analytics learns the order anew from its events"
        case .rebuild: "analytics counts everything anew"
        case .redeliver(_, let type, let consumer): "\(consumer.rawValue) is given \(type) once more"
        }
    }
}

/// What became of a repair.
public enum RepairOutcome: Sendable, Equatable {
    /// It is done and recorded; what was, and what is.
    case done(before: String, after: String)
    /// The service's state does not allow it; a person must look.
    case refused(String)
}

/// A service that puts its own things right.
public protocol Repairer: Sendable {
    /// - Returns: nil for an action that is not this service's.
    func repair(_ action: RepairAction, actor: String) async throws -> RepairOutcome?
}

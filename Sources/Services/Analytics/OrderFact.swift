import Contracts
import Wire

/// What is known of one order.
///
/// Every input only adds knowledge, and what is known does not depend on the order in which it came: payments overtake orders, a rebuild reads the past while
/// the present goes on. The aggregates are sums over facts (see ``Aggregates/move(from:to:)``), so they are right for the same reason.
struct OrderFact: Sendable, Equatable {
    let id: OrderID
    /// The newest status heard of, and the order's version at which it was reached.
    var status: OrderStatus?
    var version: Int64 = 0
    /// What falls to each product, in the compact form of ``ProductShares``: most events need it only to be kept. Known once OrderCreated was seen.
    var products: [UInt8]?
    var currency: String?
    var placedAt: Timestamp?
    var country: String?
    var createdAt: Timestamp?
    var confirmedAt: Timestamp?
    /// Whether the order was to be cancelled after it was paid.
    var isTakenBack = false
    /// Minor units taken and given back so far.
    var captured: Int64 = 0
    var refunded: Int64 = 0
    /// Why it was cancelled or failed.
    var reason: String?

    /// An order of which nothing is known.
    init(id: OrderID) { self.id = id }

    /// Whether it counts as sold: paid or later.
    var isSold: Bool { confirmedAt != nil && !isTakenBack }

    /// Milliseconds from the order's acceptance to its confirmation.
    var latencyMilliseconds: Int64? {
        guard let createdAt, let confirmedAt else { return nil }
        return confirmedAt.milliseconds - createdAt.milliseconds
    }

    /// What falls to each product; nil until the lines are known.
    /// - Throws: ``DamagedFact``.
    func shares() throws(DamagedFact) -> ProductShares? {
        guard let products else { return nil }
        guard let shares = ProductShares(bytes: products) else { throw DamagedFact(id: id) }
        return shares
    }

    /// The types that tell something of an order.
    static let types: Set<String> = [
        OrderCreated.type, OrderReserved.type, OrderConfirmed.type, OrderShipped.type, OrderDelivered.type, OrderCancellationRequested.type,
        OrderCancelled.type, OrderFailed.type, PaymentProcessed.type, PaymentRefunded.type,
    ]

    /// The longest reason kept: it may be a customer's own words.
    static let maximumReason = 80

    /// Takes an event of this order.
    /// - Throws: ``ImplausibleOrder``.
    mutating func apply(_ envelope: Envelope) throws(ImplausibleOrder) {
        switch envelope.event {
        case let created as OrderCreated:
            products = try ProductShares(created.lines).bytes
            currency = created.total.currency.code
            placedAt = created.placedAt
            country = created.shippingCountry
            createdAt = envelope.time
        case let processed as PaymentProcessed:
            captured += processed.amount.minorUnits
            if currency == nil { currency = processed.amount.currency.code }
        case let refunded as PaymentRefunded:
            self.refunded += refunded.amount.minorUnits
            if currency == nil { currency = refunded.amount.currency.code }
        case is OrderConfirmed: confirmedAt = envelope.time
        case let requested as OrderCancellationRequested: if requested.change.old == .paid { isTakenBack = true }
        case let cancelled as OrderCancelled: reason = String(cancelled.reason.prefix(OrderFact.maximumReason))
        case let failed as OrderFailed: reason = String(failed.reason.prefix(OrderFact.maximumReason))
        default: break
        }
        if let event = envelope.event as? any OrderStatusEvent { reach(event.change.new, at: envelope.version ?? 0) }
    }

    private mutating func reach(_ new: OrderStatus, at newVersion: Int64) {
        if let status, (newVersion, new.code) <= (version, status.code) { return }
        (status, version) = (new, newVersion)
    }
}

/// A stored fact that cannot be read; its order's events become dead letters, and a rebuild mends it.
struct DamagedFact: Error, CustomStringConvertible {
    let id: OrderID
    var description: String { "the stored products of order \(id) cannot be read" }
}

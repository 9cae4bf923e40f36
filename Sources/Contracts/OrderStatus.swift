import Wire

/// The identity of an order.
public typealias OrderID = Identifier
/// The identity of a product.
public typealias ProductID = Identifier

/// Where an order stands, as everybody outside sees it.
public enum OrderStatus: String, Sendable, CaseIterable, CustomStringConvertible {
    /// Accepted, stock not yet reserved.
    case created = "CREATED"
    /// Stock is held for every line; payment is under way.
    case reserved = "RESERVED"
    /// Paid in full, confirmed to the customer.
    case paid = "PAID"
    case shipped = "SHIPPED"
    case delivered = "DELIVERED"
    /// Being undone: waits until stock is free and money is back.
    case cancelling = "CANCELLING"
    /// Undone: no money kept, no stock held.
    case cancelled = "CANCELLED"
    /// Payment was refused: no money taken, no stock held.
    case failed = "FAILED"

    public var description: String { rawValue }

    /// Whether the saga has come to its end: nothing more happens unless somebody asks for it.
    public var isSettled: Bool {
        switch self {
        case .created, .reserved, .cancelling: false
        case .paid, .shipped, .delivered, .cancelled, .failed: true
        }
    }

    /// A small number for the database; never renumbered.
    public var code: Int64 {
        switch self {
        case .created: 1
        case .reserved: 2
        case .paid: 3
        case .shipped: 4
        case .delivered: 5
        case .cancelling: 6
        case .cancelled: 7
        case .failed: 8
        }
    }

    /// The status of a code.
    public init?(code: Int64) {
        guard let status = OrderStatus.allCases.first(where: { $0.code == code }) else { return nil }
        self = status
    }
}

/// The step of an order from one status to the next, carried by every event of the order-status-changed family.
public struct StatusChange: Sendable, Equatable {
    /// The status before; nil for the first.
    public let old: OrderStatus?
    /// The status after.
    public let new: OrderStatus

    public init(from old: OrderStatus?, to new: OrderStatus) { (self.old, self.new) = (old, new) }

    /// What it looks like in an event.
    static let members: [EventMember] = [
        .optional("oldStatus", .oneOf(OrderStatus.allCases.map(\.rawValue)), "The order's status before."),
        .required("newStatus", .oneOf(OrderStatus.allCases.map(\.rawValue)), "The order's status after."),
    ]

    func write(to json: inout JSONWriter) {
        json.optional("oldStatus", old?.rawValue)
        json.member("newStatus", new.rawValue)
    }

    init(from json: JSONObject) throws {
        func status(_ text: String, _ key: String) throws -> OrderStatus {
            guard let status = OrderStatus(rawValue: text) else { throw JSONMismatch(key: key, expected: "an order status") }
            return status
        }
        old = try json.optionalString("oldStatus").map { try status($0, "oldStatus") }
        new = try status(json.string("newStatus"), "newStatus")
    }
}

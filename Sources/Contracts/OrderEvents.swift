import Wire

/// A line of an order: so many units of a product at a price each.
public struct OrderLine: Sendable, Equatable {
    /// The product's id, when the client gave it or Inventory was asked.
    public let productID: ProductID?
    /// The product's stock-keeping unit; either this or the id is there.
    public let sku: String?
    /// Units, at least 1.
    public let quantity: Int64
    /// Price of one unit.
    public let price: Money

    public init(productID: ProductID?, sku: String?, quantity: Int64, price: Money) {
        (self.productID, self.sku, self.quantity, self.price) = (productID, sku, quantity, price)
    }

    /// What a line looks like in an event.
    static let members: [EventMember] = [
        .optional("productId", .identifier, "The product, when the client gave its id or Inventory was asked."),
        .optional("sku", .text, "The product's stock-keeping unit; either this or the id is there."),
        .required("quantity", .integer(atLeast: 1), "Units."),
        .required("price", .amount, "Price of one unit."),
    ]
}

/// An event that is one change of an order's status.
public protocol OrderStatusEvent: Event {
    /// From which status to which.
    var change: StatusChange { get }
}

extension OrderStatusEvent {
    public static var topic: String { "orders" }
    public static var schemaVersion: Int { 1 }
}

/// An order was accepted.
public struct OrderCreated: OrderStatusEvent {
    public static let type = "OrderCreated"
    public static let shape = EventShape(
        "An order was accepted.",
        [
            .required("newStatus", .oneOf([OrderStatus.created.rawValue]), "The status of every new order."),
            .customerID,
            .required("items", .objects(OrderLine.members), "What is ordered, line by line."),
            .required("totalAmount", .amount, "The order's total."),
            .currency,
            .optional("shippingCountry", .text, "Where the goods are to go."),
            .required("paymentMethod", .text, "A reference to the means of payment at the provider; never a card number."),
            .required("placedAt", .timestamp, "When the customer ordered: now, or in the past for imported orders."),
            .optional(
                "checkPrices", .boolean, "Whether the prices are the client's word, to be compared with the catalogue when stock is reserved; false if absent."),
        ])

    public let change = StatusChange(from: nil, to: .created)
    public let customerID: String?
    public let lines: [OrderLine]
    public let total: Money
    public let shippingCountry: String?
    /// A reference to the means of payment at the provider; never a card number.
    public let paymentMethod: String
    /// When the customer ordered: now, or in the past for imported orders.
    public let placedAt: Timestamp
    /// Whether the prices are the client's word, which nobody could compare with the catalogue when the order was accepted; as it was said, if it was.
    private let checkPrices: Bool?
    /// Whether the prices are to be compared with the catalogue when stock is reserved.
    public var hasPricesToCheck: Bool { checkPrices ?? false }

    public init(
        customerID: String?, lines: [OrderLine], total: Money, shippingCountry: String?, paymentMethod: String, placedAt: Timestamp,
        hasPricesToCheck: Bool = false
    ) {
        checkPrices = hasPricesToCheck ? true : nil
        (self.customerID, self.lines, self.total) = (customerID, lines, total)
        (self.shippingCountry, self.paymentMethod, self.placedAt) = (shippingCountry, paymentMethod, placedAt)
    }

    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.optional("customerId", customerID)
        json.key("items")
        json.array(lines) { json, line in
            json.object { json in
                json.optional("productId", line.productID)
                json.optional("sku", line.sku)
                json.member("quantity", line.quantity)
                json.member("price", line.price.amount)
            }
        }
        json.member("totalAmount", total.amount)
        json.member("currency", total.currency.code)
        json.optional("shippingCountry", shippingCountry)
        json.member("paymentMethod", paymentMethod)
        json.member("placedAt", placedAt)
        if let checkPrices { json.member("checkPrices", checkPrices) }
    }

    public init(from json: JSONObject) throws {
        guard try json.string("newStatus") == change.new.rawValue else { throw JSONMismatch(key: "newStatus", expected: change.new.rawValue) }
        let currency = try json.currency()
        customerID = try json.optionalString("customerId")
        lines = try json.objects("items").map {
            OrderLine(
                productID: try $0.optionalIdentifier("productId"), sku: try $0.optionalString("sku"), quantity: try $0.integer("quantity", in: 1...Int64.max),
                price: try $0.money("price", currency))
        }
        total = try json.money("totalAmount", currency)
        shippingCountry = try json.optionalString("shippingCountry")
        paymentMethod = try json.string("paymentMethod")
        placedAt = try json.timestamp("placedAt")
        checkPrices = json["checkPrices"] == nil ? nil : try json.bool("checkPrices")
    }
}

/// Stock is held for every line.
public struct OrderReserved: OrderStatusEvent {
    public static let type = "OrderReserved"
    public static let shape = EventShape("Stock is held for every line.", StatusChange.members)
    public let change: StatusChange
    public init(change: StatusChange) { self.change = change }
    public func write(to json: inout JSONWriter) { change.write(to: &json) }
    public init(from json: JSONObject) throws { change = try StatusChange(from: json) }
}

/// The order is paid and certain. Notifications confirm on this event, not on PaymentProcessed, which a cancellation can overtake.
public struct OrderConfirmed: OrderStatusEvent {
    public static let type = "OrderConfirmed"
    public static let shape = EventShape(
        "The order is paid and certain. Notifications confirm on this event, not on PaymentProcessed, which a cancellation can overtake.",
        StatusChange.members + [
            .customerID,
            .required("totalAmount", .amount, "The order's total."),
            .currency,
            .required("paidOffline", .boolean, "Whether an operator recorded a payment made elsewhere."),
        ])

    public let change: StatusChange
    public let customerID: String?
    public let total: Money
    /// Whether an operator recorded a payment made elsewhere.
    public let isPaidOffline: Bool

    public init(change: StatusChange, customerID: String?, total: Money, isPaidOffline: Bool) {
        (self.change, self.customerID, self.total, self.isPaidOffline) = (change, customerID, total, isPaidOffline)
    }
    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.optional("customerId", customerID)
        json.member("totalAmount", total.amount)
        json.member("currency", total.currency.code)
        json.member("paidOffline", isPaidOffline)
    }
    public init(from json: JSONObject) throws {
        change = try StatusChange(from: json)
        customerID = try json.optionalString("customerId")
        total = try json.money("totalAmount", json.currency())
        isPaidOffline = try json.bool("paidOffline")
    }
}

/// Somebody, or the deadline, wants the order undone. Inventory and Payments each answer exactly once.
public struct OrderCancellationRequested: OrderStatusEvent {
    public static let type = "OrderCancellationRequested"
    public static let shape = EventShape(
        "Somebody, or the deadline, wants the order undone. Inventory and Payments each answer exactly once.",
        StatusChange.members + [
            .required("reason", .text, "`customer`, `admin`, `deadline`, or the words of whoever asked.")
        ])

    public let change: StatusChange
    /// `customer`, `admin`, `deadline`, or the words of whoever asked.
    public let reason: String
    public init(change: StatusChange, reason: String) { (self.change, self.reason) = (change, reason) }
    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        change = try StatusChange(from: json)
        reason = try json.string("reason")
    }
}

/// The order is undone: no money kept, no stock held.
public struct OrderCancelled: OrderStatusEvent {
    public static let type = "OrderCancelled"
    public static let shape = EventShape(
        "The order is undone: no money kept, no stock held.",
        StatusChange.members + [
            .customerID,
            .required("reason", .text, "Why: `insufficient_stock`, `price_changed`, or what the cancellation was requested with."),
        ])

    public let change: StatusChange
    public let customerID: String?
    /// Why: `insufficient_stock`, `price_changed`, or what the cancellation was requested with.
    public let reason: String
    public init(change: StatusChange, customerID: String?, reason: String) { (self.change, self.customerID, self.reason) = (change, customerID, reason) }
    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.optional("customerId", customerID)
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        change = try StatusChange(from: json)
        customerID = try json.optionalString("customerId")
        reason = try json.string("reason")
    }
}

/// The payment was refused.
public struct OrderFailed: OrderStatusEvent {
    public static let type = "OrderFailed"
    public static let shape = EventShape(
        "The payment was refused.",
        StatusChange.members + [
            .customerID,
            .required("reason", .text, "The provider's reason, such as `card_declined`."),
        ])

    public let change: StatusChange
    public let customerID: String?
    /// The provider's reason, such as `card_declined`.
    public let reason: String
    public init(change: StatusChange, customerID: String?, reason: String) { (self.change, self.customerID, self.reason) = (change, customerID, reason) }
    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.optional("customerId", customerID)
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        change = try StatusChange(from: json)
        customerID = try json.optionalString("customerId")
        reason = try json.string("reason")
    }
}

/// The goods left the house.
public struct OrderShipped: OrderStatusEvent {
    public static let type = "OrderShipped"
    public static let shape = EventShape(
        "The goods left the house.",
        StatusChange.members + [
            .customerID
        ])

    public let change: StatusChange
    public let customerID: String?
    public init(change: StatusChange, customerID: String?) { (self.change, self.customerID) = (change, customerID) }
    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.optional("customerId", customerID)
    }
    public init(from json: JSONObject) throws {
        change = try StatusChange(from: json)
        customerID = try json.optionalString("customerId")
    }
}

/// The goods arrived.
public struct OrderDelivered: OrderStatusEvent {
    public static let type = "OrderDelivered"
    public static let shape = EventShape(
        "The goods arrived.",
        StatusChange.members + [
            .customerID
        ])

    public let change: StatusChange
    public let customerID: String?
    public init(change: StatusChange, customerID: String?) { (self.change, self.customerID) = (change, customerID) }
    public func write(to json: inout JSONWriter) {
        change.write(to: &json)
        json.optional("customerId", customerID)
    }
    public init(from json: JSONObject) throws {
        change = try StatusChange(from: json)
        customerID = try json.optionalString("customerId")
    }
}

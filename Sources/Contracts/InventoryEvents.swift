import Wire

/// Stock held for one line of an order.
public struct StockReservation: Sendable, Equatable {
    public let productID: ProductID
    public let sku: String
    public let quantity: Int64
    public let reservationID: Identifier
    public init(productID: ProductID, sku: String, quantity: Int64, reservationID: Identifier) {
        (self.productID, self.sku, self.quantity, self.reservationID) = (productID, sku, quantity, reservationID)
    }
}

/// All lines of an order are held. Carries what Payments needs, so that it need not have seen OrderCreated, which comes on another topic.
public struct InventoryReserved: Event {
    public static let type = "InventoryReserved"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public let reservations: [StockReservation]
    /// The order's total, to be charged.
    public let total: Money
    /// The means of payment that the order names.
    public let paymentMethod: String

    public init(reservations: [StockReservation], total: Money, paymentMethod: String) {
        (self.reservations, self.total, self.paymentMethod) = (reservations, total, paymentMethod)
    }
    public func write(to json: inout JSONWriter) {
        json.key("reservations")
        json.array(reservations) { json, reservation in
            json.object { json in
                json.member("productId", reservation.productID)
                json.member("sku", reservation.sku)
                json.member("quantity", reservation.quantity)
                json.member("reservationId", reservation.reservationID)
            }
        }
        json.member("totalAmount", total.amount)
        json.member("currency", total.currency.code)
        json.member("paymentMethod", paymentMethod)
    }
    public init(from json: JSONObject) throws {
        reservations = try json.objects("reservations").map {
            StockReservation(
                productID: try $0.identifier("productId"), sku: try $0.string("sku"), quantity: try $0.integer("quantity"),
                reservationID: try $0.identifier("reservationId"))
        }
        total = try json.money("totalAmount", json.currency())
        paymentMethod = try json.string("paymentMethod")
    }
}

/// A product of which there is not enough.
public struct StockShortage: Sendable, Equatable {
    public let productID: ProductID?
    public let sku: String?
    public let requested: Int64
    /// Units that could be had; 0 for a product that does not exist.
    public let available: Int64
    public init(productID: ProductID?, sku: String?, requested: Int64, available: Int64) {
        (self.productID, self.sku, self.requested, self.available) = (productID, sku, requested, available)
    }
}

/// Not all lines could be held, so none is; names every product that is short.
public struct InventoryInsufficient: Event {
    public static let type = "InventoryInsufficient"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public let shortages: [StockShortage]

    public init(shortages: [StockShortage]) { self.shortages = shortages }
    public func write(to json: inout JSONWriter) {
        json.key("shortages")
        json.array(shortages) { json, shortage in
            json.object { json in
                json.optional("productId", shortage.productID)
                json.optional("sku", shortage.sku)
                json.member("requested", shortage.requested)
                json.member("available", shortage.available)
            }
        }
    }
    public init(from json: JSONObject) throws {
        shortages = try json.objects("shortages").map {
            StockShortage(
                productID: try $0.optionalIdentifier("productId"), sku: try $0.optionalString("sku"), requested: try $0.integer("requested"),
                available: try $0.integer("available"))
        }
    }
}

/// Nothing is held for the order any more: the answer to a cancellation, also when nothing was held, and the consequence of a refused payment.
public struct InventoryReleased: Event {
    public static let type = "InventoryReleased"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public let reservations: [StockReservation]
    /// `cancellation` or `payment_failed`.
    public let reason: String

    public init(reservations: [StockReservation], reason: String) { (self.reservations, self.reason) = (reservations, reason) }
    public func write(to json: inout JSONWriter) {
        json.key("reservations")
        json.array(reservations) { json, reservation in
            json.object { json in
                json.member("productId", reservation.productID)
                json.member("sku", reservation.sku)
                json.member("quantity", reservation.quantity)
                json.member("reservationId", reservation.reservationID)
            }
        }
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        reservations = try json.objects("reservations").map {
            StockReservation(
                productID: try $0.identifier("productId"), sku: try $0.string("sku"), quantity: try $0.integer("quantity"),
                reservationID: try $0.identifier("reservationId"))
        }
        reason = try json.string("reason")
    }
}

/// Stock of a product was received, written off or counted anew.
public struct StockAdjusted: Event {
    public static let type = "StockAdjusted"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public static let keyName: StaticString = "productId"
    public let sku: String
    /// Units added; negative for units taken away.
    public let delta: Int64
    /// Units for sale afterwards.
    public let available: Int64
    public let reason: String

    public init(sku: String, delta: Int64, available: Int64, reason: String) {
        (self.sku, self.delta, self.available, self.reason) = (sku, delta, available, reason)
    }
    public func write(to json: inout JSONWriter) {
        json.member("sku", sku)
        json.member("delta", delta)
        json.member("availableQuantity", available)
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        sku = try json.string("sku")
        delta = try json.integer("delta")
        available = try json.integer("availableQuantity")
        reason = try json.string("reason")
    }
}

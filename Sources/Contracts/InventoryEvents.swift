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

    /// What it looks like in an event.
    static let members: [EventMember] = [
        .required("productId", .identifier, "The product."),
        .required("sku", .text, "The product's stock-keeping unit."),
        .required("quantity", .integer(atLeast: 1), "Units."),
        .required("reservationId", .identifier, "The reservation."),
    ]
}

/// All lines of an order are held. Carries what Payments needs, so that it need not have seen OrderCreated, which comes on another topic.
public struct InventoryReserved: Event {
    public static let type = "InventoryReserved"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "All lines of an order are held. Carries what Payments needs, which need not have seen OrderCreated.",
        [
            .required("reservations", .objects(StockReservation.members), "What is held, line by line."),
            .required("totalAmount", .amount, "The order's total, to be charged."),
            .currency,
            .required("paymentMethod", .text, "The means of payment that the order names."),
        ])

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
                productID: try $0.identifier("productId"), sku: try $0.string("sku"), quantity: try $0.integer("quantity", in: 1...Int64.max),
                reservationID: try $0.identifier("reservationId"))
        }
        total = try json.money("totalAmount", json.currency())
        paymentMethod = try json.string("paymentMethod")
    }
}

/// What a product costs in the catalogue.
public struct CataloguePrice: Sendable, Equatable {
    /// The product's id.
    public let productID: ProductID
    /// Its stock-keeping unit.
    public let sku: String
    /// What one unit costs.
    public let price: Money
    /// What a product costs now.
    public init(productID: ProductID, sku: String, price: Money) { (self.productID, self.sku, self.price) = (productID, sku, price) }

    /// What it looks like in an event.
    static let members: [EventMember] = [
        .required("productId", .identifier, "The product."),
        .required("sku", .text, "The product's stock-keeping unit."),
        .required("price", .amount, "What one unit costs."),
        .currency,
    ]
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

    /// What it looks like in an event.
    static let members: [EventMember] = [
        .optional("productId", .identifier, "The product; left out for one that does not exist."),
        .optional("sku", .text, "The stock-keeping unit, as far as it is known."),
        .required("requested", .integer(atLeast: 1), "Units that the order wants."),
        .required("available", .integer(atLeast: 0), "Units that could be had; 0 for a product that does not exist."),
    ]
}

/// Not all lines could be held, so none is; names every product that is short.
public struct InventoryInsufficient: Event {
    public static let type = "InventoryInsufficient"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "Not all lines could be held, so none is; names every product that is short, or whose price is another than the order's.",
        [
            .required("shortages", .objects(StockShortage.members), "Every product that is short."),
            .optional(
                "changedPrices", .objects(CataloguePrice.members),
                "The catalogue's prices that the order's were to be and are not; absent where prices are not why."),
        ])

    public let shortages: [StockShortage]
    /// The catalogue's prices that the order's were to be and are not; as they were said, if they were.
    private let prices: [CataloguePrice]?
    /// The catalogue's prices that the order's were to be and are not; empty where prices are not why.
    public var changedPrices: [CataloguePrice] { prices ?? [] }

    public init(shortages: [StockShortage], changedPrices: [CataloguePrice] = []) {
        (self.shortages, prices) = (shortages, changedPrices.isEmpty ? nil : changedPrices)
    }
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
        guard let prices else { return }
        json.key("changedPrices")
        json.array(prices) { json, price in
            json.object { json in
                json.member("productId", price.productID)
                json.member("sku", price.sku)
                json.member("price", price.price.amount)
                json.member("currency", price.price.currency.code)
            }
        }
    }
    public init(from json: JSONObject) throws {
        shortages = try json.objects("shortages").map {
            StockShortage(
                productID: try $0.optionalIdentifier("productId"), sku: try $0.optionalString("sku"), requested: try $0.integer("requested", in: 1...Int64.max),
                available: try $0.integer("available", in: 0...Int64.max))
        }
        prices =
            json["changedPrices"] == nil
            ? nil
            : try json.objects("changedPrices").map {
                CataloguePrice(productID: try $0.identifier("productId"), sku: try $0.string("sku"), price: try $0.money("price", $0.currency()))
            }
    }
}

/// Nothing is held for the order any more: the answer to a cancellation, also when nothing was held, and the consequence of a refused payment.
public struct InventoryReleased: Event {
    public static let type = "InventoryReleased"
    public static let topic = "inventory"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "Nothing is held for the order any more: the answer to a cancellation, also when nothing was held, and the consequence of a refused payment.",
        [
            .required("reservations", .objects(StockReservation.members), "What was held and is free now; empty when nothing was held."),
            .required("reason", .text, "`cancellation` or `payment_failed`."),
        ])

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
                productID: try $0.identifier("productId"), sku: try $0.string("sku"), quantity: try $0.integer("quantity", in: 1...Int64.max),
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
    public static let shape = EventShape(
        "Stock of a product was received, written off or counted anew.",
        [
            .required("sku", .text, "The product's stock-keeping unit."),
            .required("delta", .integer, "Units added; negative for units taken away."),
            .required("availableQuantity", .integer(atLeast: 0), "Units for sale afterwards."),
            .required("reason", .text, "Why, in the words of whoever changed it."),
        ])

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
        available = try json.integer("availableQuantity", in: 0...Int64.max)
        reason = try json.string("reason")
    }
}

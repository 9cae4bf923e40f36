import Wire

/// The order's total was captured, or there was nothing to charge.
public struct PaymentProcessed: Event {
    public static let type = "PaymentProcessed"
    public static let topic = "payments"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "The order's total was captured, or there was nothing to charge.",
        [
            .required("paymentId", .identifier, "The payment."),
            .required("amount", .amount, "What was taken."),
            .currency,
            .required("paymentMethod", .text, "The means of payment; `none` for a total of 0, `offline` for one recorded by an operator."),
        ])

    public let paymentID: Identifier
    public let amount: Money
    /// The means of payment; `none` for a total of 0, `offline` for one recorded by an operator.
    public let paymentMethod: String

    public init(paymentID: Identifier, amount: Money, paymentMethod: String) {
        (self.paymentID, self.amount, self.paymentMethod) = (paymentID, amount, paymentMethod)
    }
    public func write(to json: inout JSONWriter) {
        json.member("paymentId", paymentID)
        json.member("amount", amount.amount)
        json.member("currency", amount.currency.code)
        json.member("paymentMethod", paymentMethod)
    }
    public init(from json: JSONObject) throws {
        paymentID = try json.identifier("paymentId")
        amount = try json.money("amount", json.currency())
        paymentMethod = try json.string("paymentMethod")
    }
}

/// The provider refused the charge; nothing was taken.
public struct PaymentFailed: Event {
    public static let type = "PaymentFailed"
    public static let topic = "payments"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "The provider refused the charge; nothing was taken.",
        [
            .required("paymentId", .identifier, "The payment."),
            .required("reason", .text, "The provider's reason: `card_declined`, `insufficient_funds` ..."),
        ])

    public let paymentID: Identifier
    /// The provider's reason: `card_declined`, `insufficient_funds` ...
    public let reason: String

    public init(paymentID: Identifier, reason: String) { (self.paymentID, self.reason) = (paymentID, reason) }
    public func write(to json: inout JSONWriter) {
        json.member("paymentId", paymentID)
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        paymentID = try json.identifier("paymentId")
        reason = try json.string("reason")
    }
}

/// A cancelled order's payment was given up before anything was captured, or there was none: nothing was taken and nothing will be.
public struct PaymentVoided: Event {
    public static let type = "PaymentVoided"
    public static let topic = "payments"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "A cancelled order's payment was given up before anything was captured, or there was none: nothing was taken and nothing will be.",
        [.required("paymentId", .identifier, "The payment.")])

    public let paymentID: Identifier

    public init(paymentID: Identifier) { self.paymentID = paymentID }
    public func write(to json: inout JSONWriter) { json.member("paymentId", paymentID) }
    public init(from json: JSONObject) throws { paymentID = try json.identifier("paymentId") }
}

/// A captured amount was given back.
public struct PaymentRefunded: Event {
    public static let type = "PaymentRefunded"
    public static let topic = "payments"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "A captured amount was given back.",
        [
            .required("paymentId", .identifier, "The payment."),
            .required("amount", .amount, "What was given back."),
            .currency,
        ])

    public let paymentID: Identifier
    public let amount: Money

    public init(paymentID: Identifier, amount: Money) { (self.paymentID, self.amount) = (paymentID, amount) }
    public func write(to json: inout JSONWriter) {
        json.member("paymentId", paymentID)
        json.member("amount", amount.amount)
        json.member("currency", amount.currency.code)
    }
    public init(from json: JSONObject) throws {
        paymentID = try json.identifier("paymentId")
        amount = try json.money("amount", json.currency())
    }
}

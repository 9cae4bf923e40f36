import Web

/// What Payments offers, as its users see it.
extension APIOperation {
    static let listPayments = APIOperation(
        "listPayments", .payments, "Show an order's payment",
        parameters: [.query("orderId", .identifier, "The order.", isRequired: true)], APIReply(200, "The payment, if there is one yet.", .list(of: .payment)))
}

extension APITag {
    static let payments = APITag("Payments", rank: 3, "What was taken for an order, and what was given back.")
}

extension APISchema {
    static let payment = APISchema.component(
        "Payment",
        .object([
            .required("id", .identifier, "The payment."), .required("orderId", .identifier, "The order."),
            .required(
                "status",
                .oneOf([
                    "NONE", "CHARGING", "CANCELLING", "CAPTURED", "FAILED", "VOIDED", "REFUNDING", "REFUNDED", "AWAITING_OFFLINE", "PAID_OFFLINE",
                ]), "How far it is."), .optional("amount", .amount, "How much."), .optional("currency", .text(3...3), "Of the amount."),
            .required("paymentMethod", .text, "How it is paid."), .optional("providerReference", .text, "The provider's name for it."),
            .optional("reason", .text, "Why it failed or was given back."), .required("createdAt", .timestamp, "When it began."),
            .required("updatedAt", .timestamp, "When it last changed."),
        ]))
}

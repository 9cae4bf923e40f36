import GraphQL
import Wire

/// Products, payments and notifications.
extension WaybillSchema {
    static let catalogue: [TypeDefinition] = [.object(product)] + connection(of: "Product", "A page of the catalogue.")
    static let money: [TypeDefinition] = [.object(payment), .enumeration(paymentStatus), .object(notification)]

    private static let product = ObjectType(
        "Product", "A product and its stock.",
        [
            FieldDefinition("id", "ID!"), FieldDefinition("sku", "String!"), FieldDefinition("name", "String!"), FieldDefinition("price", "Decimal!"),
            FieldDefinition("currency", "String!", "ISO 4217."), FieldDefinition("availableQuantity", "Long!", "Units that can be ordered."),
            FieldDefinition("reservedQuantity", "Long!", "Units held for orders that have not left the house."),
            FieldDefinition("soldQuantity", "Long!", "Units that left the house."),
        ])

    private static let payment = ObjectType(
        "Payment", "The payment of an order.",
        [
            FieldDefinition("id", "ID!"), FieldDefinition("orderId", "ID!"), FieldDefinition("status", "PaymentStatus!"),
            FieldDefinition("amount", "Decimal"), FieldDefinition("currency", "String", "ISO 4217."), FieldDefinition("paymentMethod", "String!"),
            FieldDefinition("providerReference", "String", "What the provider calls it."), FieldDefinition("reason", "String", "Why it failed."),
            FieldDefinition("createdAt", "DateTime!"), FieldDefinition("updatedAt", "DateTime!"), orderOfThis,
        ])

    /// As the route `/payments` writes them.
    private static let paymentStatus = EnumType(
        "PaymentStatus", "Where a payment stands.",
        [
            .init("NONE"), .init("CHARGING"), .init("CANCELLING"), .init("CAPTURED"), .init("FAILED"), .init("VOIDED"), .init("REFUNDING"), .init("REFUNDED"),
            .init("AWAITING_OFFLINE"), .init("PAID_OFFLINE"),
        ])

    private static let notification = ObjectType(
        "Notification", "Something that a customer is told.",
        [
            FieldDefinition("id", "ID!"), FieldDefinition("orderId", "ID!"), FieldDefinition("kind", "String!"), FieldDefinition("channel", "String!"),
            FieldDefinition("status", "String!"), FieldDefinition("attempts", "Int!"), FieldDefinition("createdAt", "DateTime!"),
            FieldDefinition("sentAt", "DateTime"), FieldDefinition("error", "String", "Why it was not sent."), orderOfThis,
        ])

    private static let orderOfThis = FieldDefinition.called("order", "Order") { input, source in
        try await source.fetch(SourceRequest("GET", ["orders", try input.member("orderId")]))
    }
}

import Contracts
import GraphQL
import Wire

/// Orders and what happens to them.
extension WaybillSchema {
    static let orders: [TypeDefinition] =
        [.object(order), .object(line), .object(change), .object(event), .enumeration(status)]
        + connection(of: "Order", "A page of orders.") + [.object(pageInfo)]

    private static let order = ObjectType(
        "Order", "An order.",
        [
            FieldDefinition("id", "ID!"), FieldDefinition("status", "OrderStatus!"),
            FieldDefinition("version", "Int!", "Counts the changes of the status."),
            FieldDefinition("customerId", "String"), FieldDefinition("totalAmount", "Decimal!"),
            FieldDefinition("currency", "String!", "ISO 4217."), FieldDefinition("lineCount", "Int!"),
            FieldDefinition("shippingCountry", "String"), FieldDefinition("reason", "String", "Why it failed or was cancelled."),
            FieldDefinition("placedAt", "DateTime!"), FieldDefinition("createdAt", "DateTime!"), FieldDefinition("updatedAt", "DateTime!"),
            detail("paymentMethod", "String!", "A reference to a means of payment, never a card number."),
            detail("deadlineAt", "DateTime!", "When it is cancelled unless it is settled."),
            detail("items", "[OrderLine!]!", "The lines.", size: 10),
            detail("metadata", "JSON!", "What the client added."),
            detail("history", "[StatusChange!]!", "The statuses it has had.", size: 5),
            .called("payment", "Payment", "Null where there is none yet.") { input, source in try await payment(of: try input.member("id"), source) },
            .called("notifications", "[Notification!]", "What the customer was told, the oldest first.", size: 5) { input, source in
                try await notifications(of: try input.member("id"), source)
            },
            .called("timeline", "[TimelineEvent!]", "Everything that happened to it.", size: 20) { input, source in
                try await timeline(of: try input.member("id"), source)
            },
        ])

    /// A field that lists and answers to changes do not show: the whole order is asked for, once for all such fields.
    private static func detail(_ name: String, _ type: String, _ description: String, size: Int = 1) -> FieldDefinition {
        .called(name, type, description, size: size, label: "order") { input, source in
            if let value = input.object[name] { return value }
            return try await source.fetch(SourceRequest("GET", ["orders", try input.member("id")]))[name] ?? .null
        }
    }

    private static let line = ObjectType(
        "OrderLine", "A line of an order.",
        [
            FieldDefinition("productId", "ID"), FieldDefinition("sku", "String"), FieldDefinition("quantity", "Int!"),
            FieldDefinition("price", "Decimal!", "Of one unit."),
            .called("product", "Product", "As it is now; null where it is sold no more.") { input, source in
                if let id = input.object["productId"]?.string { return try await source.fetch(SourceRequest("GET", ["inventory", "products", id])) }
                return try await product(sku: try input.member("sku"), source)
            },
        ])

    private static let change = ObjectType(
        "StatusChange", "A status that an order came to.",
        [FieldDefinition("version", "Int!"), FieldDefinition("status", "OrderStatus!"), FieldDefinition("at", "DateTime!")])

    private static let event = ObjectType(
        "TimelineEvent", "Something that happened to an order, in any service.",
        [
            FieldDefinition("eventId", "ID!"), FieldDefinition("type", "String!"), FieldDefinition("service", "String", "Who says so."),
            FieldDefinition("time", "DateTime"), FieldDefinition("causationId", "ID", "The event that it follows from."),
            FieldDefinition("correlationId", "ID", "The request that set all of this in motion."),
            FieldDefinition("version", "Long", "The order's, where the event changes it."),
            FieldDefinition("data", "JSON!", "The whole event; its schema is at /api/v1/events/schemas."),
        ])

    private static let status = EnumType("OrderStatus", "Where an order stands.", OrderStatus.allCases.map { EnumType.Value($0.rawValue) })

    static let inputs: [TypeDefinition] = [.input(filter), .input(placing), .input(item), .input(creating)]

    private static let filter = InputType(
        "OrderFilter", "Which orders; all conditions hold.",
        [
            InputValue("customerId", "String"), InputValue("status", "OrderStatus"),
            InputValue("from", "DateTime", "Accepted then or later."), InputValue("to", "DateTime", "Accepted before."),
        ])

    private static let placing = InputType(
        "PlaceOrderInput", "A new order.",
        [
            InputValue("customerId", "String", "Whose order it is; customers' own is theirs."), InputValue("currency", "String!", "ISO 4217."),
            InputValue("items", "[OrderItemInput!]!", "1 to 2000 lines."), InputValue("shippingCountry", "String"),
            InputValue("paymentMethod", "String", "A reference to a means of payment, never a card number."),
            InputValue("metadata", "JSON", "An object of at most 50 texts."), InputValue("placedAt", "DateTime", "Where that is not now."),
        ])

    private static let item = InputType(
        "OrderItemInput", "A line of a new order: a product by its id or its SKU.",
        [
            InputValue("productId", "ID"), InputValue("sku", "String"), InputValue("quantity", "Int!"),
            InputValue("price", "Decimal", "Of one unit; the catalogue's where it is not given."),
        ])

    private static let creating = InputType(
        "CreateProductInput", "A new product.",
        [
            InputValue("sku", "String!"), InputValue("name", "String!"), InputValue("price", "Decimal!"), InputValue("currency", "String!", "ISO 4217."),
            InputValue("availableQuantity", "Long"),
        ])
}

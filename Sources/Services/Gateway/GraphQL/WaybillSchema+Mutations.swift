import GraphQL
import Wire

/// What can be changed. Each field is a request of its own to the platform: several in one operation are done one after the other, and not all or none.
extension WaybillSchema {
    private static let key = InputValue(
        "idempotencyKey", "String", "Under the same key it is done only once, as with the header Idempotency-Key.")
    private static let reason = InputValue("reason", "String")

    static let mutation = ObjectType(
        "Mutation", "What can be changed. Fields are done one after the other; each holds whatever becomes of the others.",
        [
            .called(
                "placeOrder", "Order", "Places an order. It is accepted when this answers, and settled later.",
                arguments: [
                    InputValue("input", "PlaceOrderInput!"), key,
                ]
            ) { input, source in
                try await source.fetch(input.change("POST", ["orders"], input.arguments["input"]))
            },
            .called("cancelOrder", "Order", "Cancels an order that has not left the house.", arguments: [InputValue("id", "ID!"), reason, key]) {
                input, source in
                try await source.fetch(input.change("POST", ["orders", try input.text("id"), "cancel"], input.body(["reason"])))
            },
            .called(
                "setOrderStatus", "Order", "Moves an order on: PAID for a payment made offline, SHIPPED, DELIVERED or CANCELLED.",
                arguments: [InputValue("id", "ID!"), InputValue("status", "OrderStatus!"), reason, key]
            ) { input, source in
                try await source.fetch(input.change("PUT", ["orders", try input.text("id"), "status"], input.body(["status", "reason"])))
            },
            .called("createProduct", "Product", "Adds a product to the catalogue.", arguments: [InputValue("input", "CreateProductInput!"), key]) {
                input, source in
                try await source.fetch(input.change("POST", ["inventory", "products"], input.arguments["input"]))
            },
            .called(
                "adjustStock", "Product", "Books stock in (positive) or out (negative).",
                arguments: [InputValue("productId", "ID!"), InputValue("delta", "Long!"), reason, key]
            ) { input, source in
                try await source.fetch(
                    input.change("POST", ["inventory", "products", try input.text("productId"), "adjustments"], input.body(["delta", "reason"])))
            },
        ])
}

extension FieldInput {
    /// The named arguments that are given, as a JSON object.
    fileprivate func body(_ names: [String]) -> JSONValue {
        .object(JSONObject(members: arguments.members.filter { names.contains($0.key) && $0.value != .null }))
    }

    fileprivate func change(_ method: String, _ path: [String], _ body: JSONValue?) -> SourceRequest {
        var json = JSONWriter()
        json.value(body ?? .object(JSONObject(members: [])))
        return SourceRequest(method, path, body: json.bytes, idempotencyKey: arguments["idempotencyKey"]?.string)
    }
}

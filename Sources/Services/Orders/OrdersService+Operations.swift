import Contracts
import Web

/// What Orders offers, as its users see it; `OrdersService` leads each to its handler.
extension APIOperation {
    static let placeOrder = APIOperation(
        "placeOrder", .orders, "Place an order",
        """
        The order is durable when this answers. Stock is reserved and payment taken afterwards: follow the order at its `Location`, or its events at
        `/api/v1/orders/{id}/stream`.

        A line names its product by `productId`, `sku` or both. A line without a price costs what the catalogue says; only services and administrators set other prices.
        `customerId` is the caller's own, where a customer calls.
        """,
        body: APIBody(.placeOrder, example: OrderExamples.placing),
        APIReply(
            202, "Accepted: the order as it stands now.", .order,
            headers: [("Location", "Where the order is."), ("Waybill-Version", "The order's version.")], example: OrderExamples.accepted,
            links: ["getOrder", "getOrderStatus", "cancelOrder", "getOrderEvents"].map { APILink($0, "id") }),
        problems: [
            APIProblem(409, "insufficient-stock", "There is less of a product than is ordered; `shortages` names each."),
            APIProblem(409, "price-changed", "A price differs from the catalogue's, and the caller may not set prices."),
            APIProblem(
                429, "too-many-unpaid-orders", "The customer has as many orders, or units in them, that are not paid as a customer may have at a time."),
        ], honoursKey: true)

    static let listOrders = APIOperation(
        "listOrders", .orders, "List orders", "Newest first.",
        parameters: [
            .query("customerId", .filter(64), "Those of one customer.", example: "alice"),
            .query("status", .oneOf(OrderStatus.allCases.map(\.rawValue)), "Those that stand there."),
            .query("from", .timestampOrDay, "Accepted at this time or later."), .query("to", .timestampOrDay, "Accepted before this time."),
        ] + APIParameter.page(), APIReply(200, "A page of orders.", .page(of: .order)))

    static let getOrder = APIOperation(
        "getOrder", .orders, "Show an order", "With its lines and all its statuses so far.",
        parameters: [
            .orderID, .header("If-None-Match", .text, "The `ETag` of what the caller has: 304 where it is still right."),
            .header(
                "Waybill-Min-Version", .integer(0...Int64.max),
                "The highest version of the order that the caller has seen: it is never shown an older one, and may be answered from a cache."),
        ],
        APIReply(
            200, "The order.", .wholeOrder, headers: [("ETag", "Names this state of the order."), ("Waybill-Version", "The order's version.")],
            links: [APILink("cancelOrder", "id"), APILink("getOrderEvents", "id")]), APIReply(304, "The caller has it already."),
        problems: [APIProblem(400, "bad-min-version", "The header Waybill-Min-Version is no version.")])

    static let getOrderStatus = APIOperation(
        "getOrderStatus", .orders, "Show an order's status", parameters: [.orderID],
        APIReply(
            200, "Where it stands.",
            .object([
                .required("id", .identifier, "The order."), .required("status", .orderStatus, "Where it stands."),
                .required("version", .count, "Counts its changes of status."), .optional("reason", .text, "Why it was cancelled or failed."),
                .required("settled", .boolean, "Whether nothing more happens by itself."), .required("updatedAt", .timestamp, "When it last changed."),
            ]), headers: [("Waybill-Version", "The order's version.")]))

    static let cancelOrder = APIOperation(
        "cancelOrder", .orders, "Cancel an order",
        "Possible until it is shipped. Its stock is freed and its payment given back; until both are done it is CANCELLING.", parameters: [.orderID],
        body: APIBody(
            .input([.optional("reason", .line(200), "Why; `customer` where nothing is said.")]), isRequired: false, example: #"{"reason":"changed my mind"}"#),
        APIReply(200, "It is cancelled.", .order, headers: [("Waybill-Version", "The order's version.")]),
        APIReply(202, "It is being undone.", .order, headers: [("Waybill-Version", "The order's version.")]),
        problems: [APIProblem(409, "order-not-cancellable", "It is shipped, or failed; `allowed` says what can be done.")], honoursKey: true)

    static let setOrderStatus = APIOperation(
        "setOrderStatus", .orders, "Move an order on",
        """
        PAID for a payment made offline (finance), SHIPPED and DELIVERED (warehouse), CANCELLED (support); administrators and services all of them. The other statuses are the
        platform's own.
        """, parameters: [.orderID],
        body: APIBody(
            .input([
                .required("status", .oneOf(["PAID", "SHIPPED", "DELIVERED", "CANCELLED"]), "Where it is to stand."),
                .optional("reason", .line(200), "Why; `admin` where nothing is said."),
            ]), example: #"{"status":"SHIPPED"}"#),
        APIReply(200, "It stands there.", .order, headers: [("Waybill-Version", "The order's version.")]),
        APIReply(202, "It is being undone.", .order, headers: [("Waybill-Version", "The order's version.")]),
        problems: [
            APIProblem(409, "transition-not-allowed", "It cannot become that from where it stands; `allowed` says what can be done."),
            APIProblem(409, "order-not-cancellable", "It is shipped, or failed."),
        ], honoursKey: true)
}

extension APITag {
    static let orders = APITag("Orders", rank: 1, "Placing orders, watching them, cancelling them.")
}

extension APIParameter {
    static let orderID = APIParameter.path("id", "The order.")
}

extension APISchema {
    static let orderStatus = APISchema.component("OrderStatus", .oneOf(OrderStatus.allCases.map(\.rawValue)))
    static let currencyInput = APISchema.text(3...3, pattern: "^[A-Z]{3}$")

    /// The body of `POST /orders`; `PlaceOrderInput` reads it.
    static let placeOrder = APISchema.component(
        "PlaceOrder",
        .input([
            .optional("customerId", .line(64), "Whose order it is."),
            .required("currency", currencyInput, "Of all prices: an ISO 4217 code."),
            .required(
                "items",
                .array(
                    .component(
                        "PlaceOrderItem",
                        .input(
                            [
                                .optional("productId", .identifier, "The product."), .optional("sku", .line(64), "The product, by its SKU."),
                                .required("quantity", .integer(1...PlaceOrderInput.maximumQuantity), "How many units."),
                                .optional("price", .amountInput, "Of one unit; where it is left out, the catalogue's."),
                            ], atLeastOneOf: ["productId", "sku"])), count: 1...PlaceOrderInput.maximumLines), "The lines."),
            .optional("shippingCountry", .line(64), "Where it goes."),
            .optional(
                "paymentMethod", .text(1...64, pattern: "^[A-Za-z0-9._:-]{1,64}$"),
                "A reference to a means of payment, never a card number; `offline` for what is paid elsewhere."),
            .optional("metadata", .map(.line(500), maximumEntries: 50), "The caller's own notes; names of 1 to 64 characters."),
            .optional("placedAt", .timestamp, "When the customer placed it, where that was earlier than now."),
        ]))

    private static let summaryMembers: [APIMember] = [
        .required("id", .identifier, "The order."), .required("status", orderStatus, "Where it stands."),
        .required("version", .count, "Counts its changes of status."), .optional("customerId", .text, "Whose it is."),
        .required("totalAmount", .amount, "What it costs."), .required("currency", .text(3...3), "Of all amounts."),
        .required("lineCount", .count, "How many lines it has."), .optional("shippingCountry", .text, "Where it goes."),
        .optional("reason", .text, "Why it was cancelled or failed."), .required("placedAt", .timestamp, "When the customer placed it."),
        .required("createdAt", .timestamp, "When it was accepted."), .required("updatedAt", .timestamp, "When it last changed."),
    ]

    static let order = APISchema.component("Order", .object(summaryMembers))
    static let wholeOrder = APISchema.component(
        "OrderWithLines",
        .object(
            summaryMembers + [
                .required("paymentMethod", .text, "How it is paid."), .required("deadlineAt", .timestamp, "When it is cancelled if it is not settled."),
                .required(
                    "items",
                    .array(
                        .object([
                            .optional("productId", .identifier, "The product."), .optional("sku", .text, "The product's SKU."),
                            .required("quantity", .count, "How many units."), .required("price", .amount, "Of one unit."),
                        ])), "The lines."), .required("metadata", .map(.text), "The notes that came with it."),
                .required(
                    "history",
                    .array(
                        .object([
                            .required("version", .count, "The version that this made."), .required("status", orderStatus, "What it became."),
                            .required("at", .timestamp, "When."),
                        ])), "Its statuses so far."),
            ]))
}

enum OrderExamples {
    static let placing = """
        {"customerId":"alice","currency":"GBP","items":[{"sku":"MUG-BLUE","quantity":2}],"shippingCountry":"United Kingdom","paymentMethod":"test_approve"}
        """
    static let accepted = """
        {"id":"019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42","status":"CREATED","version":1,"customerId":"alice","totalAmount":"9.00","currency":"GBP","lineCount":1,
        "shippingCountry":"United Kingdom","placedAt":"2026-11-21T13:00:00.000Z","createdAt":"2026-11-21T13:00:00.000Z","updatedAt":"2026-11-21T13:00:00.000Z"}
        """
}

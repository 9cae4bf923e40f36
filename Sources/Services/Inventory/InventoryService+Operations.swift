import Contracts
import Web

/// What Inventory offers, as its users see it; `InventoryService` leads each to its handler.
extension APIOperation {
    static let createProduct = APIOperation(
        "createProduct", .inventory, "Add a product", body: APIBody(.productInput, example: ProductExamples.input),
        APIReply(
            201, "The product.", .product, headers: [("Location", "Where the product is.")],
            links: [APILink("getProduct", "id"), APILink("updateProduct", "id"), APILink("adjustStock", "id")]),
        problems: [APIProblem(409, "sku-exists", "There is a product with this SKU already.")], honoursKey: true)

    static let upsertProducts = APIOperation(
        "upsertProducts", .inventory, "Add or update many products",
        "By SKU: new ones are added with their stock, known ones get their name and price; their stock stays, so that an import can be repeated.",
        body: APIBody(
            .input([.required("products", .array(.productInput, count: 1...Int(ManageProducts.maximumBulk)), "The products; a SKU stands there once.")]),
            example: #"{"products":[\#(ProductExamples.input)]}"#),
        APIReply(200, "How many of each.", .object([.required("created", .count, "New ones."), .required("updated", .count, "Known ones.")])),
        honoursKey: true)

    static let listProducts = APIOperation(
        "listProducts", .inventory, "List products",
        parameters: [.query("sku", .filter(200), "The one with this SKU.", example: "MUG-BLUE")] + APIParameter.page(),
        APIReply(200, "A page of products.", .page(of: .product)))

    static let getProduct = APIOperation(
        "getProduct", .inventory, "Show a product", parameters: [.productID],
        APIReply(200, "The product.", .product, links: [APILink("updateProduct", "id"), APILink("adjustStock", "id")]))

    static let updateProduct = APIOperation(
        "updateProduct", .inventory, "Change a product",
        "Its name and price; `availableQuantity` is a count of the stock and is recorded as an adjustment. What a GET shows may be sent back.",
        parameters: [.productID], body: APIBody(.productUpdate, example: ProductExamples.input), APIReply(200, "The product.", .product), honoursKey: true)

    static let adjustStock = APIOperation(
        "adjustStock", .inventory, "Receive or write off stock", parameters: [.productID],
        body: APIBody(
            .input([
                .required(
                    "delta", .either([.integer(1...Product.maximumUnits), .integer(-Product.maximumUnits ... -1)]), "Units received, or, negative, written off."
                ),
                .optional("reason", .line(200), "Why; `adjustment` where nothing is said."),
            ]), example: #"{"delta":25,"reason":"delivery 4711"}"#), APIReply(201, "The product with its new stock.", .product),
        problems: [APIProblem(409, "stock-out-of-bounds", "There are not so many units that could be written off; `availableQuantity` tells how many.")],
        honoursKey: true)

    static let checkAvailability = APIOperation(
        "checkAvailability", .inventory, "Ask what is available", "Advice: only a reservation decides.",
        body: APIBody(
            .input([
                .required(
                    "items",
                    .array(
                        .input(
                            [
                                .optional("productId", .identifier, "The product."), .optional("sku", .line(64), "The product, by its SKU."),
                                .required("quantity", .integer(1...1_000_000), "How many units."),
                            ], atLeastOneOf: ["productId", "sku"]), count: 1...2000), "The products.")
            ]), example: #"{"items":[{"sku":"MUG-BLUE","quantity":2}]}"#), APIReply(200, "What there is.", .availability))
}

extension APITag {
    static let inventory = APITag("Inventory", rank: 2, "Products, prices and stock.")
}

extension APIParameter {
    static let productID = APIParameter.path("id", "The product.")
}

extension APISchema {
    private static let detailMembers: [APIMember] = [
        .required("name", .line(200), "What it is called."), .required("price", .amountInput, "Of one unit."),
        .required("currency", .text(3...3, pattern: "^[A-Z]{3}$"), "Of the price: an ISO 4217 code."),
        .optional("availableQuantity", .integer(0...Product.maximumUnits), "Units that can be ordered."),
    ]
    static let productInput = APISchema.component("ProductInput", .input([.required("sku", .line(64), "Its name for programs; unique.")] + detailMembers))
    static let productUpdate = APISchema.component(
        "ProductUpdate",
        .input(
            detailMembers + [
                .optional("sku", .line(64), "Cannot be changed: where it is given, it is the product's own."), .optional("id", .anything, "Not looked at."),
                .optional("reservedQuantity", .anything, "Not looked at."), .optional("soldQuantity", .anything, "Not looked at."),
            ]))
    static let product = APISchema.component(
        "Product",
        .object([
            .required("id", .identifier, "The product."), .required("sku", .text, "Its name for programs."), .required("name", .text, "What it is called."),
            .required("price", .amount, "Of one unit."), .required("currency", .text(3...3), "Of the price."),
            .required("availableQuantity", .count, "Units that can be ordered."), .required("reservedQuantity", .count, "Units held for orders."),
            .required("soldQuantity", .count, "Units that left the house."),
        ]))
    static let availability = APISchema.component(
        "Availability",
        .object([
            .required("available", .boolean, "Whether there is enough of everything."),
            .required(
                "items",
                .array(
                    .object([
                        .optional("productId", .identifier, "The product."), .optional("sku", .text, "Its SKU."),
                        .required("requestedQuantity", .count, "Units asked for."), .required("availableQuantity", .count, "Units there are."),
                        .required("exists", .boolean, "Whether there is such a product."), .optional("price", .amount, "Of one unit."),
                        .optional("currency", .text(3...3), "Of the price."),
                    ])), "In the order of the question."),
        ]))
}

enum ProductExamples {
    static let input = #"{"sku":"MUG-BLUE","name":"Blue mug","price":"4.50","currency":"GBP","availableQuantity":100}"#
}

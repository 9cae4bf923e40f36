import Contracts
import GraphQL
import Web
import Wire

/// The platform as a graph. Its fields ask the routes that everybody asks: what a route refuses, checks or limits, it does here too.
public enum WaybillSchema {
    /// All types, in the order in which `docs/schema.graphql` shows them.
    public static let schema = Schema(
        query: "Query", mutation: "Mutation",
        types: [.object(query), .object(mutation)] + orders + catalogue + money + figures + inputs + [
            .scalar(BuiltInTypes.dateTime), .scalar(BuiltInTypes.decimal), .scalar(BuiltInTypes.long), .scalar(BuiltInTypes.json),
        ])

    /// How many elements a page may have, as the routes say.
    static let maximumPage: Int64 = 500

    private static let query = ObjectType(
        "Query", "What can be asked. Customers see what is theirs; what is another's answers as what does not exist does.",
        [
            .called("order", "Order", "An order by its id.", arguments: [InputValue("id", "ID!")]) { input, source in
                try await source.fetch(SourceRequest("GET", ["orders", try input.text("id")]))
            },
            .called(
                "orders", "OrderConnection", "Orders, the newest first.",
                arguments: page + [InputValue("filter", "OrderFilter", "Which orders; all where it is not given.")], by: "first"
            ) { input, source in
                let filter = input.arguments["filter"]?.object
                let names = ["customerId", "status", "from", "to"]
                let parts = names.compactMap { name in filter?[name]?.string.map { (name, $0) } }
                return try await source.fetch(try input.pageRequest(["orders"], Dictionary(uniqueKeysWithValues: parts)))
            },
            .called(
                "product", "Product", "A product by its id or its SKU; one of them must be given.",
                arguments: [InputValue("id", "ID"), InputValue("sku", "String")]
            ) { input, source in
                switch (input.arguments["id"]?.string, input.arguments["sku"]?.string) {
                case (let id?, nil): return try await source.fetch(SourceRequest("GET", ["inventory", "products", id]))
                case (nil, let sku?): return try await product(sku: sku, source)
                default: throw GraphQLError("Give either the id or the SKU of the product.", code: "bad-parameter")
                }
            },
            .called("products", "ProductConnection", "The catalogue, in the order in which it was made.", arguments: page, by: "first") { input, source in
                try await source.fetch(try input.pageRequest(["inventory", "products"], [:]))
            },
            .called("payment", "Payment", "The payment of an order; null where there is none yet.", arguments: [InputValue("orderId", "ID!")]) {
                input, source in
                try await payment(of: try input.text("orderId"), source)
            },
            .called(
                "notifications", "[Notification!]", "What the customer of an order was told, the oldest first.",
                arguments: [InputValue("orderId", "ID!")], size: 5
            ) { input, source in try await notifications(of: try input.text("orderId"), source) },
            .called(
                "timeline", "[TimelineEvent!]", "Everything that happened to an order.", arguments: [InputValue("orderId", "ID!")], size: 20
            ) { input, source in try await timeline(of: try input.text("orderId"), source) },
            .called("dashboard", "Dashboard", "The business in numbers, of all orders or of those placed in a range of time.", arguments: range) {
                input, source in
                try await source.fetch(SourceRequest("GET", ["analytics", "dashboard"], query: dashboardQuery(input)))
            },
            .called("metrics", "Metrics", "How much was counted, and how fast orders are paid.") { _, source in
                try await source.fetch(SourceRequest("GET", ["analytics", "metrics"]))
            },
        ])

    private static let page = [
        InputValue("first", "Int", "How many, 1 to 500.", default: .number("50")), InputValue("after", "String", "The cursor behind which to go on."),
    ]

    static func product(sku: String, _ source: any GraphQLSource) async throws -> JSONValue {
        let found = try await source.fetch(SourceRequest("GET", ["inventory", "products"], query: ["sku": sku]))
        guard let product = found["items"]?[0] else {
            throw GraphQLError("There is no such product.", code: "not-found", extensions: [.init(key: "status", value: .number("404"))])
        }
        return product
    }

    static func payment(of order: String, _ source: any GraphQLSource) async throws -> JSONValue {
        try await source.fetch(SourceRequest("GET", ["payments"], query: ["orderId": order]))["items"]?[0] ?? .null
    }

    static func notifications(of order: String, _ source: any GraphQLSource) async throws -> JSONValue {
        try await source.fetch(SourceRequest("GET", ["notifications"], query: ["orderId": order]))["items"] ?? .null
    }

    static func timeline(of order: String, _ source: any GraphQLSource) async throws -> JSONValue {
        try await source.fetch(SourceRequest("GET", ["orders", order, "events"]))["items"] ?? .null
    }
}

extension FieldInput {
    /// An argument that is a text and always given.
    func text(_ name: String) throws(GraphQLError) -> String {
        guard let text = arguments[name]?.string else { throw GraphQLError("The argument \"\(name)\" is required.", code: "bad-parameter") }
        return text
    }

    /// A member of the object that is a text.
    func member(_ name: String) throws(GraphQLError) -> String {
        guard let text = object[name]?.string else { throw GraphQLError("The object has no \"\(name)\".", code: "internal-error") }
        return text
    }

    /// A request for a page of a list, as the arguments `first` and `after` say.
    func pageRequest(_ path: [String], _ filter: [String: String]) throws(GraphQLError) -> SourceRequest {
        let first = arguments["first"]?.integer ?? 50
        guard (1...WaybillSchema.maximumPage).contains(first) else {
            throw GraphQLError("\"first\" must be from 1 to \(WaybillSchema.maximumPage).", code: "bad-parameter")
        }
        var query = filter
        query["limit"] = String(first)
        if let cursor = arguments["after"]?.string { query["cursor"] = cursor }
        return SourceRequest("GET", path, query: query)
    }
}

import Foundation
import Gateway
import GraphQL
import TestDocuments
import Testing
import Wire

@Suite("GraphQL on the platform", .timeLimit(.minutes(3)))
struct GraphQLPlatformTests {
    @Test("an order is placed, paid, and seen with all that belongs to it, in one language")
    func wholeFlow() async throws {
        try await RunningPlatform.with { platform in
            let made = try await platform.data(
                "mutation ($p: CreateProductInput!) { createProduct(input: $p) { id sku price availableQuantity } }",
                #"{"p":{"sku":"G1","name":"Globe","price":"4.50","currency":"GBP","availableQuantity":10}}"#)
            let product = try #require(made["createProduct"]?["id"]?.string)
            let placed = try await platform.data(
                "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id status totalAmount items { sku quantity } } }",
                #"{"input":{"currency":"GBP","customerId":"c-1","items":[{"sku":"G1","quantity":2}],"metadata":{"from":"graph"}}}"#)
            let order = try #require(placed["placeOrder"]?["id"]?.string)
            #expect(placed["placeOrder"]?["totalAmount"]?.string == "9.00")
            #expect(placed["placeOrder"]?["items"]?[0]?["sku"]?.string == "G1", "what the answer to the change does not show is asked for")
            try await platform.eventually(order, is: "PAID")

            let document = """
                query ($id: ID!) { order(id: $id) { status version metadata items { quantity product { id name availableQuantity reservedQuantity } }
                  history { status } payment { status amount order { id } } timeline { type service data } notifications { kind status } } }
                """
            try await platform.eventually("the customer is told") {
                try await platform.data(document, #"{"id":"\#(order)"}"#)["order"]?["notifications"]?[0]?["status"]?.string == "SENT"
            }
            let seen = try #require(try await platform.data(document, #"{"id":"\#(order)"}"#)["order"])
            #expect(seen["metadata"]?["from"]?.string == "graph")
            #expect(seen["items"]?[0]?["product"]?["id"]?.string == product)
            #expect(seen["items"]?[0]?["product"]?["reservedQuantity"]?.integer == 2)
            #expect(seen["history"]?.array?.compactMap { $0["status"]?.string } == ["CREATED", "RESERVED", "PAID"])
            #expect(seen["payment"]?["status"]?.string == "CAPTURED")
            #expect(seen["payment"]?["order"]?["id"]?.string == order)
            #expect(seen["timeline"]?.array?.first?["type"]?.string == "OrderCreated")

            let moved = try await platform.data(
                "mutation ($id: ID!) { setOrderStatus(id: $id, status: SHIPPED) { status } adjustStock(productId: \"\(product)\", delta: 5, reason: \"more\") { availableQuantity } }",
                #"{"id":"\#(order)"}"#)
            #expect(moved["setOrderStatus"]?["status"]?.string == "SHIPPED")
            #expect(moved["adjustStock"]?["availableQuantity"]?.integer == 13)
            try await platform.isSound()
        }
    }

    @Test("lists come in pages that follow each other, and filters hold")
    func pages() async throws {
        try await RunningPlatform.with { platform in
            try await platform.product("G2", units: 100)
            var placed: [String] = []
            for index in 0..<5 { placed.append(try await platform.order("G2", extra: #","customerId":"c-\#(index % 2)""#)) }
            for id in placed { try await platform.eventually(id, is: "PAID") }
            let document = """
                query ($after: String, $f: OrderFilter) { orders(first: 2, after: $after, filter: $f) { nodes { id } edges { cursor node { id } } pageInfo { hasNextPage endCursor startCursor } } }
                """
            var seen: [String] = []
            var cursor: String?
            repeat {
                let page = try await platform.data(document, cursor.map { #"{"after":"\#($0)"}"# })["orders"]
                seen += page?["nodes"]?.array?.compactMap { $0["id"]?.string } ?? []
                #expect(page?["edges"]?.array?.last?["cursor"] == page?["pageInfo"]?["endCursor"])
                cursor = page?["pageInfo"]?["hasNextPage"]?.bool == true ? page?["pageInfo"]?["endCursor"]?.string : nil
            } while cursor != nil && seen.count < 20
            #expect(seen == placed.reversed())
            let mine = try await platform.data(document, #"{"f":{"customerId":"c-1","status":"PAID"}}"#)["orders"]?["nodes"]?.array
            #expect(mine?.count == 2)
            let none = try await platform.data(document, #"{"f":{"to":"2020-01-01"}}"#)["orders"]?["nodes"]?.array
            #expect(none?.isEmpty == true)
            let products = try await platform.data("{ products { nodes { sku } } product(sku: \"G2\") { reservedQuantity } }")
            #expect(products["products"]?["nodes"]?[0]?["sku"]?.string == "G2")
            #expect(products["product"]?["reservedQuantity"]?.integer == 5)
            let dashboard = """
                { dashboard(granularity: DAY, top: 5) { ordersByStatus { status count } totals { orders revenue currency } byCurrency { currency } byMonth { key orders } byDay { key }
                  topProducts { key units } createdToPaidMs { count p50 } failuresByReason { name count } rebuilding } metrics { events eventsByType { name count } } }
                """
            try await platform.eventually("all orders are counted") {
                try await platform.data(dashboard)["dashboard"]?["createdToPaidMs"]?["count"]?.integer == 5
            }
            let figures = try await platform.data(dashboard)["dashboard"]
            #expect(figures?["totals"]?["revenue"]?.string == "22.50")
            #expect(figures?["topProducts"]?[0]?["key"]?.string == "G2")
            #expect(figures?["ordersByStatus"]?.array?.first { $0["status"]?.string == "PAID" }?["count"]?.integer == 5)
            #expect(figures?["byDay"]?.array?.count == 1)
        }
    }

    @Test("what the routes refuse is refused here in the same words, and is null")
    func refusals() async throws {
        try await RunningPlatform.with { platform in
            try await platform.product("G3", units: 1)
            let missing = "01890a5d-ac96-774b-bcce-b302099a8057"
            let unknown = try await platform.graphQL("{ order(id: \"\(missing)\") { id } other: order(id: \"../admin\") { id } empty: order(id: \"\") { id } }")
            #expect(unknown["data"] == .object(JSONObject(members: ["order", "other", "empty"].map { .init(key: $0, value: .null) })))
            #expect(unknown.errorCodes == ["not-found", "not-found", "not-found"])
            #expect(unknown["errors"]?[0]?["message"]?.string == "There is no such order.")
            #expect(unknown["errors"]?[0]?["extensions"]?["status"]?.integer == 404)
            #expect(unknown["errors"]?[0]?["path"] == .array([.string("order")]))

            let place = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }"
            let short = try await platform.graphQL(place, #"{"input":{"currency":"GBP","items":[{"sku":"G3","quantity":2}]}}"#)
            let route = try await platform.place("G3", quantity: 2)
            #expect(short["data"]?["placeOrder"] == .null)
            #expect(route.status == 409)
            #expect(short["errors"]?[0]?["extensions"]?["type"] == route.json["type"])
            #expect(short["errors"]?[0]?["message"] == route.json["detail"])
            for member in route.json.object?.members ?? [] where !["type", "title", "status", "detail", "instance"].contains(member.key) {
                #expect(short["errors"]?[0]?["extensions"]?[member.key] == member.value)
            }
            let wrong = try await platform.graphQL(place, #"{"input":{"currency":"gbp","items":[{"sku":"G3","quantity":0}]}}"#)
            #expect(wrong.errorCodes == ["invalid-body"])
            #expect(wrong["errors"]?[0]?["extensions"]?["errors"]?.array?.compactMap { $0["pointer"]?.string } == ["/currency", "/items/0/quantity"])
            #expect(try await platform.graphQL("{ product { id } }").errorCodes == ["bad-parameter"])
            #expect(try await platform.graphQL("{ product(sku: \"none\") { id } }").errorCodes == ["not-found"])
            #expect(try await platform.graphQL("{ orders(first: 501) { nodes { id } } }").errorCodes == ["bad-parameter"])
            #expect(try await platform.graphQL("{ orders(after: \"x&limit=1\") { nodes { id } } }").errorCodes == ["bad-parameter"])
            #expect(try await platform.graphQL("{ payment(orderId: \"\(missing)\") { id } }")["data"]?["payment"] == .null)
        }
    }

    @Test("a change is done once per key, given as an argument or as the header of an operation with one change")
    func idempotency() async throws {
        try await RunningPlatform.with { platform in
            try await platform.product("G4", units: 10)
            let place = "mutation ($k: String) { placeOrder(input: {currency: \"GBP\", items: [{sku: \"G4\", quantity: 1}]}, idempotencyKey: $k) { id } }"
            let first = try await platform.data(place, #"{"k":"one"}"#)
            #expect(try await platform.data(place, #"{"k":"one"}"#) == first)
            #expect(try await platform.data(place, #"{"k":"two"}"#) != first)
            let header = try await platform.graphQL(place, headers: [("Idempotency-Key", "one")])
            #expect(header["data"] == first, "the same key, by the header")
            let two = "mutation { a: placeOrder(input: {currency: \"GBP\", items: []}) { id } b: placeOrder(input: {currency: \"GBP\", items: []}) { id } }"
            let answer = try await platform.send("POST", "/graphql", GraphQLCall.body(two), headers: [("Idempotency-Key", "one")])
            #expect(answer.status == 400)
            #expect(answer.json["type"]?.string?.hasSuffix("bad-idempotency-key") == true)
            let orders = try await platform.data("{ orders { nodes { id } } }")["orders"]?["nodes"]?.array
            #expect(orders?.count == 2)
        }
    }

    @Test("a cancelled order is seen as cancelled in the same operation, and not what was read before")
    func freshness() async throws {
        try await RunningPlatform.with { platform in
            try await platform.product("G5", units: 10)
            let id = try await platform.order("G5", method: "test_decline")
            try await platform.eventually(id, is: "FAILED")
            let refused = try await platform.graphQL("mutation { cancelOrder(id: \"\(id)\", reason: \"late\") { id } }")
            #expect(refused.errorCodes == ["order-not-cancellable"])
            #expect(refused["errors"]?[0]?["extensions"]?["currentStatus"]?.string == "FAILED")
            let paid = try await platform.order("G5")
            try await platform.eventually(paid, is: "PAID")
            let answer = try await platform.data(
                """
                mutation { a: setOrderStatus(id: "\(paid)", status: SHIPPED) { payment { order { status } } } b: setOrderStatus(id: "\(paid)", status: DELIVERED) { payment { order { status } } } }
                """)
            #expect(answer["a"]?["payment"]?["order"]?["status"]?.string == "SHIPPED")
            #expect(answer["b"]?["payment"]?["order"]?["status"]?.string == "DELIVERED")
        }
    }

    @Test("the schema in the documents is the schema that is served, and has no mistakes")
    func schema() throws {
        #expect(WaybillSchema.schema.mistakes().isEmpty)
        let text = SchemaPrinter.print(WaybillSchema.schema)
        #expect(try Document("docs/schema.graphql").text(regeneratedAs: text) == text)
    }
}

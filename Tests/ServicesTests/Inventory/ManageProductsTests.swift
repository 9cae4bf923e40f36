import Testing
import Wire

@Suite("Managing products", .timeLimit(.minutes(1)))
struct ManageProductsTests {
    let bench: SagaBench

    init() async throws { bench = try await SagaBench() }

    private func send(_ method: String, _ route: String, _ body: String, id: String? = nil, key: String? = nil) async throws -> SagaBench.Answer {
        try await bench.send(bench.inventory, method, route, body, id: id, key: key)
    }

    @Test("a SKU stands in the catalogue once, and a creation is repeated by its key")
    func creation() async throws {
        let body = #"{"sku":"A","name":"a","price":"1.00","currency":"GBP","availableQuantity":3}"#
        let first = try await send("POST", "/inventory/products", body, key: "k")
        let again = try await send("POST", "/inventory/products", body, key: "k")
        #expect(first.status == 201)
        #expect(again.json == first.json)
        let other = try await send("POST", "/inventory/products", body)
        #expect(other.status == 409)
        #expect(other.problem == "sku-exists")
        #expect(try await bench.said(bench.inventory) == ["StockAdjusted"])
    }

    @Test("an import can be repeated: it creates what is new, updates names and prices, and leaves stock alone")
    func upserting() async throws {
        let id = try await bench.stock("A", 10)
        _ = try await bench.accepted("A", 4)
        try await bench.settle()
        let body =
            #"{"products":[{"sku":"A","name":"new","price":"9.99","currency":"GBP","availableQuantity":10},{"sku":"B","name":"b","price":1,"currency":"GBP","availableQuantity":2}]}"#
        let first = try await send("PUT", "/inventory/products", body)
        #expect(first.json["created"]?.integer == 1)
        #expect(first.json["updated"]?.integer == 1)
        let second = try await send("PUT", "/inventory/products", body)
        #expect(second.json["created"]?.integer == 0)
        #expect(second.json["updated"]?.integer == 2)
        #expect(try await bench.units(id) == [6, 4, 0])
        let double = #"{"products":[{"sku":"C","name":"c","price":"1","currency":"GBP"},{"sku":"C","name":"c","price":"1","currency":"GBP"},7]}"#
        let refused = try await send("PUT", "/inventory/products", double)
        #expect(refused.status == 422)
        #expect(Set(refused.pointers) == ["/products/1/sku", "/products/2"])
    }

    @Test("stock is adjusted within its bounds, once per key")
    func adjusting() async throws {
        let id = try await bench.stock("A", 10)
        func adjust(_ body: String, key: String? = nil) async throws -> SagaBench.Answer {
            try await send("POST", "/inventory/products/{id}/adjustments", body, id: id, key: key)
        }
        for _ in 0..<2 { #expect(try await adjust(#"{"delta":-4,"reason":"broken"}"#, key: "k").status == 201) }
        #expect(try await bench.units(id) == [6, 0, 0])
        let short = try await adjust(#"{"delta":-7}"#)
        #expect(short.status == 409)
        #expect(short.json["availableQuantity"]?.integer == 6)
        #expect(try await adjust(#"{"delta":1000000000000}"#).status == 409)
        for body in [#"{"delta":0}"#, #"{}"#, #"{"delta":"1"}"#, #"{"delta":1000000000001}"#] {
            let answer = try await adjust(body)
            #expect(answer.status == 422)
            #expect(answer.pointers == ["/delta"])
        }
        #expect(try await bench.units(id) == [6, 0, 0])
    }

    @Test("a count of the stock is recorded as an adjustment, and the SKU stays")
    func updating() async throws {
        let id = try await bench.stock("A", 10)
        func update(_ body: String) async throws -> SagaBench.Answer { try await send("PUT", "/inventory/products/{id}", body, id: id) }
        for _ in 0..<2 {
            let answer = try await update(#"{"name":"b","price":"3.00","currency":"GBP","availableQuantity":7}"#)
            #expect(answer.status == 200)
            #expect(answer.json["availableQuantity"]?.integer == 7)
            #expect(answer.text("price") == "3.00")
        }
        #expect(try await bench.said(bench.inventory) == ["StockAdjusted", "StockAdjusted"])
        #expect(try await update(#"{"sku":"B","name":"b","price":"3.00","currency":"GBP"}"#).pointers == ["/sku"])
        #expect(try await update(#"{"name":"b","price":"-3.00","currency":"GBP"}"#).pointers == ["/price"])
        #expect(
            try await send("PUT", "/inventory/products/{id}", #"{"name":"b","price":"3.00","currency":"GBP"}"#, id: "0199a3c4-9c00-7000-8000-000000000000")
                .status == 404)
    }

    @Test("availability counts repeated lines together and says what does not exist")
    func availability() async throws {
        _ = try await bench.stock("A", 5)
        func ask(_ items: String) async throws -> SagaBench.Answer { try await send("POST", "/inventory/availability", #"{"items":[\#(items)]}"#) }
        #expect(try await ask(#"{"sku":"A","quantity":5}"#).json["available"]?.bool == true)
        #expect(try await ask(#"{"sku":"A","quantity":3},{"sku":"A","quantity":3}"#).json["available"]?.bool == false)
        let unknown = try await ask(#"{"sku":"A","quantity":1},{"sku":"x","quantity":1}"#)
        #expect(unknown.json["available"]?.bool == false)
        #expect(unknown.json["items"]?[1]?["exists"]?.bool == false)
        #expect(try await ask(#"{"quantity":1},{"sku":"A"}"#).pointers == ["/items/0", "/items/1/quantity"])
    }
}

import Testing
import Web
import Wire

/// Every operation that changes something, through its service: the second request with a key has the first one's answer, and does nothing.
@Suite("Keyed operations", .timeLimit(.minutes(1)))
struct KeyedOperationsTests {
    let bench: SagaBench

    init() async throws { bench = try await SagaBench() }

    /// Sends a request twice with a key, then another body with the same key.
    private func twice(
        _ module: any ServiceModule, _ method: String, _ route: String, _ body: String, other: String, id: String? = nil
    ) async throws -> SagaBench.Answer {
        let key = "key-\(method)-\(route.filter(\.isLetter))"
        let first = try await bench.send(module, method, route, body, id: id, key: key)
        #expect((200..<300).contains(first.status), "\(method) \(route): \(first.json)")
        let again = try await bench.send(module, method, route, body, id: id, key: key)
        #expect(again.status == first.status && again.json == first.json, "\(method) \(route)")
        #expect(again.headers[.idempotencyReplayed] == "true" && first.headers[.idempotencyReplayed] == nil, "\(method) \(route)")
        #expect(try await bench.send(module, method, route, other, id: id, key: key).status == 422, "\(method) \(route)")
        return first
    }

    @Test("every operation that changes something honours a key")
    func all() async throws {
        let (orders, inventory) = (bench.orders as any ServiceModule, bench.inventory as any ServiceModule)
        let product = try await twice(
            inventory, "POST", "/inventory/products", #"{"sku":"A","name":"a","price":"2.50","currency":"GBP","availableQuantity":10}"#, other: "{}")
        let id = try #require(product.text("id"))
        _ = try await twice(inventory, "POST", "/inventory/products/{id}/adjustments", #"{"delta":5}"#, other: #"{"delta":6}"#, id: id)
        #expect(try await bench.units(id) == [15, 0, 0])

        // Without its key, a late repetition would undo what has happened since.
        let count = #"{"name":"a","price":"2.50","currency":"GBP","availableQuantity":20}"#
        _ = try await twice(inventory, "PUT", "/inventory/products/{id}", count, other: count + " ", id: id)
        #expect(try await bench.send(inventory, "POST", "/inventory/products/{id}/adjustments", #"{"delta":-1}"#, id: id).status == 201)
        #expect(try await bench.send(inventory, "PUT", "/inventory/products/{id}", count, id: id, key: "key-PUT-inventoryproductsid").status == 200)
        #expect(try await bench.units(id) == [19, 0, 0])

        let bulk = #"{"products":[{"sku":"B","name":"b","price":"1.00","currency":"GBP"}]}"#
        #expect(try await twice(inventory, "PUT", "/inventory/products", bulk, other: bulk + " ").json["created"]?.integer == 1)

        let body = #"{"currency":"GBP","items":[{"sku":"A","quantity":2}]}"#
        let order = try #require(try await twice(orders, "POST", "/orders", body, other: body + " ").text("id"))
        try await bench.settle()
        _ = try await twice(orders, "PUT", "/orders/{id}/status", #"{"status":"SHIPPED"}"#, other: #"{"status":"DELIVERED"}"#, id: order)
        let second = try await bench.accepted("A", 1)
        _ = try await twice(orders, "POST", "/orders/{id}/cancel", #"{"reason":"a"}"#, other: #"{"reason":"b"}"#, id: second)
        try await bench.settle()
        #expect(try await bench.status(order) == "SHIPPED")
        #expect(try await bench.status(second) == "CANCELLED")
        #expect(try await bench.units(id) == [17, 0, 2])
    }
}

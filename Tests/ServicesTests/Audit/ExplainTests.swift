import Contracts
import Operations
import Storage
import Testing
import Wire

/// What an order waits for, in words, and what an operator does about it.
@Suite("Audit: explanations")
struct ExplainTests {
    private func explain(_ bench: AuditBench, _ id: OrderID) async throws -> JSONObject {
        let answer = try await bench.send(bench.desk.routes, "GET", "/orders/{id}/explain", id: id.description)
        #expect(answer.status == 200)
        return answer.json
    }
    private func waits(_ bench: AuditBench, _ id: OrderID) async throws -> [String] {
        (try await explain(bench, id)["waitsFor"]?.array ?? []).map { "\($0["party"]?.string ?? "") \($0["what"]?.string ?? "")" }
    }

    @Test func `every stage of an order's way says whose turn it is`() async throws {
        let bench = try await AuditBench()
        _ = try await bench.product("TEA", 10)
        let order = try await bench.place("TEA", 1)
        #expect(try await waits(bench, order) == ["inventory to hear OrderCreated, which orders has said"])
        await bench.listen("inventory")
        #expect(
            try await waits(bench, order) == [
                "orders to hear InventoryReserved, which inventory has said", "payments to hear InventoryReserved, which inventory has said",
            ])
        await bench.listen("orders", "payments")
        #expect(try await waits(bench, order) == ["payment provider to answer charge-payment"])
        try await bench.settle()
        let settled = try await explain(bench, order)
        #expect(settled["settled"]?.bool == true)
        #expect(settled["words"]?.string?.hasSuffix("It waits for nothing: it is settled.") == true)
        #expect(settled["overdue"]?.bool == false)
        #expect(try await bench.send(bench.desk.routes, "GET", "/orders/{id}/explain", id: bench.context.newID().description).status == 404)
    }

    @Test func `a provider that does not answer is named with the error and the next attempt`() async throws {
        let bench = try await AuditBench()
        _ = try await bench.product("TEA", 10)
        let order = try await bench.place("TEA", 1, method: "test_timeout")
        await bench.listen("inventory")
        await bench.listen("orders", "payments")
        _ = try await bench.work()
        let wait = try #require(try await explain(bench, order)["waitsFor"]?[0])
        #expect(wait["party"]?.string == "payment provider")
        #expect(wait["what"]?.string == "to answer charge-payment, attempt 2, last error: the provider did not answer in time; the outcome is unknown")
        #expect(wait["nextAttemptAt"]?.string != nil)
    }

    @Test func `an offline payment waits for an operator, and beyond its limit stands in the list of stuck orders`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        func stuck(_ query: [(name: String, value: String)]) async throws -> [String] {
            let answer = try await bench.send(bench.desk.routes, "GET", "/admin/stuck-orders", query: query)
            #expect(answer.status == 200)
            return answer.json["items"]?.array?.compactMap { $0["id"]?.string } ?? []
        }
        #expect(try await waits(bench, mix.offline) == ["operator to record the payment that is made elsewhere"])
        #expect(try await stuck([]) == [])
        #expect(try await stuck([("overdue", "false")]) == [mix.offline.description])
        #expect(try await stuck([("overdue", "false"), ("party", "payments")]) == [])
        #expect(try await stuck([("overdue", "false"), ("party", "operator"), ("status", "RESERVED")]) == [mix.offline.description])
        bench.clock.advance(by: .seconds(8 * 86_400))
        #expect(try await stuck([]) == [mix.offline.description])
        for query in [("overdue", "maybe"), ("status", "PAID"), ("status", "NOPE"), ("limit", "0"), ("x", "1")] {
            #expect(try await bench.send(bench.desk.routes, "GET", "/admin/stuck-orders", query: [(name: query.0, value: query.1)]).status == 400)
        }
    }

    @Test func `an order whose event was lost is resumed, and the deed is on record`() async throws {
        let bench = try await AuditBench()
        _ = try await bench.product("TEA", 10)
        let order = try await bench.place("TEA", 1)
        // Everybody but Inventory hears of it; to Inventory the event is lost.
        await bench.listen("operations", "analytics")
        try await bench.corrupt(bench.inventory.database, "INSERT INTO positions (source, sequence) VALUES ('orders', 1000)")
        #expect(try await waits(bench, order) == ["inventory to answer OrderCreated, and nothing is on its way"])
        #expect(try await explain(bench, order)["findings"]?[0]?["rule"]?.string == "S8-events-applied")
        let answer = try await bench.send(bench.desk.routes, "POST", "/admin/orders/{id}/resume", id: order.description, actor: "bob")
        #expect(answer.status == 200)
        #expect(answer.json["done"]?[0]?["action"]?.string == "inventory is given OrderCreated once more")
        try await bench.settle()
        #expect(try await bench.status(order) == "PAID")
        #expect(try await bench.audit().findings == [])
        #expect(try await bench.number(bench.inventory.database, "SELECT count(*) FROM admin_actions WHERE actor = 'bob'") == 1)
        let again = try await bench.send(bench.desk.routes, "POST", "/admin/orders/{id}/resume", id: order.description)
        #expect(again.status == 409)
    }

    @Test func `an order is compensated at any status before it is shipped`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        func compensate(_ id: OrderID) async throws -> Int {
            try await bench.send(bench.desk.routes, "POST", "/admin/orders/{id}/compensate", id: id.description, actor: "bob").status
        }
        for order in [mix.paid, mix.offline, mix.paidOffline, mix.free] {
            #expect(try await compensate(order) == 200)
            try await bench.settle()
            #expect(try await bench.status(order) == "CANCELLED")
        }
        for order in [mix.shipped, mix.delivered, mix.failed, mix.refunded] { #expect(try await compensate(order) == 409) }
        #expect(try await bench.audit().findings == [])
        #expect(try await bench.number(bench.orders.database, "SELECT count(*) FROM admin_actions WHERE actor = 'bob'") == 4)
    }
}

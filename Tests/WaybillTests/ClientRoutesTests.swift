import Contracts
import Foundation
import Synchronization
import TestDocuments
import Testing
import WaybillClient
import Wire

/// Calls everything that the client library has, and looks where it went.
@Suite("The client library's operations")
struct ClientRoutesTests {
    private static let id = "01890a5d-ac96-774b-bcce-b302099a8057"
    private static let order =
        #"{"id":"\#(id)","status":"PAID","version":3,"totalAmount":"1.00","currency":"GBP","lineCount":1,"placedAt":"2026-01-01T00:00:00Z","createdAt":"2026-01-01T00:00:00Z"}"#
    private static let product =
        #"{"id":"\#(id)","sku":"A","name":"A","price":"1.00","currency":"GBP","availableQuantity":1,"reservedQuantity":2,"soldQuantity":3}"#
    private static let letter =
        #"{"id":"x:\#(id)","consumer":"x","eventId":"\#(id)","orderId":"\#(id)","type":"T","state":"open","version":1,"attempts":1,"error":"e","diedAt":"2026-01-01T00:00:00Z"}"#
    private static let run = #"{"id":"\#(id)","state":"running","total":1,"redriven":0,"failed":0,"skipped":0}"#
    private static let payment =
        #"{"id":"\#(id)","orderId":"\#(id)","status":"CAPTURED","createdAt":"2026-01-01T00:00:00Z","kind":"k","channel":"c","attempts":1}"#

    /// An answer that fits the question.
    private static func answer(_ request: FakePlatform.Request) -> FakePlatform.Answer {
        func list(_ item: String) -> FakePlatform.Answer { .init(body: "{\"items\":[\(item)]}") }
        let path = request.path.replacing("/api/v1", with: "").replacing(id, with: "{id}").replacing("x%3A{id}", with: "{letter}")
        switch (request.method, path) {
        case ("GET", "/orders"): return list(order)
        case (_, "/orders"), (_, "/orders/{id}"), (_, "/orders/{id}/cancel"), (_, "/orders/{id}/status"): return .init(body: order)
        case ("GET", "/inventory/products"): return list(product)
        case ("PUT", "/inventory/products"): return .init(body: #"{"created":1,"updated":2}"#)
        case (_, "/inventory/products"), (_, "/inventory/products/{id}"), (_, "/inventory/products/{id}/adjustments"): return .init(body: product)
        case (_, "/inventory/availability"):
            return .init(
                body: #"{"available":false,"items":[{"sku":"A","requestedQuantity":2,"availableQuantity":1,"exists":true,"price":"1.00","currency":"GBP"}]}"#)
        case (_, "/payments"), (_, "/notifications"): return list(payment)
        case ("GET", "/admin/dead-letters/redrives"): return list(run)
        case ("GET", "/admin/dead-letters"): return list(letter)
        case (_, "/admin/dead-letters/redrive"), (_, "/admin/dead-letters/redrives/{id}"): return .init(body: run)
        case (_, let path) where path.hasPrefix("/admin/dead-letters/"): return .init(body: letter)
        default: return .init(body: "{}")
        }
    }

    /// Parts of the API whose functions are tested with them, or that are no JSON.
    private static let others: Set<String> = ["Identity", "Webhooks", "GraphQL", "Platform"]

    /// What docs/openapi.json knows: a method and a path below the root, with a star for each parameter.
    private static func documented() throws -> Set<String> {
        let document = try JSONParser.parse(Array(try Data(contentsOf: Document("docs/openapi.json").url)))
        var routes: Set<String> = []
        for path in document["paths"]?.object?.members ?? [] where path.key.hasPrefix(WaybillAPI.root) {
            for operation in path.value.object?.members ?? [] {
                guard let tag = operation.value["tags"]?[0]?.string, !others.contains(tag) else { continue }
                let steps = path.key.dropFirst(WaybillAPI.root.count).split(separator: "/").map { $0.hasPrefix("{") ? "*" : $0 }
                routes.insert("\(operation.key.uppercased()) /\(steps.joined(separator: "/"))")
            }
        }
        return routes
    }

    @Test("Every route of the API has its function")
    func complete() async throws {
        let seen = Mutex<Set<String>>([])
        let server = try await FakePlatform.start { request in
            let path = request.path.replacing(WaybillAPI.root, with: "").replacing("x%3A" + Self.id, with: "*").replacing(Self.id, with: "*")
                .replacing("OrderCreated", with: "*")
            _ = seen.withLock { $0.insert("\(request.method) \(path)") }
            return Self.answer(request)
        }
        let api = WaybillAPI(try HTTPClient(baseURL: server.url))
        let id = try #require(Identifier(Self.id))
        try await orders(api, id)
        try await inventory(api, id)
        try await insight(api)
        try await deadLetters(api, id)
        try await administration(api, id)
        await api.http.shutdown()
        try await server.stop()
        let (called, documented) = (seen.withLock { $0 }, try Self.documented())
        #expect(documented.count > 40)
        #expect(documented.subtracting(called) == [], "these have no function")
        #expect(called.subtracting(documented) == [], "these are not in the API's description")
    }

    private func orders(_ api: WaybillAPI, _ id: Identifier) async throws {
        let placed = try await api.place(NewOrder(items: [.init(sku: "A", quantity: 1)], currency: "GBP"), key: "k")
        let status = try await api.status(id)
        #expect(placed.id == id && status == .paid)
        _ = try await api.order(id)
        _ = try await api.orders(OrderFilter(), limit: 1)
        _ = try await api.cancel(id, reason: "x", key: "k")
        _ = try await api.setStatus(id, to: .shipped)
        _ = try await api.timeline(id)
        for try await _ in api.follow(id) {}
        let payment = try await api.paymentStatus(id)
        let notifications = try await api.notifications(of: id)
        #expect(payment == "CAPTURED" && notifications.map(\.channel) == ["c"])
    }

    private func inventory(_ api: WaybillAPI, _ id: Identifier) async throws {
        let product = NewProduct(sku: "A", name: "A", price: "1.00", currency: "GBP", available: 1)
        _ = try await api.create(product)
        let upserted = try await api.upsert([product])
        let updated = try await api.update(id, name: "A", price: "1.00", currency: "GBP", available: 4)
        #expect(upserted == (1, 2) && updated.total == 6)
        _ = try await api.product(sku: "A")
        _ = try await api.product(id)
        _ = try await api.adjust(id, by: 1, reason: "x", key: "k")
        let answer = try await api.availability([.init(sku: "A", quantity: 2)])
        #expect(!answer.isAvailable && answer.items.map(\.available) == [1] && answer.items.map(\.price) == ["1.00"])
    }

    private func insight(_ api: WaybillAPI) async throws {
        _ = try await api.dashboard()
        _ = try await api.analyticsMetrics()
        _ = try await api.rebuildAnalytics()
        _ = try await api.events()
        for try await _ in api.followAll(types: []) {}
        _ = try await api.eventSchemas()
        _ = try await api.eventSchema("OrderCreated")
    }

    private func deadLetters(_ api: WaybillAPI, _ id: Identifier) async throws {
        let name = "x:\(Self.id)"
        try await api.eachDeadLetter(DeadLetterSelection()) { #expect($0.id == name) }
        _ = try await api.deadLetterGroups(DeadLetterSelection())
        let letter = try await api.deadLetter(name)
        _ = try await api.redrive(name)
        _ = try await api.editAndRedrive(name, event: letter.json, version: 1)
        _ = try await api.rehearse(name)
        _ = try await api.archive(name, reason: "x")
        _ = try await api.startRedrive(DeadLetterSelection(), rate: 1, stopAfter: 1)
        _ = try await api.redriveRun(id)
        _ = try await api.stopRedrive(id)
        let runs = try await api.redriveRuns()
        #expect(runs.map(\.id) == [id])
    }

    private func administration(_ api: WaybillAPI, _ id: Identifier) async throws {
        _ = try await api.actions()
        _ = try await api.auditStanding()
        _ = try await api.audit(order: id, repair: false)
        _ = try await api.auditRules()
        _ = try await api.stuckOrders()
        _ = try await api.explain(id)
        _ = try await api.resume(id)
        _ = try await api.compensate(id)
    }
}

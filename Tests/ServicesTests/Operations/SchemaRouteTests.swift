import Contracts
import Testing
import Web
import Wire

@testable import Operations

@Suite struct SchemaRouteTests {
    private let service: OperationsService

    init() throws { service = OperationsService(try ServiceFixture("operations").environment) }

    @Test func `All events are listed with their versions`() async throws {
        let items = try await service.call("GET", "/events/schemas").json.objects("items")
        #expect(try items.map { try $0.string("type") } == EventCatalog.types.map { $0.type })
        let first = try #require(items.first)
        #expect(try first.integer("version") == Int64(OrderCreated.schemaVersion))
        #expect(try first.string("topic") == "orders")
        #expect(try first.string("schema") == "/api/v1/events/schemas/OrderCreated")
    }

    @Test func `An event's schema is served as it is checked in`() async throws {
        let response = try await service.call("GET", "/events/schemas/{type}", parameters: ["type": "StockAdjusted"])
        #expect(response.headers[.contentType] == "application/schema+json")
        let schema = try EventSchema(try response.json)
        #expect(schema.document == EventSchema.versions(of: StockAdjusted.self).last?.document)
        let first = try await service.call("GET", "/events/schemas/{type}", parameters: ["type": "StockAdjusted"], query: [("version", "1")])
        #expect(try EventSchema(try first.json).version == 1)
    }

    @Test func `What does not exist is refused`() async throws {
        for (type, version, status) in [("Nothing", nil, 404), ("OrderCreated", "99", 404), ("OrderCreated", "0", 400), ("OrderCreated", "x", 400)] {
            let problem = await #expect(throws: Problem.self) {
                try await service.call("GET", "/events/schemas/{type}", parameters: ["type": type], query: version.map { [("version", $0)] } ?? [])
            }
            #expect(problem?.status.code == status, "\(type) \(version ?? "")")
        }
    }
}

import Contracts
import Storage
import Testing
import Web
import Wire

@testable import Messaging
@testable import Operations

@Suite struct OperationsServiceTests {
    let fixture: ServiceFixture
    let service: OperationsService
    let handler: any EventHandler

    init() async throws {
        fixture = try ServiceFixture("operations")
        service = OperationsService(fixture.environment)
        handler = try #require(service.handler)
        try await fixture.migrate(service)
    }

    /// The life of an order: question, answer, and what comes of it, each caused by the one before.
    private func story(_ order: OrderID) -> [Envelope] {
        let reserved = fixture.event(InventoryReleased(reservations: [], reason: "cancellation"), from: "inventory", key: order)
        let changed = fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: order, version: 2, because: reserved)
        let shipped = fixture.event(OrderShipped(change: .init(from: .paid, to: .shipped), customerID: nil), key: order, version: 3, because: changed)
        return [reserved, changed, shipped]
    }

    private func problem(_ body: () async throws -> WebResponse) async -> Problem? { await #expect(throws: Problem.self) { try await body() } }

    @Test func `An event is kept once, however often it comes`() async throws {
        let order = fixture.context.newID()
        let events = story(order)
        try await fixture.deliverTwice(events + events, to: handler)
        #expect(try await service.history(after: 0, limit: 10).map(\.envelope.id) == events.map(\.id))
    }

    @Test func `The timeline shows every event of the order with its body`() async throws {
        let (order, other) = (fixture.context.newID(), fixture.context.newID())
        let events = story(order)
        try await fixture.deliverTwice(story(other) + events, to: handler)
        let items = try await service.call("GET", "/orders/{id}/events", parameters: ["id": order.description]).json.objects("items")
        #expect(try items.map { try $0.identifier("eventId") } == events.map(\.id))
        let second = try #require(items.dropFirst().first)
        #expect(try second.string("type") == "OrderReserved")
        #expect(try second.string("service") == "orders")
        #expect(try second.timestamp("time") == events[1].time)
        #expect(try second.identifier("causationId") == events[0].id)
        #expect(try second.identifier("correlationId") == events[0].correlationID)
        #expect(try second.integer("version") == 2)
        #expect(second["data"]?["newStatus"]?.string == "RESERVED")
    }

    @Test func `An event of the same millisecond stands behind its cause`() async throws {
        let order = fixture.context.newID()
        let early = fixture.context.newID()
        let cause = fixture.event(InventoryReleased(reservations: [], reason: "cancellation"), from: "inventory", key: order)
        let effect = Envelope(
            id: early, source: "orders", key: order, correlationID: cause.correlationID, causationID: cause.id, time: cause.time,
            event: OrderReserved(change: .init(from: .created, to: .reserved)))
        try await fixture.deliverTwice([effect, cause], to: handler)
        let items = try await service.call("GET", "/orders/{id}/events", parameters: ["id": order.description]).json.objects("items")
        #expect(try items.map { try $0.identifier("eventId") } == [cause.id, effect.id])
    }

    @Test(arguments: ["00000000-0000-0000-0000-000000000000", "nonsense"]) func `An unknown order has no timeline`(id: String) async throws {
        let problem = await problem { try await service.call("GET", "/orders/{id}/events", parameters: ["id": id]) }
        #expect(problem?.status == .notFound)
    }

    @Test func `The log is read in pages without gap or repetition`() async throws {
        var events: [Envelope] = []
        for _ in 0..<7 { events += story(fixture.context.newID()) }
        try await fixture.deliverTwice(events, to: handler)
        var read: [Identifier] = []
        var after: Int64 = 0
        var pages = 0
        while true {
            let page = try await service.call("GET", "/events", query: [("after", "\(after)"), ("limit", "4")]).json
            let items = try page.objects("items")
            read += try items.map { try #require($0["body"]?.object).identifier("eventId") }
            if let last = items.last { #expect(try page.integer("next") == last.integer("sequence")) }
            after = try page.integer("next")
            pages += 1
            if try !page.bool("more") { break }
        }
        #expect(read == events.map(\.id))
        #expect(pages == 6)
        let end = try await service.call("GET", "/events", query: [("after", "\(after)")]).json
        #expect(try end.objects("items").isEmpty && end.integer("next") == after)
    }

    @Test func `The log can be read by types`() async throws {
        var events: [Envelope] = []
        for _ in 0..<5 { events += story(fixture.context.newID()) }
        try await fixture.deliverTwice(events, to: handler)
        let page = try await service.call("GET", "/events", query: [("type", "OrderShipped,OrderReserved"), ("limit", "3")]).json
        let wanted = events.filter { $0.type != "InventoryReleased" }.map(\.id)
        #expect(try page.objects("items").map { try #require($0["body"]?.object).identifier("eventId") } == Array(wanted.prefix(3)))
        let rest = try await service.call("GET", "/events", query: [("type", "OrderShipped,OrderReserved"), ("after", "\(try page.integer("next"))")]).json
        #expect(try rest.objects("items").map { try #require($0["body"]?.object).identifier("eventId") } == Array(wanted.dropFirst(3)))
    }

    @Test(arguments: [("limit", "0"), ("limit", "1001"), ("after", "-1"), ("type", "OrderShiped"), ("type", ","), ("typ", "x")])
    func `A parameter that makes no sense is refused with 400`(name: String, value: String) async throws {
        let problem = await problem { try await service.call("GET", "/events", query: [(name, value)]) }
        #expect(problem?.status == .badRequest)
    }

    @Test func `History decodes what was stored`() async throws {
        let events = story(fixture.context.newID())
        try await fixture.deliverTwice(events, to: handler)
        let first = try await service.history(after: 0, limit: 2)
        let last = try #require(first.last)
        #expect(first.map(\.envelope.body) == events.prefix(2).map(\.body))
        let rest = try await service.history(after: last.sequence, limit: 10)
        #expect(rest.map(\.envelope.id) == [events[2].id])
        #expect(rest.first?.envelope.event is OrderShipped)
        #expect(try await service.history(after: try #require(rest.last).sequence, limit: 10).isEmpty)
    }
}

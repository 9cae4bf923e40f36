import Contracts
import Messaging
import Storage
import Testing
import Web
import Wire

@testable import Analytics

@Suite struct DashboardTests {
    private let fixture: ServiceFixture
    private let service: AnalyticsService
    private let handler: any EventHandler

    init() async throws {
        fixture = try ServiceFixture("analytics")
        service = AnalyticsService(fixture.environment, history: NoHistory())
        handler = try #require(service.handler)
        try await fixture.migrate(service)
    }

    private func dashboard(_ query: (String, String)...) async throws -> JSONObject {
        try await service.call("GET", "/analytics/dashboard", query: query.map { (name: $0.0, value: $0.1) }).json
    }

    /// A paid order.
    private func sell(
        _ lines: [(String, Int64, Int64)], at placedAt: String, country: String? = "United Kingdom", currency: String = "GBP"
    ) async throws {
        let currency = try #require(Currency(currency))
        let id = fixture.context.newID()
        let total = Money(minorUnits: lines.reduce(0) { $0 + $1.1 * $1.2 }, currency: currency)
        let created = OrderCreated(
            customerID: nil,
            lines: lines.map { OrderLine(productID: nil, sku: $0.0, quantity: $0.1, price: Money(minorUnits: $0.2, currency: currency)) },
            total: total, shippingCountry: country, paymentMethod: "card", placedAt: try #require(Timestamp(placedAt)))
        let first = fixture.event(created, key: id, version: 1)
        fixture.clock.advance(by: .milliseconds(100))
        let confirmed = OrderConfirmed(change: .init(from: .reserved, to: .paid), customerID: nil, total: total, isPaidOffline: false)
        let paid = fixture.event(PaymentProcessed(paymentID: id, amount: total, paymentMethod: "card"), from: "payments", key: id)
        try await fixture.deliverTwice([first, paid, fixture.event(confirmed, key: id, version: 3)], to: handler)
    }

    @Test func `An empty dashboard has its shape already`() async throws {
        let dashboard = try await dashboard()
        #expect(dashboard["totals"]?["orders"]?.integer == 0)
        #expect(dashboard["totals"]?["revenue"]?.string == "0.00")
        #expect(dashboard["ordersByStatus"]?["PAID"]?.integer == 0)
        #expect(dashboard["createdToPaidMs"]?["count"]?.integer == 0)
        #expect(try dashboard.objects("byMonth").isEmpty && dashboard["updatedThrough"] == nil)
        #expect(try dashboard.bool("rebuilding") == false)
    }

    @Test(arguments: [false, true]) func `The figures are summed by time, country and product`(isRange: Bool) async throws {
        try await sell([("B", 2, 150), ("A", 1, 300)], at: "2010-12-01T08:26:00Z")
        try await sell([("B", 1, 150), ("B", 1, 150), ("free", 3, 0)], at: "2010-12-01T09:00:00Z", country: "France")
        try await sell([("C", 10, 99)], at: "2011-01-31T23:59:59.999Z", country: nil)
        let range = isRange ? [("from", "2010-12-01"), ("to", "2011-02-01T00:00:00Z")] : []
        let dashboard = try await service.call(
            "GET", "/analytics/dashboard", query: (range + [("granularity", "hour"), ("top", "3")]).map { (name: $0.0, value: $0.1) }
        ).json
        let totals = try #require(dashboard["totals"]?.object)
        #expect(try totals.integer("orders") == 3 && totals.integer("lines") == 6 && totals.integer("units") == 18)
        #expect(try totals.string("revenue") == "18.90" && totals.string("captured") == "18.90" && totals.string("refunded") == "0.00")
        #expect(try totals.string("averageOrderValue") == "6.30")
        #expect(dashboard["byCurrency"]?["GBP"]?["revenue"]?.string == "18.90")
        func rows(_ list: String, _ name: String) throws -> [String] {
            try dashboard.objects(list).map {
                "\(try $0.string(name)): \(try $0.integer("orders")) \(try $0.integer("lines")) \(try $0.integer("units")) \(try $0.string("revenue")) \(try $0.string("currency"))"
            }
        }
        #expect(try rows("byMonth", "month") == ["2010-12: 2 5 8 9.00 GBP", "2011-01: 1 1 10 9.90 GBP"])
        #expect(try rows("byDay", "day") == ["2010-12-01: 2 5 8 9.00 GBP", "2011-01-31: 1 1 10 9.90 GBP"])
        #expect(
            try rows("byHour", "hour") == [
                "2010-12-01T08:00Z: 1 2 3 6.00 GBP", "2010-12-01T09:00Z: 1 3 5 3.00 GBP", "2011-01-31T23:00Z: 1 1 10 9.90 GBP",
            ])
        #expect(try rows("byCountry", "country") == ["France: 1 3 5 3.00 GBP", "United Kingdom: 1 2 3 6.00 GBP", "unknown: 1 1 10 9.90 GBP"])
        #expect(try rows("topProducts", "sku") == ["C: 1 1 10 9.90 GBP", "B: 2 3 4 6.00 GBP", "A: 1 1 1 3.00 GBP"])
        #expect(dashboard["createdToPaidMs"]?["p99"]?.integer == 100)
        #expect(dashboard["ordersByStatus"]?["PAID"]?.integer == 3)
    }

    @Test func `A range takes orders from its beginning until before its end`() async throws {
        try await sell([("A", 1, 100)], at: "2011-01-01T00:00:00Z")
        try await sell([("A", 1, 1000)], at: "2011-01-02T00:00:00Z")
        #expect(try await dashboard(("from", "2011-01-01"), ("to", "2011-01-02"))["totals"]?["revenue"]?.string == "1.00")
        #expect(try await dashboard(("from", "2011-01-02"))["totals"]?["revenue"]?.string == "10.00")
        #expect(try await dashboard(("to", "2011-01-02"))["totals"]?["revenue"]?.string == "1.00")
        #expect(try await dashboard(("to", "2010-01-02"))["totals"]?["orders"]?.integer == 0)
    }

    @Test func `Currencies are never added up`() async throws {
        try await sell([("A", 1, 100)], at: "2011-01-01T00:00:00Z")
        try await sell([("A", 1, 5000)], at: "2011-01-01T00:00:00Z", currency: "JPY")
        let dashboard = try await dashboard()
        #expect(dashboard["totals"]?["orders"]?.integer == 2)
        #expect(dashboard["totals"]?["revenue"] == nil)
        #expect(dashboard["byCurrency"]?["JPY"]?["revenue"]?.string == "5000")
        #expect(try dashboard.objects("byMonth").map { try $0.string("currency") } == ["GBP", "JPY"])
        #expect(try dashboard.objects("topProducts").map { try $0.string("revenue") } == ["1.00", "5000"])
    }

    @Test func `Ties among products are by their names, days only when asked for`() async throws {
        try await sell([("z", 1, 100), ("a", 1, 100), ("m", 1, 100)], at: "2011-01-01T00:00:00Z")
        let dashboard = try await dashboard(("top", "2"))
        #expect(try dashboard.objects("topProducts").map { try $0.string("sku") } == ["a", "m"])
        #expect(dashboard["byDay"] == nil && dashboard["byHour"] == nil)
    }

    @Test(arguments: [("top", "0"), ("top", "1001"), ("from", "yesterday"), ("granularity", "week"), ("form", "2011-01-01")])
    func `A parameter that makes no sense is refused with 400`(name: String, value: String) async throws {
        let problem = await #expect(throws: Problem.self) { try await dashboard((name, value)) }
        #expect(problem?.status == .badRequest)
        await #expect(throws: Problem.self) { try await dashboard(("from", "2011-01-02"), ("to", "2011-01-01")) }
    }

    @Test func `The metrics count events by type`() async throws {
        try await sell([("A", 1, 100)], at: "2011-01-01T00:00:00Z")
        let metrics = try await service.call("GET", "/analytics/metrics").json
        #expect(try metrics.integer("events") == 3)
        #expect(metrics["eventsByType"]?["OrderConfirmed"]?.integer == 1)
        #expect(metrics["rows"]?["orders"]?.integer == 1 && metrics["rows"]?["products"]?.integer == 1)
        #expect(metrics["createdToPaidMs"]?["p50"]?.integer == 100)
    }

    @Test(arguments: [(1000, 3, 333), (1001, 2, 501), (-1001, 2, -501), (0, 0, 0), (5, 0, 0)] as [(Int64, Int64, Int64)])
    func `The average is rounded half away from zero`(revenue: Int64, orders: Int64, average: Int64) {
        #expect(SalesFigures(orders: orders, captured: max(0, revenue), refunded: max(0, -revenue)).averageOrderValue == average)
    }
}

private struct NoHistory: EventHistory {
    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] { [] }
}

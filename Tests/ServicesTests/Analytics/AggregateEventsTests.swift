import Contracts
import Messaging
import Storage
import Testing
import Wire

@testable import Analytics

@Suite struct AggregateEventsTests {
    let fixture: ServiceFixture
    let service: AnalyticsService
    let handler: any EventHandler

    init() async throws {
        fixture = try ServiceFixture("analytics")
        service = AnalyticsService(fixture.environment, history: EmptyHistory())
        handler = try #require(service.handler)
        try await fixture.migrate(service)
    }

    private func aggregates() async throws -> Aggregates { try await fixture.database.read { try AggregateTables.load(products: true, in: $0) } }

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `The sums are right in whatever order topics and repetitions arrive`(seed: UInt64) async throws {
        let history = try RandomHistory(orders: 40, seed: seed, fixture: fixture)
        var random = RandomSource(seed: seed &+ 1000)
        for batch in history.batches(&random) { try await fixture.deliverTwice(batch, to: handler) }
        let (sums, expected) = (try await aggregates(), history.expected)
        #expect(sums.statuses == expected.statuses)
        #expect(sums.reasons == expected.reasons)
        #expect(sums.latency == expected.latency)
        #expect(sums.events == expected.events)
        for key in Set(sums.sales.keys).union(expected.sales.keys) {
            var (sum, wanted) = (sums.sales[key] ?? SalesFigures(), expected.sales[key] ?? SalesFigures())
            if key.dimension == .product, history.hasPartialRefunds { (sum.refunded, wanted.refunded) = (0, 0) }
            #expect(sum == wanted, "\(key)")
        }
        for currency in ["GBP", "EUR"] {
            let refunds = SalesDimension.allCases.map { dimension in
                sums.sales.filter { $0.key.dimension == dimension && $0.key.currency == currency }.reduce(0) { $0 + $1.value.refunded }
            }
            #expect(Set(refunds).count == 1, "hours, countries and products tell of the same refunds")
        }
        #expect(try await service.discrepancies() == [])
    }

    @Test func `Nothing is sold before the order is confirmed, and the money counts when it moves`() async throws {
        let pound = try #require(Currency("GBP"))
        let id = fixture.context.newID()
        let total = Money(minorUnits: 500, currency: pound)
        let created = OrderCreated(
            customerID: nil, lines: [OrderLine(productID: nil, sku: "a", quantity: 5, price: Money(minorUnits: 100, currency: pound))], total: total,
            shippingCountry: "FR", paymentMethod: "card", placedAt: Timestamp(milliseconds: 0))
        let key = SalesKey(dimension: .country, bucket: "FR", currency: "GBP")

        // The payment overtakes the order: it is kept until the lines are known.
        try await fixture.deliverTwice(
            [fixture.event(PaymentProcessed(paymentID: id, amount: total, paymentMethod: "card"), from: "payments", key: id)], to: handler)
        #expect(try await aggregates().sales.isEmpty)
        try await fixture.deliverTwice([fixture.event(created, key: id, version: 1)], to: handler)
        #expect(try await aggregates().sales[key] == SalesFigures(captured: 500))
        fixture.clock.advance(by: .milliseconds(40))
        let confirmed = OrderConfirmed(change: .init(from: .reserved, to: .paid), customerID: nil, total: total, isPaidOffline: false)
        try await fixture.deliverTwice([fixture.event(confirmed, key: id, version: 3)], to: handler)
        #expect(try await aggregates().sales[key] == SalesFigures(orders: 1, lines: 1, units: 5, captured: 500))
        #expect(try await aggregates().latency.percentile(perMille: 500) == 40)
        let requested = OrderCancellationRequested(change: .init(from: .paid, to: .cancelling), reason: "customer")
        try await fixture.deliverTwice([fixture.event(requested, key: id, version: 4)], to: handler)
        #expect(try await aggregates().sales[key] == SalesFigures(captured: 500))
        try await fixture.deliverTwice([fixture.event(PaymentRefunded(paymentID: id, amount: total), from: "payments", key: id)], to: handler)
        #expect(try await aggregates().sales[key] == SalesFigures(captured: 500, refunded: 500))
    }

    @Test func `An older status does not replace a newer one`() async throws {
        let id = fixture.context.newID()
        let shipped = fixture.event(OrderShipped(change: .init(from: .paid, to: .shipped), customerID: nil), key: id, version: 4)
        let reserved = fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: id, version: 2)
        try await fixture.deliverTwice([shipped], to: handler)
        try await fixture.deliverTwice([reserved], to: handler)
        #expect(try await aggregates().statuses == [.shipped: 1])
    }

    @Test func `An order that cannot be is not counted by halves`() async throws {
        let pound = try #require(Currency("GBP"))
        let line = OrderLine(productID: nil, sku: "a", quantity: .max, price: Money(minorUnits: 2, currency: pound))
        let created = OrderCreated(
            customerID: nil, lines: [line], total: Money(minorUnits: 2, currency: pound), shippingCountry: nil, paymentMethod: "card",
            placedAt: Timestamp(milliseconds: 0))
        let event = fixture.event(created, key: fixture.context.newID(), version: 1)
        await #expect(throws: ImplausibleOrder.self) { try await fixture.deliver([event], to: handler) }
        #expect(try await aggregates() == Aggregates())
    }
}

private struct EmptyHistory: EventHistory {
    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] { [] }
}

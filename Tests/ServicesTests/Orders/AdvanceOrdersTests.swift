import Contracts
import Storage
import Testing
import Wire

@testable import Orders

@Suite("Advancing orders")
struct AdvanceOrdersTests {
    @Test("an event about an order that does not exist fails, because an order exists before anybody can speak of it")
    func unknownOrder() async throws {
        let fixture = try ServiceFixture("orders")
        let service = OrdersService(fixture.environment) { _ in [] }
        try await fixture.migrate(service)
        let handler = try #require(service.handler)
        let event = fixture.event(PaymentVoided(paymentID: Identifier(high: 0, low: 1)), from: "payments", key: Identifier(high: 0, low: 2))
        for _ in 0..<2 { await #expect(throws: UnknownOrder.self) { try await fixture.deliver([event], to: handler) } }
        #expect(fixture.events.isEmpty)
    }

    @Test("every service hears exactly what the choreography says")
    func subscriptions() async throws {
        let bench = try await SagaBench()
        #expect(bench.orders.handler?.subscriptions == Choreography.subscriptions(of: .orders))
        #expect(bench.inventory.handler?.subscriptions == Choreography.subscriptions(of: .inventory))
        #expect(bench.payments.handler?.subscriptions == Choreography.subscriptions(of: .payments))
    }
}

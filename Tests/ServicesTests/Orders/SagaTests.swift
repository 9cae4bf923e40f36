import Contracts
import Testing
import Web
import Wire

@testable import Messaging

@Suite("The saga of an order", .timeLimit(.minutes(1)))
struct SagaTests {
    let bench: SagaBench

    init() async throws { bench = try await SagaBench() }

    @Test("an order is reserved, charged, confirmed, shipped and delivered")
    func straight() async throws {
        let product = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3)
        try await bench.settle()
        #expect(try await bench.history(id) == ["CREATED", "RESERVED", "PAID"])
        #expect(try await bench.units(product) == [7, 3, 0])
        #expect(try await bench.books() == ["capture 750"])
        for status in ["SHIPPED", "DELIVERED"] {
            #expect(try await bench.set(status, id).status == 200)
            try await bench.settle()
        }
        #expect(try await bench.history(id) == ["CREATED", "RESERVED", "PAID", "SHIPPED", "DELIVERED"])
        #expect(try await bench.units(product) == [7, 0, 3])
        #expect(try await bench.said(bench.orders) == ["OrderCreated", "OrderReserved", "OrderConfirmed", "OrderShipped", "OrderDelivered"])
        #expect(try await bench.said(bench.payments) == ["PaymentProcessed"])
    }

    @Test(
        "a refused payment ends the order and frees its stock",
        arguments: [("test_decline", "card_declined"), ("test_insufficient_funds", "insufficient_funds"), ("nonsense", "unknown_payment_method")])
    func declined(method: String, reason: String) async throws {
        let product = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3, method: method)
        try await bench.settle()
        #expect(try await bench.history(id) == ["CREATED", "RESERVED", "FAILED"])
        #expect(try await bench.send(bench.orders, "GET", "/orders/{id}/status", id: id).text("reason") == reason)
        #expect(try await bench.units(product) == [10, 0, 0])
        #expect(try await bench.books() == ["decline 750"])
        #expect(try await bench.said(bench.inventory) == ["StockAdjusted", "InventoryReserved", "InventoryReleased"])
    }

    @Test("a reply that was lost is asked for again with the same key, and nothing is taken twice")
    func lostReply() async throws {
        _ = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3, method: "test_timeout")
        bench.provider.loses(.charge, times: 3)
        try await bench.settle()
        #expect(try await bench.status(id) == "PAID")
        #expect(try await bench.books() == ["capture 750"])
        #expect(bench.provider.calls(.charge) > 3)
        #expect(try await bench.said(bench.payments) == ["PaymentProcessed"])
    }

    @Test("an order over nothing is paid without the provider")
    func zeroTotal() async throws {
        let product = try await bench.stock("A", 10, price: "0.00")
        let id = try await bench.accepted("A", 3)
        try await bench.settle()
        #expect(try await bench.status(id) == "PAID")
        #expect(try await bench.books() == [])
        #expect(try await bench.cancel(id).status == 202)
        try await bench.settle()
        #expect(try await bench.status(id) == "CANCELLED")
        #expect(try await bench.units(product) == [10, 0, 0])
        #expect(try await bench.books() == [])
    }

    @Test("a second order for the last unit is cancelled, because Inventory decides and nobody else")
    func lastUnit() async throws {
        let product = try await bench.stock("A", 1)
        let (first, second) = (try await bench.accepted("A", 1), try await bench.accepted("A", 1))
        try await bench.settle()
        #expect(try await bench.status(first) == "PAID")
        #expect(try await bench.history(second) == ["CREATED", "CANCELLED"])
        #expect(try await bench.units(product) == [0, 1, 0])
        #expect(try await bench.books() == ["capture 250"])
    }

    /// How far an order has come when it is cancelled.
    enum Stage: String, CaseIterable, Sendable {
        case created, reservedUnheard, reserved, charging, capturedUnheard, paid

        func reach(_ bench: SagaBench) async throws {
            if self == .created { return }
            await bench.listen("inventory")
            if self == .reservedUnheard { return }
            await bench.listen("orders")
            if self == .reserved { return }
            await bench.listen("payments")
            if self == .charging { return }
            try await bench.work()
            if self == .capturedUnheard { return }
            await bench.listen("orders")
        }
    }

    @Test("an order can be cancelled at every stage: no money is kept, no stock held, every answer came once", arguments: Stage.allCases)
    func cancelling(_ stage: Stage) async throws {
        let product = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3)
        try await stage.reach(bench)
        for _ in 0..<2 {
            let answer = try await bench.cancel(id)
            #expect(answer.status == 202)
            #expect(answer.text("status") == "CANCELLING")
        }
        try await bench.settle()
        #expect(try await bench.history(id).suffix(2) == ["CANCELLING", "CANCELLED"])
        #expect(try await bench.units(product) == [10, 0, 0])
        let books = try await bench.books()
        #expect([[], ["void 750"], ["capture 750"], ["capture 750", "refund 750"]].contains(books))
        #expect(books.contains("capture 750") == books.contains("refund 750"), "\(books)")
        let answers = try await bench.said(bench.payments).filter { $0 == "PaymentVoided" || $0 == "PaymentRefunded" }
        #expect(answers.count == 1)
        // A handler that runs twice answers twice, which the inbox prevents in earnest; the lines are given back once.
        let releases = try await bench.allEvents().compactMap { $0.event as? InventoryReleased }
        #expect(releases.count == 2)
        #expect(releases.filter { !$0.reservations.isEmpty }.count == 1)
        let again = try await bench.cancel(id)
        #expect(again.status == 200)
        #expect(again.text("status") == "CANCELLED")
        for service in [bench.orders as any ServiceModule, bench.inventory, bench.payments] { #expect(try await bench.parked(service) == 0) }
    }

    @Test("a cancellation that reaches the services before the order does leaves a tombstone in each")
    func overtaking() async throws {
        let product = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3)
        #expect(try await bench.cancel(id).status == 202)
        // Payments hears of the cancellation while Inventory has not even seen the order.
        await bench.listen("payments")
        try await bench.settle()
        #expect(try await bench.status(id) == "CANCELLED")
        #expect(try await bench.books() == [])
        #expect(try await bench.units(product) == [10, 0, 0])
        #expect(try await bench.payment(id)?["status"]?.string == "VOIDED")
    }

    @Test("cancelled while the provider is being asked: what was taken is given back once, though replies are lost")
    func cancelWhileCharging() async throws {
        _ = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3, method: "test_timeout")
        try await Stage.charging.reach(bench)
        bench.provider.loses(.charge, times: 2)
        bench.provider.loses(.refund, times: 3)
        try await bench.work()
        #expect(try await bench.payment(id)?["status"]?.string == "CHARGING", "silence is not an answer")
        #expect(try await bench.cancel(id).status == 202)
        await bench.listen("payments")
        #expect(try await bench.payment(id)?["status"]?.string == "CANCELLING")
        try await bench.settle()
        #expect(try await bench.status(id) == "CANCELLED")
        #expect(try await bench.books() == ["capture 750", "refund 750"])
        #expect(try await bench.payment(id)?["status"]?.string == "REFUNDED")
        #expect(bench.provider.calls(.refund) > 3)
    }

    @Test("cancelled before the provider was reached: the intent is given up, and the charge that comes later takes nothing")
    func voidBeforeCharge() async throws {
        _ = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 3)
        try await Stage.charging.reach(bench)
        let charge = try #require(try await bench.dueJobs().first)
        #expect(try await bench.cancel(id).status == 202)
        await bench.listen("payments")
        let void = try #require(try await bench.dueJobs().first { $0.kind == "void-payment" })
        bench.provider.loses(.cancel, times: 1)
        for _ in 0..<2 { await bench.payments.jobRunner.execute(void) }
        #expect(try await bench.payment(id)?["status"]?.string == "VOIDED")
        await bench.payments.jobRunner.execute(charge)
        try await bench.settle()
        #expect(try await bench.status(id) == "CANCELLED")
        #expect(try await bench.books() == ["void 750"])
    }

    @Test("an order that is not settled by its deadline is cancelled, and one that is settled is left alone")
    func deadline() async throws {
        let product = try await bench.stock("A", 10)
        let paid = try await bench.accepted("A", 1)
        try await bench.settle()
        let late = try await bench.accepted("A", 2)
        bench.clock.advance(by: .milliseconds(899_999))
        try await bench.fireTimers()
        #expect(try await bench.status(late) == "CREATED")
        bench.clock.advance(by: .milliseconds(1))
        try await bench.fireTimers()
        #expect(try await bench.status(late) == "CANCELLING")
        try await bench.settle()
        #expect(try await bench.status(late) == "CANCELLED")
        #expect(try await bench.send(bench.orders, "GET", "/orders/{id}", id: late).text("reason") == "deadline")
        #expect(try await bench.status(paid) == "PAID")
        #expect(try await bench.units(product) == [9, 1, 0])
    }

    @Test("a payment made elsewhere is recorded by an operator, once there is stock, and given back elsewhere")
    func offline() async throws {
        let product = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 2, method: "offline")
        let early = try await bench.set("PAID", id)
        #expect(early.status == 409)
        #expect(early.json["allowed"]?.array == [.string("CANCELLED")])
        bench.clock.advance(by: .seconds(900))
        try await bench.settle()
        try await bench.fireTimers()
        #expect(try await bench.status(id) == "RESERVED", "who pays elsewhere has more time")
        #expect(try await bench.payment(id)?["status"]?.string == "AWAITING_OFFLINE")
        #expect(try await bench.set("PAID", id).status == 200)
        #expect(try await bench.set("PAID", id).status == 409)
        try await bench.settle()
        #expect(try await bench.history(id) == ["CREATED", "RESERVED", "PAID"])
        #expect(try await bench.payment(id)?["status"]?.string == "PAID_OFFLINE")
        #expect(try await bench.set("CANCELLED", id).status == 202)
        try await bench.settle()
        #expect(try await bench.status(id) == "CANCELLED")
        #expect(try await bench.units(product) == [10, 0, 0])
        #expect(try await bench.books() == [])
    }

    @Test("a status that an order cannot take from where it is, is refused with what it can take")
    func refusedWishes() async throws {
        _ = try await bench.stock("A", 10)
        let id = try await bench.accepted("A", 2)
        try await bench.settle()
        for status in ["PAID", "DELIVERED"] {
            let answer = try await bench.set(status, id)
            #expect(answer.status == 409)
            #expect(answer.problem == "transition-not-allowed")
            #expect(answer.json["allowed"]?.array == [.string("SHIPPED"), .string("CANCELLED")])
        }
        for status in ["CREATED", "RESERVED", "FAILED", "CANCELLING", "paid", ""] {
            let answer = try await bench.set(status, id)
            #expect(answer.status == 422)
            #expect(answer.pointers == ["/status"])
        }
        #expect(try await bench.set("SHIPPED", id).status == 200)
        let late = try await bench.cancel(id)
        #expect(late.status == 409)
        #expect(late.problem == "order-not-cancellable")
        for unknown in ["0199a3c4-9c00-7000-8000-000000000000", "nonsense"] {
            #expect(try await bench.cancel(unknown).status == 404)
            #expect(try await bench.set("SHIPPED", unknown).status == 404)
        }
    }

    @Test("whatever the services say in reaction to an event is declared in the choreography")
    func declared() async throws {
        _ = try await bench.stock("A", 20)
        for method in ["test_approve", "test_decline", "test_timeout", "offline"] {
            for stage in Stage.allCases {
                let id = try await bench.accepted("A", 1, method: method)
                try await stage.reach(bench)
                _ = try await bench.cancel(id)
                try await bench.settle()
            }
        }
        let declared = Dictionary(
            uniqueKeysWithValues: Choreography.steps.map { step in
                (step.event.type, Set(step.reactions.flatMap { reaction in reaction.emits.map { "\(reaction.service.rawValue) \($0.type)" } }))
            })
        let events = try await bench.allEvents()
        let types = Dictionary(uniqueKeysWithValues: events.map { ($0.id, $0.type) })
        #expect(events.count > 100)
        for event in events {
            guard let cause = event.causationID.flatMap({ types[$0] }) else { continue }
            #expect(declared[cause]?.contains("\(event.source) \(event.type)") == true, "\(cause) led \(event.source) to say \(event.type)")
        }
    }
}

import Contracts
import Messaging
import Testing
import Wire

@testable import Analytics

/// The lives of some orders as the services would tell them, and what they must add up to, computed from the lives and not from the events.
struct RandomHistory {
    /// Each order's events per topic, in order.
    private(set) var topics: [[Envelope]] = []
    private(set) var expected = Aggregates()
    /// What was given back to products in part is divided by rounding; only its sum is told here.
    private(set) var hasPartialRefunds = false

    private let generator: RandomOrders

    init(orders: Int, seed: UInt64, fixture: ServiceFixture) throws {
        generator = RandomOrders(fixture: fixture, pound: try #require(Currency("GBP")), euro: try #require(Currency("EUR")))
        var random = RandomSource(seed: seed)
        for _ in 0..<orders { try add(&random) }
    }

    /// All events in an order that keeps each topic's, with some repeated, cut into batches.
    func batches(_ random: inout RandomSource) -> [[Envelope]] {
        var rest = topics.map { $0[...] }
        var all: [Envelope] = []
        while !rest.isEmpty {
            let index = Int.random(in: 0..<rest.count, using: &random)
            if let event = rest[index].popFirst() { all.append(event) }
            if rest[index].isEmpty { rest.remove(at: index) }
            if let again = all.randomElement(using: &random), Int.random(in: 0..<5, using: &random) == 0 { all.append(again) }
        }
        var batches: [[Envelope]] = []
        while !all.isEmpty {
            let count = min(all.count, Int.random(in: 1...30, using: &random))
            batches.append(Array(all.prefix(count)))
            all.removeFirst(count)
        }
        return batches
    }

    /// All events once, in the order of their identifiers: the log.
    var log: [Envelope] { topics.joined().sorted { $0.id < $1.id } }

    private mutating func add(_ random: inout RandomSource) throws {
        let life = try generator.next(&random)
        topics += life.topics
        for event in life.topics.joined() { expected.count(eventOf: event.type) }
        expected.add(1, to: life.status)
        if let reason = life.reason { expected.add(1, toReason: reason) }
        if let milliseconds = life.latency { expected.add(1, toLatencyBucket: LatencyHistogram.bucket(of: milliseconds)) }
        hasPartialRefunds = hasPartialRefunds || life.refunded > 0 && life.refunded < life.captured
        let sold: Int64 = life.isSold ? 1 : 0
        let code = life.created.total.currency.code
        var units: Int64 = 0
        var seen: Set<String> = []
        for line in life.created.lines {
            let amount = line.quantity * line.price.minorUnits
            units += line.quantity
            let isFirst = seen.insert(line.sku ?? "").inserted
            let figures = SalesFigures(
                orders: isFirst ? sold : 0, lines: sold, units: sold * line.quantity, captured: life.captured > 0 ? amount : 0,
                refunded: life.refunded == life.captured && life.captured > 0 ? amount : 0)
            expected.add(figures, to: SalesKey(dimension: .product, bucket: line.sku ?? "", currency: code))
        }
        let whole = SalesFigures(
            orders: sold, lines: sold * Int64(life.created.lines.count), units: sold * units, captured: life.captured, refunded: life.refunded)
        expected.add(whole, to: SalesKey(dimension: .hour, bucket: life.created.placedAt.hour, currency: code))
        expected.add(whole, to: SalesKey(dimension: .country, bucket: life.created.shippingCountry ?? "unknown", currency: code))
    }
}

/// One order's life.
struct OrderLife {
    var created: OrderCreated
    var topics: [[Envelope]] = []
    var status = OrderStatus.created
    var reason: String?
    var isSold = false
    var captured: Int64 = 0
    var refunded: Int64 = 0
    var latency: Int64?
}

/// Makes up orders and what becomes of them.
struct RandomOrders {
    enum Fate: CaseIterable {
        case underWay, reserved, outOfStock, declined, paid, shipped, delivered, partlyRefunded, cancelledEarly, cancelledWhileCharging, cancelledWhenPaid
        case cancellingWhenPaid, paidOffline
    }

    let fixture: ServiceFixture
    let pound: Currency
    let euro: Currency

    func next(_ random: inout RandomSource) throws -> OrderLife {
        let id = fixture.context.newID()
        let created = try order(&random)
        let total = created.total
        var life = OrderLife(created: created)
        var orders: [Envelope] = []
        var payments: [Envelope] = []
        var version: Int64 = 0
        func tick() { fixture.clock.advance(by: .milliseconds(Int.random(in: 0...2000, using: &random))) }
        func say(_ event: some OrderStatusEvent) {
            tick()
            version += 1
            orders.append(fixture.event(event, key: id, version: version))
            life.status = event.change.new
        }
        func pay(_ event: some Event) {
            tick()
            payments.append(fixture.event(event, from: "payments", key: id))
        }
        func capture() {
            pay(PaymentProcessed(paymentID: id, amount: total, paymentMethod: "card"))
            life.captured = total.minorUnits
        }
        func refund(_ minorUnits: Int64) {
            pay(PaymentRefunded(paymentID: id, amount: Money(minorUnits: minorUnits, currency: total.currency)))
            life.refunded += minorUnits
        }
        func reserve() { say(OrderReserved(change: .init(from: .created, to: .reserved))) }
        func confirm(from old: OrderStatus = .reserved) {
            say(OrderConfirmed(change: .init(from: old, to: .paid), customerID: nil, total: total, isPaidOffline: false))
            life.isSold = true
            if let first = orders.first, let last = orders.last { life.latency = last.time.milliseconds - first.time.milliseconds }
        }
        func cancel(from old: OrderStatus) {
            say(OrderCancellationRequested(change: .init(from: old, to: .cancelling), reason: "customer"))
            if old == .paid { life.isSold = false }
        }
        func cancelled(_ why: String, from old: OrderStatus = .cancelling) {
            say(OrderCancelled(change: .init(from: old, to: .cancelled), customerID: nil, reason: why))
            life.reason = why
        }

        say(created)
        switch Fate.allCases.randomElement(using: &random) ?? .paid {
        case .underWay: break
        case .reserved: reserve()
        case .outOfStock: cancelled("insufficient_stock", from: .created)
        case .declined:
            reserve()
            pay(PaymentFailed(paymentID: id, reason: "card_declined"))
            say(OrderFailed(change: .init(from: .reserved, to: .failed), customerID: nil, reason: "card_declined"))
            life.reason = "card_declined"
        case .paid:
            reserve()
            capture()
            confirm()
        case .shipped, .delivered, .partlyRefunded:
            reserve()
            capture()
            confirm()
            say(OrderShipped(change: .init(from: .paid, to: .shipped), customerID: nil))
            if Bool.random(using: &random) { say(OrderDelivered(change: .init(from: .shipped, to: .delivered), customerID: nil)) }
            if Bool.random(using: &random) { refund(total.minorUnits / 3) }
        case .cancelledEarly:
            cancel(from: .created)
            pay(PaymentVoided(paymentID: id))
            cancelled("customer")
        case .cancelledWhileCharging:
            reserve()
            cancel(from: .reserved)
            capture()
            refund(total.minorUnits)
            cancelled("customer")
        case .cancelledWhenPaid:
            reserve()
            capture()
            confirm()
            cancel(from: .paid)
            refund(total.minorUnits)
            cancelled("customer")
        case .cancellingWhenPaid:
            reserve()
            capture()
            confirm()
            cancel(from: .paid)
        case .paidOffline:
            confirm(from: .created)
            capture()
        }
        life.topics = [orders, payments, [fixture.event(InventoryReleased(reservations: [], reason: "cancellation"), from: "inventory", key: id)]]
        return life
    }

    private func order(_ random: inout RandomSource) throws -> OrderCreated {
        let currency = Int.random(in: 0..<4, using: &random) == 0 ? euro : pound
        let lines = (0..<Int.random(in: 1...6, using: &random)).map { _ in
            OrderLine(
                productID: nil, sku: ["a", "b", "A", "c", "d"].randomElement(using: &random), quantity: Int64.random(in: 1...9, using: &random),
                price: Money(minorUnits: Int64.random(in: 0...999, using: &random), currency: currency))
        }
        let total = lines.reduce(0) { $0 + $1.quantity * $1.price.minorUnits }
        return OrderCreated(
            customerID: "c", lines: lines, total: Money(minorUnits: total, currency: currency),
            shippingCountry: ["United Kingdom", "France", nil].randomElement(using: &random) ?? nil, paymentMethod: "card",
            placedAt: Timestamp(milliseconds: 1_290_000_000_000 + Int64.random(in: 0...10_000_000_000, using: &random)))
    }
}

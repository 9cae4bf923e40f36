import Contracts
import Messaging
import Storage
import Testing
import Wire

@testable import Inventory

@Suite("Reserving stock")
struct ReserveStockTests {
    private let fixture: ServiceFixture
    private let service: InventoryService
    private let pounds: Currency

    init() async throws {
        fixture = try ServiceFixture("inventory")
        service = InventoryService(fixture.environment)
        try await fixture.migrate(service)
        pounds = try #require(Currency("GBP"))
    }

    private func id(_ number: UInt64) -> Identifier { Identifier(high: 5, low: number) }

    /// Products 1, 2 ... with so many units each.
    private func stock(_ units: Int64...) async throws {
        let products = units.enumerated().map {
            Product(id: id(UInt64($0 + 1)), sku: "P\($0 + 1)", name: "p", price: Money(minorUnits: 100, currency: pounds), available: $1)
        }
        try await fixture.database.write { try StockStore.add(products, in: $0) }
    }

    private func units(_ number: UInt64) async throws -> [Int64] {
        let id = id(number)
        let found = try await fixture.database.read { try StockStore.find(id, in: $0) }
        let product = try #require(found)
        return [product.available, product.reserved, product.sold]
    }

    private func created(_ order: UInt64, _ lines: [(product: UInt64, quantity: Int64)], bySKU: Bool = false) -> Envelope {
        let lines = lines.map {
            OrderLine(productID: bySKU ? nil : id($0.product), sku: "P\($0.product)", quantity: $0.quantity, price: Money(minorUnits: 100, currency: pounds))
        }
        let total = Money(minorUnits: 100 * lines.map(\.quantity).reduce(0, +), currency: pounds)
        return fixture.event(
            OrderCreated(customerID: nil, lines: lines, total: total, shippingCountry: nil, paymentMethod: "m", placedAt: fixture.clock.now()),
            key: Identifier(high: 0, low: order))
    }
    private func cancelled(_ order: UInt64) -> Envelope {
        fixture.event(
            OrderCancellationRequested(change: StatusChange(from: .created, to: .cancelling), reason: "customer"), key: Identifier(high: 0, low: order))
    }
    private func shipped(_ order: UInt64) -> Envelope {
        fixture.event(OrderShipped(change: StatusChange(from: .paid, to: .shipped), customerID: nil), key: Identifier(high: 0, low: order))
    }
    private func failed(_ order: UInt64) -> Envelope {
        fixture.event(PaymentFailed(paymentID: id(99), reason: "declined"), from: "payments", key: Identifier(high: 0, low: order))
    }

    private func deliver(_ events: Envelope...) async throws { try await fixture.deliverTwice(events, to: try #require(service.handler)) }
    private func said() -> [String] { fixture.events.map { "\($0.type) \($0.key.low)" } }

    @Test("all lines of an order are held or none, and every product that is short is named once")
    func allOrNone() async throws {
        try await stock(10, 3, 0)
        try await deliver(created(1, [(1, 4), (2, 3)]), created(2, [(1, 1), (2, 1), (3, 2)]))
        #expect(try await units(1) == [6, 4, 0])
        #expect(try await units(2) == [0, 3, 0])
        #expect(said() == ["InventoryReserved 1", "InventoryInsufficient 2"])
        let short = try #require(fixture.events.last?.event as? InventoryInsufficient)
        #expect(short.shortages.map(\.sku) == ["P2", "P3"])
        #expect(short.shortages.map(\.available) == [0, 0])
        #expect(short.shortages.map(\.requested) == [1, 2])
        let held = try #require(fixture.events.first?.event as? InventoryReserved)
        #expect(held.reservations.map(\.quantity) == [4, 3])
        #expect(held.total.amount == "7.00")
        #expect(fixture.events.first?.causationID != nil)
    }

    @Test("lines of the same product draw on the same stock, by id or by SKU", arguments: [false, true])
    func repeatedProducts(bySKU: Bool) async throws {
        try await stock(10)
        try await deliver(created(1, [(1, 6), (1, 5)], bySKU: bySKU))
        #expect(try await units(1) == [10, 0, 0])
        let short = try #require(fixture.events.first?.event as? InventoryInsufficient)
        #expect(short.shortages == [StockShortage(productID: id(1), sku: "P1", requested: 11, available: 10)])
        try await deliver(created(2, [(1, 6), (1, 4)], bySKU: bySKU))
        #expect(try await units(1) == [0, 10, 0])
        try await deliver(cancelled(2))
        #expect(try await units(1) == [10, 0, 0])
    }

    @Test("a product that does not exist is short of everything")
    func unknownProduct() async throws {
        try await stock(10)
        try await deliver(created(1, [(1, 1), (9, 2)]))
        let short = try #require(fixture.events.first?.event as? InventoryInsufficient)
        #expect(short.shortages == [StockShortage(productID: id(9), sku: "P9", requested: 2, available: 0)])
        #expect(try await units(1) == [10, 0, 0])
    }

    @Test("many orders of one product in one batch are decided one after the other, and never more is held than there is")
    func hotProduct() async throws {
        try await stock(100)
        let orders = (1...60).map { created(UInt64($0), [(1, Int64($0 % 4 + 1))]) }
        try await fixture.deliverTwice(orders, to: try #require(service.handler))
        var left: Int64 = 100
        var expected: [String] = []
        for number in 1...60 {
            let wanted = Int64(number % 4 + 1)
            expected.append(wanted <= left ? "InventoryReserved \(number)" : "InventoryInsufficient \(number)")
            if wanted <= left { left -= wanted }
        }
        #expect(said() == expected)
        #expect(try await units(1) == [left, 100 - left, 0])
        #expect(expected.contains { $0.hasPrefix("InventoryInsufficient") })
    }

    @Test("a cancellation before the order leaves a tombstone: it is answered, and nothing is held afterwards")
    func tombstone() async throws {
        try await stock(10)
        try await fixture.deliver([cancelled(1)], to: try #require(service.handler))
        #expect(said() == ["InventoryReleased 1"])
        try await deliver(created(1, [(1, 4)]))
        #expect(said() == ["InventoryReleased 1"])
        #expect(try await units(1) == [10, 0, 0])
    }

    @Test("an order and its cancellation in one batch leave the stock as it was")
    func sameBatch() async throws {
        try await stock(10)
        try await fixture.deliver([created(1, [(1, 4)]), cancelled(1), created(2, [(1, 10)])], to: try #require(service.handler))
        #expect(said() == ["InventoryReserved 1", "InventoryReleased 1", "InventoryReserved 2"])
        #expect(try await units(1) == [0, 10, 0])
    }

    @Test("stock is freed once, by the refused payment or by the cancellation, whichever comes first", arguments: [false, true])
    func freedOnce(paymentFirst: Bool) async throws {
        try await stock(10)
        try await deliver(created(1, [(1, 4)]))
        try await deliver(paymentFirst ? failed(1) : cancelled(1))
        try await deliver(paymentFirst ? cancelled(1) : failed(1))
        #expect(try await units(1) == [10, 0, 0])
        let releases = fixture.events.compactMap { $0.event as? InventoryReleased }
        #expect(releases.filter { !$0.reservations.isEmpty }.count == 1)
        #expect(releases.first?.reservations.map(\.quantity) == [4])
        #expect(releases.first?.reason == (paymentFirst ? "payment_failed" : "cancellation"))
    }

    @Test("what is shipped is sold, once, and given back no more")
    func selling() async throws {
        try await stock(10)
        try await deliver(created(1, [(1, 4), (1, 1)]))
        try await deliver(shipped(1))
        #expect(try await units(1) == [5, 0, 5])
        try await deliver(cancelled(1), failed(1), shipped(1))
        #expect(try await units(1) == [5, 0, 5])
    }

    @Test("everything received is available, reserved or sold, whatever happens in whatever order")
    func conservation() async throws {
        try await stock(40, 40)
        var random = RandomSource(seed: 3)
        let handler = try #require(service.handler)
        for _ in 0..<60 {
            let batch = (0..<Int.random(in: 1...6, using: &random)).map { _ -> Envelope in
                let order = UInt64.random(in: 1...25, using: &random)
                switch Int.random(in: 0...5, using: &random) {
                case 0...2: return created(order, [(1, Int64(order % 5 + 1)), (2, Int64(order % 3 + 1)), (1, 1)])
                case 3: return cancelled(order)
                case 4: return failed(order)
                default: return shipped(order)
                }
            }
            try await fixture.deliver(batch, to: handler)
            for product in 1...2 as ClosedRange<UInt64> {
                let units = try await units(product)
                #expect(units.reduce(0, +) == 40)
                #expect(units.allSatisfy { $0 >= 0 })
            }
        }
        #expect(Set(fixture.events.map(\.type)) == ["InventoryReserved", "InventoryInsufficient", "InventoryReleased"], "the run was not an empty one")
    }
}

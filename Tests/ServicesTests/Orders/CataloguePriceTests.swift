import Contracts
import Testing
import Web
import Wire

/// Who may say what an order costs, whose it is, and when it was placed.
@Suite("What customers may say of an order", .timeLimit(.minutes(1)))
struct CataloguePriceTests {
    private static let alice = Principal(subject: "alice", roles: [.customer])
    private static let shop = Principal(subject: "shop", roles: [.service])
    let bench: SagaBench

    init() async throws { bench = try await SagaBench() }

    private func post(_ body: String, as principal: Principal = alice, key: String? = nil) async throws -> SagaBench.Answer {
        try await bench.send(bench.orders, "POST", "/orders", body, key: key, as: principal, isOwnOnly: principal.roles == [.customer])
    }
    private func order(_ price: String? = nil, _ more: String = "") -> String {
        #"{"currency":"GBP",\#(more)"items":[{"sku":"A","quantity":2\#(price.map { #","price":"\#($0)""# } ?? "")}]}"#
    }

    @Test("a customer's price that is the catalogue's is taken, and so is none")
    func samePrice() async throws {
        _ = try await bench.stock("A", 10, price: "2.50")
        for price in ["2.50", nil] {
            let answer = try await post(order(price))
            #expect(answer.status == 202 && answer.text("totalAmount") == "5.00")
        }
    }

    @Test("a customer's price that is not the catalogue's is refused with the price of today", arguments: ["0.00", "2.49", "2.51"])
    func otherPrice(price: String) async throws {
        _ = try await bench.stock("A", 10, price: "2.50")
        let answer = try await post(order(price))
        #expect(answer.status == 409 && answer.text("type")?.hasSuffix("/price-changed") == true)
        let named = answer.json["prices"]?.array?.first
        #expect(named?["pointer"]?.string == "/items/0/price" && named?["price"]?.string == "2.50" && named?["currency"]?.string == "GBP")
        let events = try await bench.allEvents()
        #expect(!events.contains { $0.type == "OrderCreated" }, "nothing was placed")
    }

    @Test("programs of the house set prices and place orders of the past for anybody")
    func programs() async throws {
        _ = try await bench.stock("A", 10, price: "2.50")
        let answer = try await post(order("1.00", #""customerId":"bob","placedAt":"2010-12-01T08:26:00Z","#), as: CataloguePriceTests.shop)
        #expect(answer.status == 202 && answer.text("totalAmount") == "2.00" && answer.text("customerId") == "bob")
    }

    @Test("a customer's order is his own, whether he says so or not, and never another's")
    func owner() async throws {
        _ = try await bench.stock("A", 10)
        #expect(try await post(order()).text("customerId") == "alice")
        #expect(try await post(order(nil, #""customerId":"alice","#)).text("customerId") == "alice")
        #expect(try await post(order(nil, #""customerId":"bob","#)).status == 403)
        #expect(try await post(order(nil, #""placedAt":"2010-12-01T08:26:00Z","#)).status == 422)
    }

    @Test("a customer's list holds his own orders, whatever he asks for")
    func list() async throws {
        _ = try await bench.stock("A", 10)
        _ = try await post(order())
        _ = try await post(order(nil, #""customerId":"bob","#), as: CataloguePriceTests.shop)
        func owners(_ query: [(name: String, value: String)], _ principal: Principal) async throws -> [String?]? {
            try await bench.send(
                bench.orders, "GET", "/orders", query: query, as: principal, isOwnOnly: principal.roles == [.customer]
            ).json["items"]?.array?.map { $0["customerId"]?.string }
        }
        #expect(try await owners([], CataloguePriceTests.alice) == ["alice"])
        #expect(try await owners([("customerId", "alice")], CataloguePriceTests.alice) == ["alice"])
        #expect(try await owners([("customerId", "bob")], CataloguePriceTests.alice) == [])
        #expect(try await owners([("customerId", "bob")], CataloguePriceTests.shop) == ["bob"])
        #expect(try await owners([], CataloguePriceTests.shop)?.count == 2)
    }

    @Test("a price that nobody could compare when the order was accepted is compared when stock is reserved")
    func reservation() async throws {
        let product = try await bench.stock("A", 10, price: "2.50")
        func outcome(_ price: String, as principal: Principal) async throws -> (status: String?, reason: String?) {
            bench.reachInventory(false)
            let placed = try await post(order(price), as: principal)
            #expect(placed.status == 202)
            bench.reachInventory(true)
            try await bench.settle()
            let order = try await bench.send(bench.orders, "GET", "/orders/{id}", id: placed.text("id"))
            return (order.text("status"), order.text("reason"))
        }
        #expect(try await outcome("2.50", as: CataloguePriceTests.alice) == ("PAID", nil))
        #expect(try await outcome("0.01", as: CataloguePriceTests.shop) == ("PAID", nil), "a program of the house sets prices")
        #expect(try await outcome("0.01", as: CataloguePriceTests.alice) == ("CANCELLED", "price_changed"))
        #expect(try await bench.units(product) == [6, 4, 0], "what was refused is not held")
        let refusal = try await bench.allEvents().compactMap { $0.event as? InventoryInsufficient }.first
        #expect(refusal?.shortages == [])
        #expect(refusal?.changedPrices.map(\.price.amount) == ["2.50"] && refusal?.changedPrices.map(\.sku) == ["A"])
    }

    @Test(
        "a status is set by those whose business it is",
        arguments: [
            ("PAID", [Role.finance, .admin, .service]), ("SHIPPED", [.warehouse, .admin, .service]), ("DELIVERED", [.warehouse, .admin, .service]),
            ("CANCELLED", [.support, .admin, .service]),
        ])
    func statuses(status: String, masters: [Role]) async throws {
        _ = try await bench.stock("A", 10)
        let id = try #require(try await post(order()).text("id"))
        for role in [Role.support, .warehouse, .finance, .admin, .service] {
            let answer = try await bench.send(
                bench.orders, "PUT", "/orders/{id}/status", #"{"status":"\#(status)"}"#, id: id, as: Principal(subject: "x", roles: [role]))
            #expect((answer.status == 403) == !masters.contains(role), "\(role) \(answer.status)")
        }
    }
}

import Contracts
import HTTPTypes
import Logging
import Messaging
import Orders
import Storage
import TestDatabases
import Testing
import Web
import Wire

@Suite("Orders that are not paid", .timeLimit(.minutes(1)))
struct UnpaidOrdersTests {
    private let alice = Principal(subject: "alice", roles: [.customer])

    private static func limits(orders: Int64, units: Int64 = 1_000) -> OrdersConfiguration {
        var configuration = OrdersConfiguration()
        (configuration.unpaidOrdersPerCustomer, configuration.unpaidUnitsPerCustomer) = (orders, units)
        return configuration
    }

    /// Places an order as somebody would through the gateway.
    private func place(
        _ orders: OrdersService, _ principal: Principal, quantity: Int = 1, sku: String = "A", price: String? = nil, key: String? = nil
    ) async throws -> SagaBench.Answer {
        let route = try #require(orders.routes.first { $0.method == .post && $0.path == "/orders" })
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.idempotencyKey] = key
        let price = price.map { #","price":"\#($0)""# } ?? ""
        let body =
            #"{"customerId":"\#(principal.subject)","currency":"GBP","paymentMethod":"test_approve","items":[{"sku":"\#(sku)","quantity":\#(quantity)\#(price)}]}"#
        let request = WebRequest(
            method: .post, path: "/api/v1/orders", headers: headers, body: Array(body.utf8), id: Identifier(high: 1, low: 2), principal: principal,
            isOwnOnly: principal.roles == [.customer])
        let response: WebResponse
        do { response = try await route.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        return SagaBench.Answer(status: response.status.code, json: try response.json, headers: response.headers)
    }

    @Test("a customer has as many as he may and no more, until they are paid; others are not held up")
    func untilPaid() async throws {
        let bench = try await SagaBench(Self.limits(orders: 3))
        _ = try await bench.stock("A", 100)
        for _ in 0..<3 {
            let answer = try await place(bench.orders, alice)
            #expect(answer.status == 202)
        }
        let refused = try await place(bench.orders, alice)
        #expect(refused.status == 429)
        #expect(refused.problem == "too-many-unpaid-orders")
        #expect(refused.headers[.retryAfter] == "60")
        #expect(refused.json["unpaidOrders"]?.integer == 3)
        #expect(refused.json["maximumUnpaidOrders"]?.integer == 3)
        #expect(try await place(bench.orders, Principal(subject: "bob", roles: [.customer])).status == 202)
        await bench.listen("inventory")
        await bench.listen("orders")
        #expect(try await place(bench.orders, alice).status == 429, "reserved is not paid")
        try await bench.settle()
        #expect(try await place(bench.orders, alice).status == 202)
    }

    @Test("units are bounded as well, and one order may not have more of them than all")
    func units() async throws {
        let bench = try await SagaBench(Self.limits(orders: 10, units: 50))
        _ = try await bench.stock("A", 1_000)
        #expect(try await place(bench.orders, alice, quantity: 51).status == 429)
        #expect(try await place(bench.orders, alice, quantity: 30).status == 202)
        let refused = try await place(bench.orders, alice, quantity: 21)
        #expect(refused.status == 429)
        #expect(refused.json["unpaidUnits"]?.integer == 30)
        #expect(try await place(bench.orders, alice, quantity: 20).status == 202)
    }

    @Test("staff and programs of the house are not bounded", arguments: [Role.support, .service, .admin])
    func others(_ role: Role) async throws {
        let bench = try await SagaBench(Self.limits(orders: 1))
        _ = try await bench.stock("A", 100)
        for _ in 0..<3 { #expect(try await place(bench.orders, Principal(subject: "desk", roles: [role])).status == 202) }
    }

    @Test("a repetition gets the first answer, also when the customer may have no more")
    func repetition() async throws {
        let bench = try await SagaBench(Self.limits(orders: 1))
        _ = try await bench.stock("A", 100)
        let first = try await place(bench.orders, alice, key: "once")
        #expect(first.status == 202)
        #expect(try await place(bench.orders, alice, key: "twice").status == 429)
        let again = try await place(bench.orders, alice, key: "once")
        #expect(again.status == 202)
        #expect(again.text("id") == first.text("id"))
        try await bench.settle()
        #expect(try await place(bench.orders, alice, key: "twice").status == 202, "a refusal leaves the key free")
    }

    @Test("an order that was cancelled counts no more")
    func cancelled() async throws {
        let bench = try await SagaBench(Self.limits(orders: 1))
        _ = try await bench.stock("A", 100)
        let id = try #require(try await place(bench.orders, alice).text("id"))
        #expect(try await bench.cancel(id).status == 202)
        try await bench.settle()
        #expect(try await place(bench.orders, alice).status == 202)
    }

    @Test("sixty at once are let in up to the bound, and not one more")
    func concurrent() async throws {
        let bench = try await SagaBench(Self.limits(orders: 20))
        _ = try await bench.stock("A", 1_000)
        #expect(try await accepted(of: 60, by: [bench.orders]) == 20)
    }

    @Test(
        "nor do two processes on one server let one more in together",
        .enabled(if: TestDatabase.hasServer, "needs WAYBILL_TEST_POSTGRES: scripts/engines start postgres --dir DIR"))
    func processes() async throws {
        let databases = try TestDatabase.openings("orders", count: 2)
        let role = ProcessRole(isAlone: false, jobClaimMilliseconds: 0, isInCharge: { false })
        let orders = databases.enumerated().map { index, database in
            OrdersService(
                ServiceEnvironment(
                    database: database, context: ServiceContext(service: "orders", clock: ManualClock(), seed: UInt64(index + 1)),
                    outbox: Outbox(sink: Silence()), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, role: role),
                availability: { _ in throw LostReply() }, configuration: Self.limits(orders: 20))
        }
        try await databases[0].migrate(OrdersService.migrations, owner: "orders")
        #expect(try await accepted(of: 60, by: orders) == 20)
        for database in databases { await database.close() }
    }

    /// How many of so many orders of one customer are accepted that come at once, by these processes in turn.
    private func accepted(of count: Int, by processes: [OrdersService]) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<count {
                group.addTask { try await place(processes[number % processes.count], alice, price: "2.50").status }
            }
            var accepted = 0
            for try await status in group {
                #expect(status == 202 || status == 429)
                if status == 202 { accepted += 1 }
            }
            return accepted
        }
    }

    /// Where events go that nobody wants.
    private struct Silence: EventSink {
        var needsSequences: Bool { false }
        func committed(_ events: [Envelope], from source: String) {}
    }
}

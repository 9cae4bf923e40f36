import Testing
import WaybillClient
import Wire

@testable import waybill

@Suite("Replay")
struct ReplayTests {
    private static let lines = """
        1,A,Lamp,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
        2,A,Lamp,2,2011-01-31 08:28:00,2.55,,France
        C3,A,Lamp,-1,2011-02-01 08:28:00,2.55,,France
        4,B,,1,2011-01-31 09:00:00,0,17850,France
        """
    private func file() throws -> RetailFile {
        try RetailFile(ByteArraySource(RetailFile.header.joined(separator: ",") + "\n" + Self.lines))
    }

    private func replay(_ shop: FakeShop, retryFor: Duration = .seconds(10), limit: Int? = nil) async throws -> ReplayReport {
        let platform = try await FakePlatform.start { shop.answer($0) }
        let replay = Replay(plan: ReplayPlan(try file(), limit: limit), connections: 2, retryFor: retryFor, mode: .silent, patience: .milliseconds(50))
        do {
            let report = try await ClientOptions.withAPI(at: platform.url, connections: 2) { try await replay($0) }
            try await platform.stop()
            return report
        } catch {
            try await platform.stop()
            throw error
        }
    }

    @Test("Orders carry a key of their invoice alone, and the same bytes each time")
    func orders() throws {
        let orders = try file().orders
        #expect(orders.map(ReplayPlan.idempotencyKey) == ["uci-online-retail-1", "uci-online-retail-2", "uci-online-retail-4"])
        #expect(
            String(decoding: ReplayPlan.order(orders[0]).body, as: UTF8.self) == """
                {"customerId":"17850","currency":"GBP","shippingCountry":"United Kingdom","placedAt":"2010-12-01T08:26:00Z",\
                "items":[{"sku":"A","quantity":6,"price":"2.55"}],"metadata":{"invoice":"1"}}
                """)
    }

    @Test("A plan holds the stock that its orders need, times a factor, and their months")
    func plan() throws {
        let file = try file()
        #expect(ReplayPlan(file).products.map(\.unitsNeeded) == [8, 1])
        #expect(ReplayPlan(file, limit: 1, factor: 1.5).products.map(\.unitsNeeded) == [9])
        let period = try #require(ReplayPlan(file).period)
        #expect(period == ("2010-12-01", "2011-02-01"))
        #expect(try #require(ReplayPlan(file, limit: 1).period) == ("2010-12-01", "2011-01-01"))
    }

    @Test("A whole replay reconciles, and its JSON has the keys that scripts know")
    func reconciles() async throws {
        let shop = FakeShop()
        let report = try await replay(shop)
        #expect(report.isReconciled && report.retries == 0 && report.platform.statuses == [.paid: 3])
        let json = try JSONParser.parse(Array(report.json.utf8))
        #expect(json.object?.members.map(\.key) == ["reconciled", "platform", "file", "set_aside_lines", "seconds", "orders_per_second"])
        #expect(json["reconciled"] == .bool(true) && json["platform"] == json["file"])
        #expect(json["platform"]?["totals"]?["revenue"] == .string("20.40") && json["set_aside_lines"]?["cancellation"]?.integer == 1)
        // A second run places nothing new and tops nothing up.
        let second = try await replay(shop)
        #expect(second.isReconciled && second.stock.created == 0 && second.stock.toppedUp == 0)
        #expect(shop.state.withLock { $0.orders.count } == 3)
    }

    @Test("Figures of Analytics that are a penny off are not reconciled, and each is named")
    func wrongByAPenny() async throws {
        let shop = FakeShop()
        shop.state.withLock { $0.isWrong = true }
        let report = try await replay(shop, limit: 1)
        #expect(!report.isReconciled)
        #expect(report.differences.map(\.field).contains("totals.revenue") && report.differences.map(\.field).contains("orders_service.revenue"))
        #expect(try JSONParser.parse(Array(report.json.utf8))["reconciled"] == .bool(false))
    }

    @Test("Known products are topped up to what the orders need")
    func toppedUp() async throws {
        let shop = FakeShop()
        shop.state.withLock { $0.products = [("A", 3)] }
        let report = try await replay(shop)
        #expect(report.stock.toppedUp == 1 && shop.state.withLock { $0.products.map(\.units) } == [8, 1])
    }

    @Test("A lost answer, a busy server and a key in flight are tried again with the same key")
    func repeated() async throws {
        let shop = FakeShop()
        shop.state.withLock { state in
            state.failures = [
                .init(status: 503, headers: [("retry-after", "0")], body: "{}"), .init(body: "", isLost: true),
                .init(status: 409, body: "{\"type\":\"x/idempotency-key-in-flight\",\"title\":\"t\",\"detail\":\"d\"}"),
            ]
        }
        let report = try await replay(shop)
        #expect(report.isReconciled)
        #expect(shop.state.withLock { Set($0.placements).count == 3 && $0.placements.count >= 6 })
    }

    @Test("A refusal is counted, and makes the figures differ")
    func refused() async throws {
        let shop = FakeShop()
        // With the first order only, so that the shop's own book stays empty of others.
        let refusal = #"{"type":"x/insufficient-stock","title":"Insufficient stock","detail":"d"}"#
        shop.state.withLock { $0.failures = [.init(status: 409, body: refusal)] }
        let report = try await replay(shop, limit: 1)
        #expect(report.placed.refusedCount == 1 && report.placed.refusals.values.first?.invoice == "1")
        #expect(report.platform.others == 1)
    }

    @Test("A server that stays away ends the replay with its error")
    func away() async throws {
        let replay = Replay(plan: ReplayPlan(try file()), connections: 2, retryFor: .milliseconds(100), mode: .silent)
        await #expect(throws: ClientError.self) {
            try await ClientOptions.withAPI(at: "http://127.0.0.1:1", connections: 2) { _ = try await replay($0) }
        }
    }

    @Test("A penny too much is found and named")
    func penny() throws {
        var (mine, theirs) = (try file().summary, try file().summary)
        theirs.totals.revenueMinor += 1
        #expect(mine.differences(from: theirs).map(\.field) == ["totals.revenue"])
        let ledger = OrdersLedger(orders: 3, lines: 3, revenueMinor: mine.totals.revenueMinor)
        #expect(ledger.differences(from: mine.totals).isEmpty)
        #expect(ledger.differences(from: theirs.totals).map(\.field) == ["orders_service.revenue"])
        mine.totals.orders = 0
        #expect(ledger.differences(from: mine.totals).map(\.found) == ["0"])
    }

    @Test("A dashboard is read in one currency")
    func dashboard() throws {
        let text = """
            {"byCurrency":{"EUR":{"orders":9,"lines":9,"units":9,"revenue":"9.00"},"GBP":{"orders":1,"lines":2,"units":3,"revenue":"4.50"}},
            "byMonth":[{"month":"2011-01","orders":1,"lines":2,"units":3,"revenue":"4.50","currency":"GBP"},
                       {"month":"2011-02","orders":9,"lines":9,"units":9,"revenue":"9.00","currency":"EUR"}],
            "byCountry":[],"topProducts":[{"sku":"A","orders":1,"lines":2,"units":3,"revenue":"4.50","currency":"GBP"}]}
            """
        let json = try #require(try JSONParser.parse(Array(text.utf8)).object)
        let summary = try SalesSummary(dashboard: json, currency: "GBP")
        #expect(summary.totals == .init(orders: 1, lines: 2, units: 3, revenueMinor: 450))
        #expect(summary.byMonth.keys.sorted() == ["2011-01"] && summary.byCountry.isEmpty)
        #expect(summary.topProducts == [.init(sku: "A", lines: 2, units: 3, revenueMinor: 450)])
        #expect(throws: JSONMismatch.self) { try SalesSummary(dashboard: JSONObject(members: []), currency: "GBP") }
    }
}

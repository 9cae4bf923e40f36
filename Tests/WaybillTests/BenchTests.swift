import Contracts
import Testing
import WaybillClient
import Wire

@testable import waybill

@Suite("Load generator")
struct BenchTests {
    private let id = "01890a5d-ac96-774b-bcce-b302099a8057"

    @Test("An id is found without reading the document")
    func scan() {
        let expected = Identifier(id)
        #expect(JSONScan.identifier("id", in: "{\"id\":\"\(id)\",\"status\":\"CREATED\"}") == expected)
        #expect(JSONScan.identifier("orderId", in: "data: {\"eventId\":\"x\",\"orderId\":\"\(id)\"}") == expected)
        #expect(JSONScan.identifier("orderId", in: "{\"text\":\"\\\"orderId\\\":\\\"\",\"orderId\":\"\(id)\"}") == expected)
        #expect(JSONScan.identifier("id", in: "{\"orderId\":\"\(id)\"}") == nil)
        #expect(JSONScan.identifier("id", in: "{\"id\":\"\(id.dropLast())\"}") == nil)
        #expect(JSONScan.identifier("id", in: "{\"id\":\"\(String(repeating: "g", count: 36))\"}") == nil)
        #expect(JSONScan.identifier("id", in: "") == nil)
        #expect(JSONScan.identifier("id", in: [UInt8]("\"\"\"\"\"\"".utf8)) == nil)
    }

    @Test("Orders have three different products, the same for the same seed")
    func template() throws {
        let template = OrderTemplate(products: 3)
        var (first, second) = (SplitMix64(seed: 7), SplitMix64(seed: 7))
        for _ in 0..<50 {
            let body = template.body(using: &first)
            #expect(body == template.body(using: &second))
            let json = try JSONParser.parse(body)
            #expect(Set((json["items"]?.array ?? []).compactMap { $0["sku"]?.string }) == ["bench-0001", "bench-0002", "bench-0003"])
            #expect(json["customerId"]?.string?.count == 12 && json["currency"]?.string == "GBP")
        }
        #expect(OrderTemplate.sku(12345) == "bench-12345" && OrderTemplate.products(2).map(\.sku) == ["bench-0001", "bench-0002"])
    }

    @Test("An end is seen whether the event or the answer comes first")
    func board() async throws {
        let board = SettlementBoard()
        let (early, late, never) = (Identifier(high: 1, low: 1), Identifier(high: 1, low: 2), Identifier(high: 1, low: 3))
        let now = ContinuousClock.now
        board.settle(early, .init(at: now, isConfirmed: true))
        #expect(await board.settlement(of: early, since: now)?.isConfirmed == true)
        async let waiting = board.settlement(of: late, since: now)
        async let given = board.settlement(of: never, since: now)
        while board.unsettled < 2 { await Task.yield() }
        board.settle(late, .init(at: now, isConfirmed: false))
        #expect(await waiting?.isConfirmed == false)
        board.close()
        #expect(await given == nil)
        #expect(await board.settlement(of: Identifier(high: 1, low: 4), since: now) == nil)
        board.register(Identifier(high: 1, low: 5), since: now)
        #expect(board.unsettled == 3 && board.records.count == 2 && board.hasSeenEvents)
    }

    @Test("Only what falls into the window counts")
    func summary() throws {
        let begin = ContinuousClock.now
        let window = LoadWindow(begin: begin, end: begin + .seconds(2))
        var tally = LoadTally()
        tally.accept(since: begin - .seconds(1), at: begin - .milliseconds(500), in: window)
        for number in 1...100 { tally.accept(since: begin + .milliseconds(number), at: begin + .milliseconds(2 * number), in: window) }
        tally.errors["status 503"] = 2
        for number in [-5, 10, 20, 2001] {
            tally.reject(sent: begin + .milliseconds(number), at: begin + .milliseconds(number + 3), in: window)
        }
        func record(_ since: Int, _ at: Int, _ isConfirmed: Bool = true) -> SettlementBoard.Record {
            .init(since: begin + .milliseconds(since), settlement: .init(at: begin + .milliseconds(at), isConfirmed: isConfirmed))
        }
        let records = [record(-500, -1), record(-500, 100), record(0, 200), record(0, 400, false), record(1900, 2100)]
        let usage = try (
            begin: #require(ServerUsage(metrics: "process_cpu_seconds_total 1\nprocess_resident_memory_bytes 5e7\n")),
            end: #require(ServerUsage(metrics: "# HELP x\nprocess_cpu_seconds_total{a=\"b c\"} 1.003 17\nprocess_resident_memory_bytes 6e7\n"))
        )
        let summary = LoadSummary(tally: tally, records: records, unsettled: 1, window: window, usage: usage)
        #expect(summary.acceptedPerSecond == 50 && summary.settledPerSecond == 1.5)
        #expect(abs(summary.acceptP50 - 50) < 0.1 && abs(summary.acceptP99 - 99) < 0.1)
        #expect(summary.rejectedPerSecond == 1 && abs(summary.rejectP50 - 3) < 0.1 && abs(summary.rejectP99 - 3) < 0.1)
        #expect(abs(summary.settleP50 - 200) < 0.5 && abs(summary.settleP99 - 400) < 0.5)
        #expect(abs((summary.serverMicrosecondsPerOrder ?? 0) - 1000) < 0.01 && summary.serverMegabytes == 60)
        #expect(summary.errors == ["status 503": 2, "cancelled or failed": 1, "accepted, but not settled in time": 1])
        let keys = try JSONParser.parse(summary.json).object?.members.map(\.key)
        #expect(
            keys == [
                "accepted_per_s", "settled_per_s", "accept_p50_ms", "accept_p99_ms", "settle_p50_ms", "settle_p99_ms", "rejected_per_s", "reject_p50_ms",
                "reject_p99_ms", "late_p99_ms", "server_cpu_us_per_order", "server_rss_mb", "errors",
            ])
        #expect(ServerUsage(metrics: "process_cpu_seconds_totals 1") == nil)
    }

    @Test("What other processes used is counted per settled order, and shown only where it was asked for")
    func processes() throws {
        var summary = try LoadSummary(
            tally: LoadTally(), records: [], unsettled: 0, window: LoadWindow(begin: .now, end: .now + .seconds(1)),
            usage: (
                begin: #require(ServerUsage(metrics: "process_cpu_seconds_total 1\nprocess_resident_memory_bytes 5e7\n")),
                end: #require(ServerUsage(metrics: "process_cpu_seconds_total 1\nprocess_resident_memory_bytes 5e7\n"))
            ))
        summary.count(["postgres": 100])
        #expect(summary.processMicrosecondsPerOrder == nil)
        summary.settled = 4
        summary.count(["postgres": 100, "waybill orders": 60])
        let json = try JSONParser.parse(summary.json)
        #expect(json["processes_cpu_us_per_order"] == .number("40"))
        #expect(json["processes"]?.object?.members.map(\.key) == ["postgres", "waybill orders"])
    }

    @Test("A hot product is right only when every figure is")
    func hot() {
        var result = HotProduct.Result(units: 10, orders: 50, statuses: [.paid: 10, .cancelled: 5], refused: 35, available: 0, reserved: 10)
        #expect(result.faults.isEmpty)
        result.statuses[.paid] = 11
        result.available = -1
        result.errors["lost"] = 1
        #expect(result.faults.count == 3)
        #expect(HotProduct.Result(units: 10, orders: 3, statuses: [.paid: 3], available: 7, reserved: 3).faults.isEmpty)
    }
}

import Testing
import WaybillClient
import Wire

@testable import waybill

@Suite("What the commands read and say")
struct ClientTextTests {
    @Test("A problem document becomes words with its pointers and shortages")
    func problem() {
        let body = """
            {"type":"https://waybill.dev/problems/invalid-body","title":"Invalid body","status":422,"detail":"The body has a mistake.",
            "errors":[{"pointer":"/items/0/sku","detail":"names nothing"},{"pointer":"","detail":"is odd"}],"shortages":[{"sku":"A","requested":2,"available":1}]}
            """
        let error = APIError(status: 422, body: Array(body.utf8))
        #expect(error.type == "invalid-body" && !error.isTransient)
        #expect(
            error.description
                == "Invalid body (status 422): The body has a mistake.\n  /items/0/sku names nothing\n  the body is odd\n  A: 2 wanted, 1 available")
        #expect(APIError(status: 502, body: Array("<html>".utf8)).description == "Status 502 (status 502): <html>")
        #expect(APIError(status: 503, body: []).isTransient)
    }

    @Test("An event's line has its time, service and what matters")
    func line() throws {
        let data = """
            {"source":"orders","timestamp":"2026-01-01T00:00:01.250Z","version":3,"oldStatus":"RESERVED","newStatus":"PAID",\
            "totalAmount":"4.50","currency":"GBP"}
            """
        let line = try #require(TimelineLine(ServerSentEvent(id: "1", event: "OrderConfirmed", data: data)))
        #expect(line.newStatus == .paid && line.version == 3)
        let text = line.text(since: Timestamp("2026-01-01T00:00:00Z"), style: .plain)
        #expect(text.contains("+1.250s") && text.contains("orders") && text.contains("OrderConfirmed") && text.hasSuffix("RESERVED -> PAID, 4.50 GBP"))
        #expect(TimelineLine(ServerSentEvent(id: "", event: "x", data: "no json")) == nil)
    }

    @Test("A file of products is read whole or refused with its line")
    func products() throws {
        func read(_ lines: String...) throws -> [NewProduct] { try ProductFile(ByteArraySource(lines.joined(separator: "\n"))).products }
        let header = ProductFile.header.joined(separator: ",")
        #expect(
            try read(header, "A,\"Lamp, red\",1.5,GBP,10", "B,Yen,200,JPY,0") == [
                NewProduct(sku: "A", name: "Lamp, red", price: "1.50", currency: "GBP", available: 10),
                NewProduct(sku: "B", name: "Yen", price: "200", currency: "JPY", available: 0),
            ])
        #expect(throws: ProductFile.Failure.empty) { try read(header) }
        #expect(throws: ProductFile.Failure.wrongHeader(found: "a")) { try read("a") }
        #expect(throws: ProductFile.Failure.wrongFieldCount(line: 2, count: 2)) { try read(header, "A,B") }
        #expect(throws: ProductFile.Failure.repeated(line: 3, sku: "A")) { try read(header, "A,x,1,GBP,1", "A,x,1,GBP,1") }
        for wrong in [",x,1,GBP,1", "A,,1,GBP,1", "A,x,-1,GBP,1", "A,x,1.005,GBP,1", "A,x,1,gbp,1", "A,x,1,GBP,-1", "A,x,1,GBP,1.5"] {
            #expect(throws: ProductFile.Failure.self, "\(wrong)") { try read(header, wrong) }
        }
    }

    @Test("Clocks are compared by the Date header")
    func clock() {
        let there = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(HTTPDate.milliseconds(there) == 784_111_777_000)
        #expect(HTTPDate.milliseconds("Sunday, 06-Nov-94 08:49:37 GMT") == nil)
        #expect(ExamineServer.skew(date: there, now: 784_111_777_900).verdict == .ok)
        #expect(ExamineServer.skew(date: there, now: 784_111_787_000).verdict == .warn)
        #expect(ExamineServer.skew(date: there, now: 784_121_777_000).verdict == .fail)
        #expect(ExamineServer.skew(date: nil, now: 0).verdict == .warn)
    }

    @Test("This machine is examined, and a file in place of a folder is a fault")
    func machine() async {
        let findings = await ExamineMachine(folder: "./does/not/exist/yet")()
        #expect(findings.map(\.name) == ["data folder", "free space", "SQLite", "durability", "flushes"])
        #expect(findings.allSatisfy { $0.verdict != .fail })
        #expect(await ExamineMachine(folder: #filePath)().map(\.verdict) == [.fail])
    }

    @Test("Items are worked on in parallel and stay in order; an error ends the rest")
    func parallel() async throws {
        #expect(try await inParallel(Array(0..<100), width: 7) { $0 * 2 } == (0..<100).map { $0 * 2 })
        #expect(try await inParallel([Int](), width: 7) { $0 } == [])
        await #expect(throws: DeadlinePassed.self) {
            _ = try await inParallel([1, 2, 3], width: 2) { _ in throw DeadlinePassed(limit: .zero) }
        }
        await #expect(throws: DeadlinePassed.self) { try await withDeadline(.milliseconds(10)) { try await Task.sleep(for: .seconds(60)) } }
        #expect(try await withDeadline(.seconds(60)) { 7 } == 7)
    }
}

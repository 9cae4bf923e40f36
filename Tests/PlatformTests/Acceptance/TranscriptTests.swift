import TestDocuments
import Testing
import Wire

/// The same input leads to the same events on every topology: each is compared with one golden file, `Golden/transcripts.json`. `WAYBILL_REGENERATE=1` writes it anew.
@Suite struct TranscriptTests {
    private static let golden = Document("Tests/PlatformTests/Golden/transcripts.json")

    @Test func `the same orders have the same transcripts as on every other topology`() async throws {
        try await RunningPlatform.with(RunningPlatform.patient) { shop in
            let outcomes = try await FixedInput(shop: shop)()
            // Only now, so that an event too many of an early order has had its time.
            var members: [JSONObject.Member] = []
            for outcome in outcomes { members.append(.init(key: outcome.name, value: try await TranscriptTests.transcript(of: outcome, shop))) }
            let found = JSONValue.object(JSONObject(members: members))
            let expected = try JSONParser.parse(Array(try TranscriptTests.golden.text(regeneratedAs: found.indented() + "\n").utf8))
            for difference in JSONDifference.between(expected, found) {
                let (before, after) = (difference.before?.compact ?? "nothing", difference.after?.compact ?? "nothing")
                Issue.record("\(TestTopology.current.rawValue)\(difference.pointer): \(after) instead of \(before)")
            }
            #expect(Set(outcomes.map(\.name)).count == outcomes.count)
        }
    }

    private static func transcript(of outcome: FixedInput.Outcome, _ shop: RunningPlatform) async throws -> JSONValue {
        switch outcome.result {
        case .order(let id): return try Transcript(timeline: try await shop.send("GET", "/orders/\(id)/events").json).document
        case .refusal(let problem):
            var names = Transcript.Names()
            return names.named(problem, "")
        }
    }

    /// A timeline of entries (id, type, cause), each with a body of what is new in every run.
    private func timeline(_ entries: [(Int, String, Int?)], from first: Int) throws -> Transcript {
        func id(_ number: Int) -> String { Identifier(high: 7, low: UInt64(first + number)).description }
        let items = entries.map { number, type, cause in
            let causation = cause.map { #""causationId":"\#(id($0))","# } ?? ""
            let body = #"{"eventId":"\#(id(number))","timestamp":"\#(first)",\#(causation)"orderId":"\#(id(99))"}"#
            return #"{"eventId":"\#(id(number))","type":"\#(type)",\#(causation)"data":\#(body)}"#
        }
        return try Transcript(timeline: try JSONParser.parse(Array(#"{"items":[\#(items.joined(separator: ","))]}"#.utf8)))
    }

    @Test func `a transcript does not depend on identifiers, times and which of two services was faster`() throws {
        let calm = try timeline(
            [(1, "OrderCreated", nil), (2, "InventoryReserved", 1), (3, "OrderReserved", 2), (4, "PaymentProcessed", 2), (5, "OrderConfirmed", 4)], from: 100)
        let hurried = try timeline(
            [(1, "OrderCreated", nil), (2, "InventoryReserved", 1), (4, "PaymentProcessed", 2), (3, "OrderReserved", 4), (5, "OrderConfirmed", 4)], from: 500)
        #expect(calm.document == hurried.document)
        let asked = (1, "OrderCancellationRequested", Int?.none)
        let moneyLast = try timeline([asked, (2, "InventoryReleased", 1), (3, "PaymentVoided", 1), (4, "OrderCancelled", 3)], from: 1)
        let stockLast = try timeline([asked, (3, "PaymentVoided", 1), (2, "InventoryReleased", 1), (4, "OrderCancelled", 2)], from: 9)
        #expect(moneyLast.document == stockLast.document)
    }

    @Test func `a transcript tells what was lost, said twice or said for another reason`() throws {
        let sound = try timeline([(1, "OrderCreated", nil), (2, "InventoryReserved", 1), (3, "PaymentProcessed", 2)], from: 1)
        for other in [
            try timeline([(1, "OrderCreated", nil), (2, "InventoryReserved", 1)], from: 1),
            try timeline([(1, "OrderCreated", nil), (2, "InventoryReserved", 1), (3, "PaymentProcessed", 2), (4, "PaymentProcessed", 2)], from: 1),
            try timeline([(1, "OrderCreated", nil), (2, "InventoryReserved", 1), (3, "PaymentProcessed", 1)], from: 1),
        ] { #expect(!JSONDifference.between(sound.document, other.document).isEmpty) }
        #expect(throws: Unexpected.self) { try timeline([(2, "InventoryReserved", 1)], from: 1) }
        #expect(throws: Unexpected.self) { try timeline([(1, "OrderCreated", nil), (1, "OrderCreated", nil)], from: 1) }
    }
}

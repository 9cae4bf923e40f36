import Contracts
import Foundation
import TestDocuments
import Testing
import WaybillClient
import Wire

/// The example of docs/client.md, which is this file's own code, against a platform.
@Suite struct ClientGuideTests {
    static func sell(at url: String, as tokens: any TokenProvider) async throws -> OrderStatus {
        // guide: begin
        let http = try HTTPClient(baseURL: url, tokens: tokens)
        let waybill = WaybillAPI(http)

        // The key is the basket's: sent again after a lost answer, also by another process, it is still one order.
        let order = NewOrder(items: [.init(sku: "TEA-001", quantity: 2)], currency: "GBP", customerID: "alice", shippingCountry: "GB")
        let placed = try await waybill.place(order, key: "basket-4711", retry: RetryPolicy(limit: .seconds(30)))

        var status = placed.status
        for try await event in waybill.follow(placed.id) {
            status = try await waybill.status(placed.id)
            print(event.event, status)
            if status.isSettled { break }
        }
        await http.shutdown()
        // guide: end
        return status
    }

    @Test func `the guide's example sells two packets of tea`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA-001", units: 10)
            let status = try await Self.sell(at: shop.url, as: StaticToken("nobody asks for it"))
            #expect(status == .paid)
        }
    }

    @Test func `the guide shows the example as it is`() throws {
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        // Not in one piece, for this line is in the file as well.
        let parts = source.components(separatedBy: "        // " + "guide: ")
        try #require(parts.count == 3)
        let lines = parts[1].split(separator: "\n", omittingEmptySubsequences: false).dropFirst().map {
            $0.hasPrefix("        ") ? String($0.dropFirst(8)) : String($0)
        }
        let example = "```swift\n" + lines.joined(separator: "\n") + "```\n"
        #expect(try Document("docs/client.md").part("example", regeneratedAs: example) == example)
    }
}

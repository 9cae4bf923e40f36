import Testing
import WaybillClient

@testable import waybill

/// The last units of one product, wanted by far too many at once.
@Suite struct HotProductTests {
    @Test func `a hundred units are sold to exactly a hundred of two thousand buyers`() async throws {
        try await RunningPlatform.with(RunningPlatform.patient) { shop in
            let silent = ProgressBar("", unit: "", total: nil, mode: .silent)
            let result = try await ClientOptions.withAPI(at: shop.url, connections: 64, timeout: .seconds(120)) { api in
                try await HotProduct(api: api, sku: "HOT", units: 100, orders: 2000, connections: 64)(progress: silent)
            }
            #expect(result.faults == [])
            #expect(result.statuses[.paid] == 100)
            #expect(result.available == 0 && result.reserved == 100)
            try await shop.isSound()
        }
    }
}

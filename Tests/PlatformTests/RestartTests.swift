import Testing
import Wire

/// What is on disk is enough: a platform goes on where another one stopped.
@Suite struct RestartTests {
    @Test func `orders go on after a restart, and an accepted key stays accepted`() async throws {
        try await withTemporaryFolder { folder in
            let placed = Names()
            try await RunningPlatform.with(folder: folder) { shop in
                try await shop.product("TEA", units: 1000)
                for index in 0..<40 { await placed.add(try await shop.place("TEA", key: "order-\(index)").json["id"]?.string ?? "") }
            }
            try await RunningPlatform.with(folder: folder) { shop in
                for id in await placed.all { try await shop.eventually(id, is: "PAID") }
                for index in 0..<40 { #expect(try await shop.place("TEA", key: "order-\(index)").json["id"]?.string == (await placed.all)[index]) }
                #expect(try await shop.send("GET", "/inventory/products?sku=TEA").json["items"]?[0]?["reservedQuantity"]?.integer == 40)
                try await shop.eventually("analytics is complete") {
                    try await shop.send("GET", "/analytics/dashboard").json["totals"]?["revenue"] == .string("180.00")
                }
                let before = try await shop.send("GET", "/analytics/dashboard").json
                #expect(try await shop.send("POST", "/analytics/rebuild").status == 200)
                let after = try await shop.send("GET", "/analytics/dashboard").json
                for part in ["ordersByStatus", "totals", "byMonth", "byCountry", "topProducts", "failuresByReason", "createdToPaidMs"] {
                    #expect(before[part] == after[part], "\(part)")
                }
            }
        }
    }

    @Test func `a data folder that is in use is refused in words`() async throws {
        try await withTemporaryFolder { folder in
            try await RunningPlatform.with(folder: folder) { _ in
                await #expect(throws: (any Error).self) { try await RunningPlatform.with(folder: folder) { _ in } }
            }
        }
    }
}

/// A list that tasks share.
actor Names {
    private(set) var all: [String] = []
    func add(_ name: String) { all.append(name) }
}

import Contracts
import Storage
import Testing
import Wire

@testable import Orders

@Suite("Orders that are cached", .timeLimit(.minutes(10)))
struct CachedOrdersTests {
    @Test("every answer about one order names its version", arguments: [true, false])
    func tokens(_ isCached: Bool) async throws {
        let bench = try await CachedOrdersBench(cache: isCached ? MemoryCache(clock: { 0 }) : nil)
        let body = #"{"currency":"GBP","items":[{"sku":"TEA","quantity":2}]}"#
        for _ in 0..<2 {
            let placed = try await bench.send("POST", "/orders", body, key: "one")
            #expect(placed.token == "1", "also the repeated answer")
        }
        let id = try await bench.place()
        #expect(try await bench.get(id).token == "1")
        try await bench.reserve(id)
        #expect(try await bench.send("GET", "/orders/{id}/status", id: id).token == "2")
        try await bench.pay(id)
        #expect(try await bench.set("SHIPPED", id).token == "4")
        #expect(try await bench.get(id).headers[.eTag] == #"W/"4""#)
        #expect(try await bench.get(id).headers[.cacheControl] == "private, no-cache")
        let other = try await bench.place()
        #expect(try await bench.send("POST", "/orders/{id}/cancel", id: other, key: "two").token == "2")
        #expect(try await bench.send("POST", "/orders/{id}/cancel", id: other, key: "two").token == "2")
    }

    @Test("a client is told that what it has is what there is, with and without a cache", arguments: [true, false])
    func conditional(_ isCached: Bool) async throws {
        let bench = try await CachedOrdersBench(cache: isCached ? MemoryCache(clock: { 0 }) : nil)
        let id = try await bench.place()
        for tag in [#"W/"1""#, #""1""#, #""7" , W/"1""#, "*"] {
            let answer = try await bench.get(id, tag: tag)
            #expect(answer.status == 304, "\(tag)")
            #expect(answer.json == nil)
            #expect(answer.token == "1")
            #expect(answer.headers[.eTag] == #"W/"1""#)
            #expect(answer.headers[.contentType] == nil)
        }
        for tag in [#"W/"2""#, "1", "", #""1n""#] { #expect(try await bench.get(id, tag: tag).status == 200, "\(tag)") }
        try await bench.reserve(id)
        let changed = try await bench.get(id, tag: #"W/"1""#)
        #expect(changed.status == 200)
        #expect(changed.version == 2)
        let unknown = "01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6"
        #expect(try await bench.get(unknown, tag: "*").status == 404)
        #expect(try await bench.get(unknown).status == 404)
    }

    @Test("what is noted without a change of status changes the entity tag and the answer")
    func notes() async throws {
        let bench = try await CachedOrdersBench(cache: MemoryCache(clock: { 0 }))
        let id = try await bench.place()
        _ = try await bench.send("POST", "/orders/{id}/cancel", id: id)
        let before = try await bench.get(id)
        #expect(before.orderStatus == .cancelling)
        bench.fixture.clock.advance(by: .seconds(5))
        try await bench.tell(InventoryReleased(reservations: [], reason: "cancelled"), of: id, from: "inventory")
        let after = try await bench.get(id, tag: before.headers[.eTag])
        #expect(after.status == 200)
        #expect(after.version == before.version)
        #expect(after.headers[.eTag] == #"W/"2n""#)
        #expect(after.json?["updatedAt"] != before.json?["updatedAt"])
    }

    @Test("a version that is no number is refused")
    func badTokens() async throws {
        let bench = try await CachedOrdersBench(cache: MemoryCache(clock: { 0 }))
        let id = try await bench.place()
        for text in ["", "x", "-1", "1.5", "99999999999999999999", #""1""#] {
            #expect(try await bench.send("GET", "/orders/{id}", id: id, minimum: text).status == 400, "\(text)")
        }
        // The database knows best: a version that nobody has seen yet is not waited for.
        #expect(try await bench.send("GET", "/orders/{id}", id: id, minimum: "99").version == 1)
    }

    @Test("a client with a token is answered without the database, one without after a look at one row, and an order at its end needs no look")
    func costs() async throws {
        let cache = MemoryCache(clock: { 0 })
        let bench = try await CachedOrdersBench(cache: cache)
        let id = try await bench.place()
        func reads(_ minimum: Int64? = nil, process: Int = 0) async throws -> Int {
            let before = bench.database.reads
            #expect(try await bench.get(id, minimum: minimum, process: process).status == 200)
            return bench.database.reads - before
        }
        #expect(try await reads() == 1)
        #expect(try await reads(1) == 0)
        #expect(try await reads(1, process: 1) == 0)
        #expect(try await reads(0) == 0)
        #expect(try await reads() == 1)
        #expect(try await reads(2) == 1, "what is cached is older than what the client has seen")
        try await bench.reserve(id)
        #expect(try await reads(1) == 1, "a change takes the entry away")
        #expect(try await reads(1) == 0)
        try await bench.pay(id)
        _ = try await bench.set("SHIPPED", id)
        _ = try await bench.set("DELIVERED", id)
        #expect(try await reads() == 1)
        #expect(try await reads() == 0, "nothing follows DELIVERED")
        #expect(cache.statistics.failures == 0)
        #expect(cache.statistics.refused == 0)
    }

    @Test("an answer from the cache is the database's, byte for byte")
    func sameBytes() async throws {
        let cached = try await CachedOrdersBench(cache: MemoryCache(clock: { 0 }))
        let id = try await cached.place()
        for step in 0..<4 {
            let first = try await cached.get(id)
            let second = try await cached.get(id, minimum: 0)
            #expect(first.json == second.json)
            #expect(first.headers == second.headers)
            #expect(first.version == Int64(step + 1))
            if step == 0 { try await cached.reserve(id) } else if step == 1 { try await cached.pay(id) } else { _ = try await cached.set("SHIPPED", id) }
        }
    }

    @Test("a stale entry that the database confirms is fresh again for clients with tokens")
    func confirmed() async throws {
        let clock = ManualClock(Timestamp(milliseconds: 0))
        let cache = MemoryCache(clock: { clock.now().milliseconds })
        let bench = try await CachedOrdersBench(cache: cache)
        let id = try await bench.place()
        _ = try await bench.get(id)
        clock.advance(by: .seconds(3))
        let before = bench.database.reads
        for _ in 0..<3 { #expect(try await bench.get(id, minimum: 1).version == 1) }
        #expect(bench.database.reads - before == 1)
        #expect(cache.statistics.stored == 2)
    }

    @Test("without the cache everything is as it would be with none")
    func away() async throws {
        let cache = MemoryCache(clock: { 0 })
        let bench = try await CachedOrdersBench(cache: cache)
        await cache.close()
        let id = try await bench.place()
        try await bench.reserve(id)
        for minimum in [nil, 1, 2] as [Int64?] { #expect(try await bench.get(id, minimum: minimum).version == 2) }
        #expect(cache.statistics.away == 3)
    }

    @Test("every write of an order raises its revision, and an order is at its end exactly where nothing can follow")
    func revisions() {
        var reached = 0
        for status in OrderStatus.allCases {
            for notes in 0..<8 {
                let state = OrderState(status: status, version: 5, isStockFree: notes & 1 != 0, isPaymentUndone: notes & 2 != 0, isOffline: notes & 4 != 0)
                // Notes are taken while it is being cancelled only, and both of them end that.
                if state.isStockFree || state.isPaymentUndone, ![.cancelling, .cancelled].contains(status) { continue }
                if status == .cancelling, state.isStockFree, state.isPaymentUndone { continue }
                var canChange = false
                for input in OrderState.Input.allCases {
                    var next = state
                    switch next.apply(input) {
                    case .change, .note:
                        #expect(next.revision > state.revision, "\(status) \(input)")
                        canChange = true
                        reached += 1
                    case .ignore, .refuse: #expect(next == state)
                    }
                }
                #expect(state.isFinal == !canChange)
                #expect(OrderVersion.version(of: state.revision) == state.version)
            }
        }
        #expect(reached > 20)
        #expect(OrderStatus.allCases.filter { OrderState(status: $0, version: 1).isFinal } == [.delivered, .cancelled, .failed])
    }
}

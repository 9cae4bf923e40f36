import Contracts
import Storage
import Synchronization
import Testing
import Wire

/// Promise S12: a client never sees an order's status go back, whatever the cache does and whichever process answers.
@Suite("Orders that are cached and changed at once", .timeLimit(.minutes(10)))
struct CachedOrdersRaceTests {
    @Test(
        "no client sees an order go back, and who changed an order sees the change",
        arguments: [
            FaultyCache.Faults(), FaultyCache.Faults(lostInvalidations: 100), FaultyCache.Faults(lostInvalidations: 30, away: 20, latePuts: 40),
            FaultyCache.Faults(away: 50, latePuts: 100),
        ])
    func race(_ faults: FaultyCache.Faults) async throws {
        var policy = CachePolicy()
        policy.maximumStaleness = .milliseconds(50)
        let cache = FaultyCache(MemoryCache(policy: policy), faults)
        let bench = try await CachedOrdersBench(cache: cache)
        var ids: [String] = []
        for _ in 0..<12 { ids.append(try await bench.place()) }
        let orders = ids
        let known = Known(orders.count)
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { try await Self.read(bench, orders, known, hasToken: true) }
                group.addTask { try await Self.read(bench, orders, known, hasToken: false) }
            }
            group.addTask {
                defer { known.isOver.store(true, ordering: .relaxed) }
                try await withThrowingTaskGroup { changes in
                    for (index, id) in orders.enumerated() { changes.addTask { try await Self.change(bench, id, index, known) } }
                    try await changes.waitForAll()
                }
            }
            try await group.waitForAll()
        }
        for id in orders + orders { #expect(try await bench.get(id).orderStatus == .delivered) }
        if faults.away < 50 { #expect(cache.statistics.hits > 0) }
    }

    /// The version of each order that is known to be committed, by whoever changed it.
    private final class Known: Sendable {
        let versions: Mutex<[Int64]>
        let isOver = Atomic(false)
        init(_ count: Int) { versions = Mutex(Array(repeating: 1, count: count)) }
    }

    /// A client that asks any process for any order, with or without a token.
    private static func read(_ bench: CachedOrdersBench, _ orders: [String], _ known: Known, hasToken: Bool) async throws {
        var seen = Array(repeating: Int64(0), count: orders.count)
        while !known.isOver.load(ordering: .relaxed) {
            let index = Int.random(in: orders.indices)
            let due = known.versions.withLock { $0[index] }
            let answer = try await bench.get(orders[index], minimum: hasToken ? seen[index] : nil, process: Int.random(in: 0..<2))
            let version = try #require(answer.version)
            #expect(version >= seen[index], "the order went back")
            if !hasToken { #expect(version >= due, "an answer without a token is older than what was committed before the question") }
            #expect(answer.json?["history"]?.array?.count == Int(version))
            seen[index] = version
            await Task.yield()
        }
    }

    /// One order's way to its end; whoever changes it asks another process for it.
    private static func change(_ bench: CachedOrdersBench, _ id: String, _ index: Int, _ known: Known) async throws {
        for step in 2...5 as ClosedRange<Int64> {
            let process = Int.random(in: 0..<2)
            switch step {
            case 2: try await bench.reserve(id, process: process)
            case 3: try await bench.pay(id, process: process)
            case 4: #expect(try await bench.set("SHIPPED", id, process: process).token == "4")
            default: #expect(try await bench.set("DELIVERED", id, process: process).token == "5")
            }
            known.versions.withLock { $0[index] = step }
            #expect(try await bench.get(id, minimum: step, process: 1 - process).version == step)
            #expect(try await bench.get(id, process: 1 - process).version == step)
            // Some entries go stale meanwhile, which takes 50 ms.
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...80)))
        }
    }
}

import CacheConformance
import Storage
import Synchronization
import Testing

@Suite("The cache in memory", .timeLimit(.minutes(10)))
struct MemoryCacheTests {
    @Test("keeps what the port promises", arguments: CacheConformance.allCases)
    func conforms(_ promise: CacheConformance) async throws {
        try await promise.check { CacheSubject(MemoryCache(policy: $0)) {} }
    }

    /// Milliseconds that a test moves.
    private final class Clock: Sendable {
        private let now = Atomic<Int64>(1_000)
        var read: @Sendable () -> Int64 { { self.now.load(ordering: .relaxed) } }
        func advance(_ milliseconds: Int64) { now.add(milliseconds, ordering: .relaxed) }
    }

    private func ticket(_ cache: MemoryCache) async throws -> CacheTicket { try #require(await cache.get("ticket").ticket) }

    @Test("an entry is fresh until the staleness from its ticket on has passed, to the millisecond, and gone after its lifetime")
    func times() async throws {
        let clock = Clock()
        let cache = MemoryCache(clock: clock.read)
        let ticket = try await ticket(cache)
        clock.advance(1500)
        cache.put("a", CacheEntry(version: 1, bytes: [1]), ticket: ticket)
        clock.advance(499)
        #expect(await cache.get("a").isFresh)
        clock.advance(1)
        #expect(await cache.get("a") == CacheLookup(entry: CacheEntry(version: 1, bytes: [1]), isFresh: false, ticket: CacheTicket(moment: 3000)))
        clock.advance(599_499)
        #expect(await cache.get("a").entry != nil)
        clock.advance(1)
        #expect(await cache.get("a").entry == nil)
    }

    @Test("a ticket is good until the staleness has passed, to the millisecond")
    func tickets() async throws {
        let clock = Clock()
        let cache = MemoryCache(clock: clock.read)
        let ticket = try await ticket(cache)
        clock.advance(2000)
        cache.put("a", CacheEntry(version: 1, bytes: [1]), ticket: ticket)
        #expect(await cache.get("a").entry?.version == 1)
        clock.advance(1)
        cache.put("a", CacheEntry(version: 2, bytes: [2]), ticket: ticket)
        #expect(await cache.get("a").entry?.version == 1)
        #expect(cache.statistics.refused == 1)
    }

    @Test("the bytes and the entries have a bound, and what was used least recently goes first")
    func capacity() async throws {
        var capacity = MemoryCache.Capacity()
        (capacity.bytes, capacity.entries) = (10_000, 5)
        let cache = MemoryCache(capacity: capacity)
        for index in 0..<5 { cache.put("\(index)", CacheEntry(version: 1, bytes: [1]), ticket: try await ticket(cache)) }
        _ = await cache.get("0")
        cache.invalidate([CacheFloor(key: "grave", version: 1)])
        #expect(await cache.get("1").entry == nil)
        #expect(await cache.get("0").entry != nil)
        cache.put("large", CacheEntry(version: 1, bytes: Array(repeating: 1, count: 9_500)), ticket: try await ticket(cache))
        #expect(await cache.get("large").entry != nil)
        #expect(cache.usage.bytes <= 10_000)
        #expect(cache.usage.entries <= 5)
        #expect(await cache.get("2").entry == nil)
        cache.put("larger than all", CacheEntry(version: 1, bytes: Array(repeating: 1, count: 10_000)), ticket: try await ticket(cache))
        #expect(cache.usage.entries == 0)
        #expect(cache.usage.bytes == 0)
    }

    @Test("what happens is counted")
    func statistics() async throws {
        var policy = CachePolicy()
        policy.maximumStaleness = .zero
        let cache = MemoryCache(policy: policy)
        let ticket = try await ticket(cache)
        cache.put("a", CacheEntry(version: 1, bytes: [], isFinal: true), ticket: ticket)
        cache.put("b", CacheEntry(version: 1, bytes: []), ticket: ticket)
        cache.put("b", CacheEntry(version: 0, bytes: []), ticket: ticket)
        for key in ["a", "b", "c"] { _ = await cache.get(key) }
        await cache.close()
        _ = await cache.get("a")
        cache.put("a", CacheEntry(version: 1, bytes: []), ticket: ticket)
        var expected = CacheStatistics()
        (expected.hits, expected.stale, expected.misses, expected.away) = (1, 1, 2, 1)
        (expected.stored, expected.refused, expected.dropped) = (2, 1, 1)
        #expect(cache.statistics == expected)
    }

    @Test("lifetimes are at least what they must be, and no sum overflows")
    func policies() {
        var policy = CachePolicy()
        #expect(policy.lifetimes == CachePolicy().lifetimes)
        #expect(policy.lifetimes.entry == 600_000)
        #expect(policy.lifetimes.tombstone == 60_000)
        #expect(policy.lifetimes.staleness == 2000)
        #expect(policy.lifetimes.ticket == 2000)
        (policy.entryLifetime, policy.tombstoneLifetime, policy.maximumStaleness) = (.seconds(-5), .zero, .seconds(90))
        #expect(policy.lifetimes.entry == 1)
        #expect(policy.lifetimes.tombstone == 90_000)
        policy.maximumStaleness = .seconds(-1)
        #expect(policy.lifetimes.staleness == 0)
        #expect(policy.lifetimes.ticket == 1000)
        policy.maximumStaleness = .seconds(Int64.max)
        #expect(policy.lifetimes.staleness == 31_536_000_000)
    }
}

@Suite("A table by recency")
struct RecencyTableTests {
    @Test("does what a list in the order of use would do")
    func model() {
        var table = RecencyTable<Int, Int>()
        var list: [(key: Int, value: Int)] = []
        var random = SystemRandomNumberGenerator()
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<12, using: &random)
            let place = list.firstIndex { $0.key == key }
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let old = place.map { list.remove(at: $0).value }
                list.append((key, step))
                #expect(table.set(key, step) == old)
            case 1:
                if let place { list.append(list.remove(at: place)) }
                #expect(table.use(key) == (place == nil ? nil : list.last?.value))
            case 2: #expect(table.remove(key) == place.map { list.remove(at: $0).value })
            default:
                let oldest = list.isEmpty ? nil : list.removeFirst()
                let removed = table.removeOldest()
                #expect(removed?.key == oldest?.key)
                #expect(removed?.value == oldest?.value)
            }
            #expect(table.count == list.count)
        }
    }
}

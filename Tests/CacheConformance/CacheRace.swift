import Storage
import Synchronization
import Testing

/// Writers and readers of one truth, with a cache beside it whose invalidations are lost now and then. Checks that a fresh entry is never older than the staleness
/// allows, and that a client who carries the newest version that it has seen as its token never sees an older one.
///
/// An engine's own tests do things to the engine while it runs.
public struct CacheRace: Sendable {
    private let staleness: Duration
    private let keys: Int
    private let rounds: Int
    /// Readers go on for at least so long.
    private let time: Duration
    /// Without hits a race shows nothing.
    private static let leastHits = 50
    /// How much later the cache's clock may say that something ended: it counts whole milliseconds, and the two clocks are read one after the other.
    private static let tolerance: Duration = .milliseconds(5)

    public init(staleness: Duration, keys: Int = 8, rounds: Int = 200, time: Duration = .seconds(1)) {
        (self.staleness, self.keys, self.rounds, self.time) = (staleness, keys, rounds, time)
    }

    /// What the readers saw.
    public struct Outcome: Sendable {
        /// Answers from fresh entries.
        public var hits = 0
        /// Answers from the truth.
        public var reads = 0
        /// Lookups that found the cache away.
        public var away = 0
    }

    private final class Meantime: Sendable { let isOver = Atomic(false) }

    /// The database: what was committed, and when.
    private final class Truth: Sendable {
        private let commits: Mutex<[[ContinuousClock.Instant]]>
        init(_ keys: Int) { commits = Mutex(Array(repeating: [.now], count: keys)) }
        /// Commits the next version.
        func commit(_ key: Int) -> Int64 {
            commits.withLock { commits in
                commits[key].append(.now)
                return Int64(commits[key].count - 1)
            }
        }
        func version(_ key: Int) -> Int64 { commits.withLock { Int64($0[key].count - 1) } }
        /// The newest version that was committed before a moment.
        func version(_ key: Int, before moment: ContinuousClock.Instant) -> Int64 {
            commits.withLock { commits in Int64(commits[key].lastIndex { $0 < moment } ?? 0) }
        }
    }

    /// Runs it.
    /// - Parameter meanwhile: what happens to the engine; the readers go on until it is over.
    @discardableResult
    public func run(_ subject: CacheSubject, meanwhile: @escaping @Sendable () async throws -> Void = {}) async throws -> Outcome {
        let truth = Truth(keys)
        let end = ContinuousClock.now + time
        let meantime = Meantime()
        let isOver: @Sendable () -> Bool = {
            ContinuousClock.now >= end && meantime.isOver.load(ordering: .relaxed) && subject.cache.statistics.hits >= CacheRace.leastHits
        }
        let outcome = try await withThrowingTaskGroup(of: Outcome.self) { group in
            for seed in 0..<4 { group.addTask { await write(subject.cache, truth, seed: UInt64(seed), isOver) } }
            for seed in 0..<8 { group.addTask { await read(subject.cache, truth, seed: UInt64(seed), isOver) } }
            group.addTask {
                defer { meantime.isOver.store(true, ordering: .relaxed) }
                try await meanwhile()
                return Outcome()
            }
            return try await group.reduce(into: Outcome()) { sum, part in
                sum.hits += part.hits
                sum.reads += part.reads
                sum.away += part.away
            }
        }
        #expect(outcome.hits > 0)
        #expect(outcome.reads > 0)
        return outcome
    }

    private func write(_ cache: any VersionedCache, _ truth: Truth, seed: UInt64, _ isOver: () -> Bool) async -> Outcome {
        var random = SeededNumbers(seed: seed)
        var round = 0
        while round < rounds || !isOver() {
            round += 1
            let key = Int.random(in: 0..<keys, using: &random)
            let version = truth.commit(key)
            // One in four is lost, as when the process dies between its commit and its message.
            if Int.random(in: 0..<4, using: &random) > 0 { cache.invalidate([CacheFloor(key: "\(key)", version: version)]) }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 1...8, using: &random)))
        }
        return Outcome()
    }

    private func read(_ cache: any VersionedCache, _ truth: Truth, seed: UInt64, _ isOver: () -> Bool) async -> Outcome {
        var random = SeededNumbers(seed: seed + 100)
        var outcome = Outcome()
        var tokens = Array(repeating: Int64(0), count: keys)
        var round = 0
        while round < rounds || !isOver() {
            round += 1
            let key = Int.random(in: 0..<keys, using: &random)
            let begin = ContinuousClock.now
            let lookup = await cache.get("\(key)")
            if lookup.ticket == nil { outcome.away += 1 }
            if let entry = lookup.entry, lookup.isFresh, entry.version >= tokens[key] {
                outcome.hits += 1
                let due = truth.version(key, before: begin - staleness - CacheRace.tolerance)
                #expect(entry.version >= due, "a fresh entry is older than the staleness allows")
                #expect(entry.bytes == Array("\(key) \(entry.version)".utf8))
                tokens[key] = entry.version
            } else {
                outcome.reads += 1
                let version = truth.version(key)
                #expect(version >= tokens[key])
                tokens[key] = version
                // The answer is on its way for a while, longer than an entry is fresh sometimes.
                if Int.random(in: 0..<3, using: &random) == 0 { try? await Task.sleep(for: .milliseconds(Int.random(in: 1...150, using: &random))) }
                if let ticket = lookup.ticket { cache.put("\(key)", CacheEntry(version: version, bytes: Array("\(key) \(version)".utf8)), ticket: ticket) }
            }
            // A reader that finds no work for Redis would leave no time for anybody else.
            if round % 8 == 0 || lookup.ticket == nil { try? await Task.sleep(for: .microseconds(500)) }
        }
        return outcome
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

import Synchronization
import Wire

/// The keys that an issuer publishes at an address (RFC 7517, 5), kept and fetched again.
///
/// ``run()`` fetches; whoever asks for a key is answered with what is there, and waits only for keys that are not. When the address is down it goes on with what it
/// has. An unknown name of a key, which anybody can put into a token, makes it fetch at most every five minutes.
public final class JWKSource: KeySource {
    /// How often it fetches and how long things may take.
    public struct Pace: Sendable {
        /// Keys this old are fetched again when the next token comes; twice as old, that token waits for it.
        public var maximumAge: Duration = .seconds(600)
        /// The pause between two fetches for unknown names.
        public var unknownKeyPause: Duration = .seconds(300)
        /// The pause after a fetch that failed; at most a second as long as none has succeeded.
        public var retryPause: Duration = .seconds(10)
        /// How long a fetch may take.
        public var fetchLimit: Duration = .seconds(10)
        /// How long a token waits for one.
        public var patience: Duration = .seconds(5)
        public init() {}
    }

    /// What became of a fetch.
    public enum Outcome: Sendable, Equatable {
        /// The set is another one than before. With reasons why keys of it were left out.
        case changed(keys: Int, ignored: [String])
        case unchanged
        /// In words.
        case failed(String)
    }

    private let pace: Pace
    private let schedule: Mutex<JWKSchedule>
    private let waiting = FetchWaiters(capacity: 1_000)
    private let now: @Sendable () -> Timestamp
    private let fetch: @Sendable () async throws -> [UInt8]
    private let report: @Sendable (Outcome) -> Void
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// - Parameter fetch: gets the document. It follows no address that the document names, and reads at most ``KeySet/maximumLength``.
    /// - Parameter report: is told of every fetch.
    public init(
        pace: Pace = Pace(), now: @escaping @Sendable () -> Timestamp, report: @escaping @Sendable (Outcome) -> Void = { _ in },
        fetch: @escaping @Sendable () async throws -> [UInt8]
    ) {
        (self.pace, self.now, self.report, self.fetch) = (pace, now, report, fetch)
        schedule = Mutex(JWKSchedule(pace))
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Fetches at once, and then whenever it is due, until its task is cancelled. To be run once, for as long as keys are asked for.
    public func run() async {
        guard schedule.withLock({ $0.begin() }) else { return }
        await load()
        for await _ in wakes { await load() }
        waiting.releaseAll()
    }

    /// Has keys fetched that are getting old: where all tokens were seen before, nobody asks for keys, and one that was taken back would never be missed.
    public var version: Int {
        let (version, isDue) = schedule.withLock { ($0.version, $0.ages(at: now())) }
        if isDue { wake.yield() }
        return version
    }

    public var isReady: Bool { schedule.withLock { $0.keys != nil } }

    /// The key of this name; waits for a fetch, at most ``Pace/patience``, where it is not known and one is due or under way.
    public func key(id: String?) async -> VerificationKey? {
        let (answer, load) = schedule.withLock { ($0.look(for: id, at: now()), $0.loads) }
        switch answer {
        case .known(let key): return key
        case .stale(let key):
            wake.yield()
            return key
        case .wait:
            wake.yield()
            await waiting.wait(for: load, atMost: pace.patience) { self.schedule.withLock { $0.loads } }
            return schedule.withLock { $0.keys?.key(id: id) }
        }
    }

    private func load() async {
        guard schedule.withLock({ $0.startLoad(at: now()) }) else { return }
        let outcome: Outcome
        do {
            let keys = try KeySet(jwks: try await boundedFetch())
            let isNew = schedule.withLock { $0.finishLoad(keys, at: now()) }
            outcome = isNew ? .changed(keys: keys.keys.count, ignored: keys.ignored) : .unchanged
        } catch {
            schedule.withLock { $0.failLoad() }
            outcome = .failed("\(error)")
        }
        waiting.releaseAll()
        report(outcome)
    }

    private func boundedFetch() async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { try await self.fetch() }
            group.addTask {
                try await Task.sleep(for: self.pace.fetchLimit)
                return nil
            }
            defer { group.cancelAll() }
            guard let document = try await group.next() ?? nil else { throw UnusableKey("fetching the set of keys takes too long") }
            return document
        }
    }
}

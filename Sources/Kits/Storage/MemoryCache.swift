import Dispatch
import Synchronization

/// A cache in the memory of this process, bounded by bytes and entries; what was used least recently goes first.
///
/// For tests, and for one process whose database is a network away. Beside an SQLite file it is of no use: a read costs hardly more than its lock.
public final class MemoryCache: VersionedCache {
    /// How much may be kept.
    public struct Capacity: Sendable {
        /// Keys and contents, in bytes: 64 MiB.
        public var bytes = 64 << 20
        /// Entries and tombstones.
        public var entries = 100_000
        public init() {}
    }

    /// The most that one key costs besides its text and its content, in bytes.
    private static let overhead = 128

    private enum Content {
        case entry(CacheEntry, freshUntil: Int64)
        /// Nothing below this version may be stored.
        case tombstone(Int64)
    }
    private struct Kept {
        var content: Content
        /// The moment from which on it counts as gone.
        var end: Int64
        var size: Int
    }
    private struct State {
        var kept = RecencyTable<String, Kept>()
        var bytes = 0
        var isClosed = false
    }

    private let lifetimes: CachePolicy.Lifetimes
    private let maximumEntryBytes: Int
    private let capacity: Capacity
    private let clock: @Sendable () -> Int64
    private let meter: CacheMeter
    private let state = Mutex(State())

    /// - Parameters:
    ///   - name: for the metrics.
    ///   - clock: milliseconds that never go back; the default is the machine's time since its start.
    public init(
        name: String = "memory", policy: CachePolicy = CachePolicy(), capacity: Capacity = Capacity(),
        clock: @escaping @Sendable () -> Int64 = { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) }
    ) {
        (lifetimes, maximumEntryBytes, self.capacity, self.clock) = (policy.lifetimes, policy.maximumEntryBytes, capacity, clock)
        meter = CacheMeter(cache: name)
    }

    public var statistics: CacheStatistics { meter.statistics }

    /// Bytes and entries in use; gauges.
    public var usage: (bytes: Int, entries: Int) { state.withLock { ($0.bytes, $0.kept.count) } }

    public func get(_ key: String) async -> CacheLookup {
        let now = clock()
        let lookup = state.withLock { state in
            if state.isClosed { return CacheLookup.away }
            let ticket = CacheTicket(moment: now)
            guard let kept = current(key, at: now, &state), case .entry(let entry, let freshUntil) = kept.content else {
                return CacheLookup(entry: nil, isFresh: false, ticket: ticket)
            }
            return CacheLookup(entry: entry, isFresh: entry.isFinal || now < freshUntil, ticket: ticket)
        }
        meter.count(lookup)
        return lookup
    }

    public func put(_ key: String, _ entry: CacheEntry, ticket: CacheTicket) {
        guard entry.bytes.count <= maximumEntryBytes, CacheEntry.versions.contains(entry.version) else { return meter.count(.dropped) }
        let now = clock()
        let event: CacheMeter.Event = state.withLock { state in
            if state.isClosed { return .dropped }
            // A ticket of the future is one of another clock.
            guard ticket.moment >= 0, ticket.moment <= now, now - ticket.moment <= lifetimes.ticket else { return .refused }
            let freshUntil = ticket.moment + lifetimes.staleness
            switch current(key, at: now, &state)?.content {
            case .entry(let stored, let until)? where stored.version > entry.version || stored.version == entry.version && until >= freshUntil: return .refused
            case .tombstone(let floor)? where entry.version < floor: return .refused
            case .entry?, .tombstone?, nil: break
            }
            keep(key, .entry(entry, freshUntil: freshUntil), entry.bytes.count, until: now + lifetimes.entry, &state)
            return .stored
        }
        meter.count(event)
    }

    public func invalidate(_ floors: [CacheFloor]) {
        let now = clock()
        state.withLock { state in
            guard !state.isClosed else { return }
            for floor in floors {
                switch current(floor.key, at: now, &state)?.content {
                case .entry(let entry, _)? where entry.version >= floor.version: continue
                case .tombstone(let known)? where known >= floor.version: continue
                case .entry?, .tombstone?, nil:
                    keep(floor.key, .tombstone(floor.version), 0, until: now + lifetimes.tombstone, &state)
                }
            }
        }
    }

    public func examine() async -> [EngineFinding] {
        let usage = usage
        return [EngineFinding(.ok, "cache", "in memory: \(usage.entries) entries, \(usage.bytes) bytes")]
    }

    public func close() async {
        state.withLock { state in
            state = State()
            state.isClosed = true
        }
    }

    /// What is kept of a key; what is over is removed.
    private func current(_ key: String, at now: Int64, _ state: inout State) -> Kept? {
        guard let kept = state.kept.use(key) else { return nil }
        if now < kept.end { return kept }
        state.kept.remove(key)
        state.bytes -= kept.size
        return nil
    }

    private func keep(_ key: String, _ content: Content, _ bytes: Int, until end: Int64, _ state: inout State) {
        let size = key.utf8.count + bytes + MemoryCache.overhead
        state.bytes += size - (state.kept.set(key, Kept(content: content, end: end, size: size))?.size ?? 0)
        while state.bytes > capacity.bytes || state.kept.count > capacity.entries, let gone = state.kept.removeOldest() { state.bytes -= gone.value.size }
    }
}

import Metrics
import Synchronization

/// What has happened to a cache since it was made.
public struct CacheStatistics: Sendable, Equatable {
    /// Lookups that found a fresh entry.
    public var hits = 0
    /// Lookups that found an entry which must be compared with the database.
    public var stale = 0
    /// Lookups that found nothing.
    public var misses = 0
    /// Lookups while the cache was away or too slow.
    public var away = 0
    /// Entries that were stored or made fresh again.
    public var stored = 0
    /// Entries that were refused because something newer was known, or because they came too late.
    public var refused = 0
    /// Entries and invalidations that were never sent: too large, too many, or the cache was away.
    public var dropped = 0
    /// Answers that were errors or made no sense.
    public var failures = 0

    public init() {}
}

/// Counts what happens to a cache: for its ``CacheStatistics``, and as `waybill_cache_lookups`, `waybill_cache_puts` and `waybill_cache_failures`.
public final class CacheMeter: Sendable {
    /// What can be counted.
    public enum Event: String, Sendable, CaseIterable {
        case hit, stale, miss, away, stored, refused, dropped, failure
    }

    private let state = Mutex(CacheStatistics())
    private let counters: [Counter]

    /// - Parameter cache: the cache's name, a label of the metrics.
    public init(cache: String) {
        counters = Event.allCases.map { event in
            switch event {
            case .hit, .stale, .miss, .away: Counter(label: "waybill_cache_lookups", dimensions: [("cache", cache), ("result", event.rawValue)])
            case .stored, .refused, .dropped: Counter(label: "waybill_cache_puts", dimensions: [("cache", cache), ("result", event.rawValue)])
            case .failure: Counter(label: "waybill_cache_failures", dimensions: [("cache", cache)])
            }
        }
    }

    /// Counts.
    public func count(_ event: Event, _ times: Int = 1) {
        guard times > 0 else { return }
        if let index = Event.allCases.firstIndex(of: event) { counters[index].increment(by: times) }
        state.withLock { statistics in
            switch event {
            case .hit: statistics.hits += times
            case .stale: statistics.stale += times
            case .miss: statistics.misses += times
            case .away: statistics.away += times
            case .stored: statistics.stored += times
            case .refused: statistics.refused += times
            case .dropped: statistics.dropped += times
            case .failure: statistics.failures += times
            }
        }
    }

    /// Counts a lookup by what it found.
    public func count(_ lookup: CacheLookup) {
        count(lookup.ticket == nil ? .away : lookup.entry == nil ? .miss : lookup.isFresh ? .hit : .stale)
    }

    /// What was counted so far.
    public var statistics: CacheStatistics { state.withLock { $0 } }
}

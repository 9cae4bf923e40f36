/// How long things stay in a cache, and how large they may be.
public struct CachePolicy: Sendable {
    /// How long an entry stays: 10 minutes. It is fresh for less; see ``maximumStaleness``.
    public var entryLifetime: Duration = .seconds(600)
    /// How long a tombstone stays: 60 seconds. It outlives every ticket, so it never counts as less than ``Lifetimes/ticket``.
    public var tombstoneLifetime: Duration = .seconds(60)
    /// How far behind the database a fresh entry may be at the most: 2 seconds. Zero means that only final entries are ever fresh.
    public var maximumStaleness: Duration = .seconds(2)
    /// The largest content that is kept, in bytes: 256 KiB.
    public var maximumEntryBytes = 256 << 10
    public init() {}

    /// The times as caches count them, in whole milliseconds, each at least what it must be.
    public struct Lifetimes: Sendable, Equatable {
        /// How long an entry stays.
        public let entry: Int64
        /// How long a tombstone stays.
        public let tombstone: Int64
        /// How far behind the database a fresh entry may be.
        public let staleness: Int64
        /// How old a ticket may be when its entry arrives. Where nothing is fresh but what is final, entries are still kept to be compared with the database.
        public let ticket: Int64
    }

    /// The times as caches count them.
    public var lifetimes: Lifetimes {
        let staleness = max(0, CachePolicy.milliseconds(maximumStaleness))
        let ticket = max(staleness, 1000)
        return Lifetimes(
            entry: max(1, CachePolicy.milliseconds(entryLifetime)), tombstone: max(ticket, CachePolicy.milliseconds(tombstoneLifetime)), staleness: staleness,
            ticket: ticket)
    }

    /// Beyond a year nothing is meant but "long", and no sum of times overflows.
    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = min(duration, .seconds(31_536_000)).components
        return max(seconds, 0) * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

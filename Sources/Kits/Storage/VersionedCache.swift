/// Answers that are kept outside of the database, each with the version of what it tells of: a stale writer can never replace a newer entry.
///
/// A cache is an optimisation and nothing else: it never throws, an entry may be gone at any time, and what decides reads the database.
///
/// **The guarantee.** An entry that ``get(_:)`` calls fresh is at least as new as everything that was committed ``CachePolicy/maximumStaleness`` before the call,
/// whatever happens to the cache, to its invalidations and to the network. It is held by the ticket alone: who finds nothing gets the moment, by the cache's own
/// clock, at which he looked; what he then reads from the database is at least as new as that moment; and what he puts is fresh for the staleness from that
/// moment on, however late the put arrives. Invalidations only make the usual case better: an entry is gone as soon as it is stale. One that could not be sent, or
/// was forgotten by a server that lost its memory, need not be repeated for longer than that.
public protocol VersionedCache: AnyObject, Sendable {
    /// Looks a key up. Where the cache is away or slow, there is neither an entry nor a ticket, after a bounded wait.
    func get(_ key: String) async -> CacheLookup

    /// Offers an entry and returns at once; it may be dropped.
    ///
    /// It is refused where an entry of a newer version, or a tombstone that forbids its version, stands, and when the ticket has run out. One of the same version
    /// takes the place of an older ticket's and is fresh again.
    /// - Parameter ticket: from the ``get(_:)`` that came before the database was read. A younger one would break the guarantee.
    func put(_ key: String, _ entry: CacheEntry, ticket: CacheTicket)

    /// Notes that everything below a version is stale, and returns at once: what is stored of it goes, and a tombstone refuses what still comes.
    func invalidate(_ floors: [CacheFloor])

    /// What has happened so far.
    var statistics: CacheStatistics { get }

    /// Looks at the connection, for `waybill doctor`.
    func examine() async -> [EngineFinding]

    /// Sends what is still to be sent, within the bounds of a call, and ends; lookups find nothing from then on.
    func close() async
}

/// What is cached.
public struct CacheEntry: Sendable, Equatable {
    /// Versions that a cache takes: those that a 64-bit floating-point number, which is what scripts of Redis count with, has without loss.
    public static let versions: ClosedRange<Int64> = 0...(1 << 53)

    /// Grows with every change of what the bytes tell of.
    public let version: Int64
    /// Whether nothing can ever follow: such an entry is fresh as long as it is there.
    public let isFinal: Bool
    public let bytes: [UInt8]

    public init(version: Int64, bytes: [UInt8], isFinal: Bool = false) { (self.version, self.bytes, self.isFinal) = (version, bytes, isFinal) }
}

/// What a look into the cache found.
public struct CacheLookup: Sendable, Equatable {
    /// The newest entry that is stored, fresh or not.
    public let entry: CacheEntry?
    /// Whether the entry can be answered without asking the database; see ``VersionedCache``.
    public let isFresh: Bool
    /// The right to put what is read from the database after this; nil where the cache is away.
    public let ticket: CacheTicket?

    public init(entry: CacheEntry?, isFresh: Bool, ticket: CacheTicket?) { (self.entry, self.isFresh, self.ticket) = (entry, isFresh, ticket) }

    /// The cache could not be asked.
    public static let away = CacheLookup(entry: nil, isFresh: false, ticket: nil)
}

/// The moment of a lookup by the clock of the cache, whatever that is, in milliseconds.
public struct CacheTicket: Sendable, Equatable {
    public let moment: Int64
    public init(moment: Int64) { self.moment = moment }
}

/// The lowest version of a key that is not stale.
public struct CacheFloor: Sendable, Equatable {
    public let key: String
    public let version: Int64
    public init(key: String, version: Int64) { (self.key, self.version) = (key, version) }
}

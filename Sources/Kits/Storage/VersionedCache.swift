/// Answers that are kept outside of the database, each with the version of what it tells of: a stale writer can never replace a newer entry.
///
/// A cache is an optimisation and nothing else: it never throws, an entry may be gone at any time, and what decides reads the database.
public protocol VersionedCache: AnyObject, Sendable {
    /// The entry of a key; nil where there is none or the cache is away.
    func get(_ key: String) async -> CacheEntry?
    /// Stores an entry, unless one of the same or a newer version, or a tombstone of ``invalidate(_:through:)`` that is as new, is there.
    func put(_ key: String, _ entry: CacheEntry) async
    /// Notes that everything up to and without a version is stale: what is stored of it goes, and what is stored of it later is refused.
    func invalidate(_ keys: [(key: String, version: Int64)]) async
    /// Looks at the connection, for `waybill doctor`.
    func examine() async -> [EngineFinding]
    func close() async
}

/// What is cached.
public struct CacheEntry: Sendable, Equatable {
    /// Grows with every change of what the bytes tell of.
    public let version: Int64
    public let bytes: [UInt8]
    public init(version: Int64, bytes: [UInt8]) { (self.version, self.bytes) = (version, bytes) }
}

import Contracts
import Storage
import Wire

/// Orders as `GET /orders/{id}` shows them, kept outside of the database. See `docs/caching.md` for what it guarantees.
struct OrderCache: Sendable {
    /// Part of every key: to be raised when the JSON of an order changes, or when a status that was an order's last no longer is, so that releases that run side by
    /// side do not read each other's entries.
    private static let format = 1

    let cache: any VersionedCache

    func find(_ id: OrderID) async -> CacheLookup { await cache.get(OrderCache.key(id)) }

    /// Keeps what was read after a look into the cache.
    func keep(_ bytes: [UInt8], of id: OrderID, _ state: OrderState, ticket: CacheTicket) {
        cache.put(OrderCache.key(id), CacheEntry(version: state.revision, bytes: bytes, isFinal: state.isFinal), ticket: ticket)
    }

    /// Makes an entry fresh again that the database has confirmed since a look into the cache.
    func confirm(_ entry: CacheEntry, of id: OrderID, ticket: CacheTicket) { cache.put(OrderCache.key(id), entry, ticket: ticket) }

    /// Forgets what a transaction makes stale, once it is durable.
    func expire(_ orders: [Order], in transaction: any Transaction) {
        let floors = orders.map { CacheFloor(key: OrderCache.key($0.id), version: $0.state.revision) }
        transaction.onCommit { [cache] in cache.invalidate(floors) }
    }

    private static func key(_ id: OrderID) -> String { "\(format):\(id)" }
}

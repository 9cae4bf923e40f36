import Logging
import Storage

/// A cache in Redis, which several processes share.
///
/// One key holds the newest entry or the tombstone of what is cached; scripts compare and set it in one step. The clock of tickets and of freshness is the
/// server's, so that the clocks of the processes need not agree. A server whose clock is turned back while entries are fresh makes them stay fresh for at most
/// ``CachePolicy/maximumStaleness`` longer; after a failover to a server with another clock the guarantee is off by the difference.
///
/// Redis may forget anything at any time (a restart, `FLUSHALL`, eviction), and may be away: then lookups find nothing, at once or after the bounds of
/// ``RedisConfiguration/replyTimeout``. What is to be invalidated waits for it for as long as it matters, which is as long as an entry may be fresh.
public final class RedisCache: VersionedCache {
    /// Keys that one script invalidates: it keeps the server busy for some 50 microseconds.
    private static let keysPerScript = 64

    private let client: RedisClient
    private let lifetimes: CachePolicy.Lifetimes
    private let maximumEntryBytes: Int
    private let keyPrefix: String
    private let meter: CacheMeter

    /// - Parameters:
    ///   - client: closed with the cache.
    ///   - name: of what is cached: part of the keys, and a label of the metrics.
    public init(_ client: RedisClient, name: String, policy: CachePolicy = CachePolicy()) {
        self.client = client
        (lifetimes, maximumEntryBytes) = (policy.lifetimes, policy.maximumEntryBytes)
        keyPrefix = "\(client.configuration.prefix)cache:\(name):"
        meter = CacheMeter(cache: name)
    }

    public var statistics: CacheStatistics { meter.statistics }

    public func get(_ key: String) async -> CacheLookup {
        let lookup: CacheLookup
        do { lookup = try RedisCache.lookup(await client.send([.plain("TIME"), .plain("GET", name(key))]), staleness: lifetimes.staleness) } catch {
            note(error)
            lookup = .away
        }
        meter.count(lookup)
        return lookup
    }

    public func put(_ key: String, _ entry: CacheEntry, ticket: CacheTicket) {
        guard entry.bytes.count <= maximumEntryBytes, CacheEntry.versions.contains(entry.version), ticket.moment >= 0 else { return meter.count(.dropped) }
        let arguments: [RedisArgument] = [
            .integer(entry.version), .integer(ticket.moment), .integer(lifetimes.staleness), .integer(lifetimes.ticket), entry.isFinal ? "F" : "E",
            .integer(lifetimes.entry), .bytes(entry.bytes),
        ]
        offer(.script(.put, keys: [name(key)], arguments: arguments), isKept: false) { [meter] reply in
            switch reply {
            case .integer(1): meter.count(.stored)
            case .integer: meter.count(.refused)
            default: meter.count(.failure)
            }
        }
    }

    public func invalidate(_ floors: [CacheFloor]) {
        var rest = floors.filter { CacheEntry.versions.contains($0.version) }[...]
        while !rest.isEmpty {
            let some = rest.prefix(RedisCache.keysPerScript)
            rest = rest.dropFirst(some.count)
            let arguments = [RedisArgument.integer(lifetimes.tombstone)] + some.map { .integer($0.version) }
            offer(.script(.invalidate, keys: some.map { name($0.key) }, arguments: arguments), isKept: true) { [meter] reply in
                if case .integer = reply {} else { meter.count(.failure) }
            }
        }
    }

    public func examine() async -> [EngineFinding] { await client.examine() }

    public func close() async { await client.close() }

    /// What `TIME` and `GET` answered.
    /// - Throws: ``RedisError`` where Redis refused, or its clock cannot be read.
    private static func lookup(_ replies: [RedisReply], staleness: Int64) throws(RedisError) -> CacheLookup {
        guard replies.count == 2, let now = try replies[0].get().milliseconds else { throw .malformed("TIME answered \(replies.first ?? .none)") }
        switch try replies[1].get() {
        case .bytes(let bytes):
            // What is not ours to read counts as nothing, and the next entry takes its place.
            return CacheValue(bytes)?.lookup(at: now, staleness: staleness) ?? CacheLookup(entry: nil, isFresh: false, ticket: CacheTicket(moment: now))
        case .none: return CacheLookup(entry: nil, isFresh: false, ticket: CacheTicket(moment: now))
        case let reply: throw .malformed("GET answered \(reply)")
        }
    }

    /// Sends a command whose answer is only counted. It is worth sending for as long as a ticket is good.
    private func offer(_ command: RedisCommand, isKept: Bool, _ count: @escaping @Sendable (RedisReply) -> Void) {
        let deadline = Uptime.now + UInt64(lifetimes.ticket) * 1_000_000
        client.offer(
            RedisRequest(commands: [command], deadline: deadline, isKept: isKept) { [meter] result in
                switch result {
                case .success(let replies): count(replies.first ?? .none)
                case .failure(.away), .failure(.overloaded), .failure(.closed), .failure(.timedOut): meter.count(.dropped)
                case .failure: meter.count(.failure)
                }
            })
    }

    /// An answer that is an error, or none at all where one was due, is a failure; that Redis is away is not.
    private func note(_ error: any Error) {
        switch error as? RedisError {
        case .away, .closed, .overloaded: break
        default: meter.count(.failure)
        }
    }

    private func name(_ key: String) -> RedisArgument { .text(keyPrefix + key) }
}

import Storage
import Testing

/// What the cache port promises, as checks that every cache's tests run against their own:
///
///     @Test("keeps what the port promises", arguments: CacheConformance.allCases)
///     func conforms(_ promise: CacheConformance) async throws { try await promise.check { try subject($0) } }
///
/// A check reports through Swift Testing, so it may be called from a test only. Each makes a cache of its own, empty.
public enum CacheConformance: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case missing = "a key that nobody has put is a miss with a ticket"
    case contents = "bytes of every value and length come back as they went in"
    case newerWins = "a newer version replaces an older one, and never the other way round"
    case renewal = "the same version takes the place of one with an older ticket only"
    case invalidation = "an invalidation removes what is older, and leaves what is as new"
    case tombstone = "a tombstone refuses what is older, and lets in what is as new"
    case floorsRise = "a floor is never lowered"
    case manyFloors = "many keys are invalidated at once, each by its own version"
    case staleness = "an entry is fresh for the staleness from its ticket on, and then still there"
    case finality = "a final entry is fresh as long as it is there, but gives way to a newer version"
    case exactness = "without any staleness nothing is fresh but what is final"
    case oldTickets = "a ticket that has run out stores nothing"
    case foreignTickets = "a ticket of the future stores nothing"
    case lifetimes = "entries and tombstones end"
    case bounds = "what is too large, or has a version out of bounds, is dropped"
    case concurrency = "many put at once, and the newest version stays"
    case race = "no fresh entry is older than the staleness allows, and no client with a token goes back, also when invalidations are lost"
    case closing = "a closed cache finds nothing and takes nothing"

    public var testDescription: String { rawValue }

    /// Makes an empty cache with these times.
    public typealias Make = @Sendable (CachePolicy) async throws -> CacheSubject

    /// Runs the check.
    public func check(_ make: Make) async throws {
        let subject = try await make(policy)
        switch self {
        case .missing: try await missing(subject)
        case .contents: try await contents(subject)
        case .newerWins: try await newerWins(subject)
        case .renewal: try await renewal(subject)
        case .invalidation: try await invalidation(subject)
        case .tombstone: try await tombstone(subject)
        case .floorsRise: try await floorsRise(subject)
        case .manyFloors: try await manyFloors(subject)
        case .staleness: try await staleness(subject)
        case .finality: try await finality(subject)
        case .exactness: try await exactness(subject)
        case .oldTickets: try await oldTickets(subject)
        case .foreignTickets: try await foreignTickets(subject)
        case .lifetimes: try await lifetimes(subject)
        case .bounds: try await bounds(subject)
        case .concurrency: try await concurrency(subject)
        case .race: try await CacheRace(staleness: policy.maximumStaleness).run(subject)
        case .closing: try await closing(subject)
        }
        await subject.cache.close()
    }

    /// Long enough that nothing ends by accident, or short enough that a test can see it.
    private var policy: CachePolicy {
        var policy = CachePolicy()
        policy.maximumStaleness = .seconds(3600)
        switch self {
        case .staleness, .finality: policy.maximumStaleness = .milliseconds(200)
        case .exactness, .oldTickets: policy.maximumStaleness = .zero
        case .race: policy.maximumStaleness = .milliseconds(100)
        case .lifetimes:
            policy.maximumStaleness = .milliseconds(100)
            policy.entryLifetime = .milliseconds(300)
            policy.tombstoneLifetime = .milliseconds(300)
        default: break
        }
        return policy
    }
}

/// A cache under test.
public struct CacheSubject: Sendable {
    public let cache: any VersionedCache
    /// Waits until everything that was offered is done with.
    public let settle: @Sendable () async throws -> Void

    public init(_ cache: any VersionedCache, settle: @escaping @Sendable () async throws -> Void) { (self.cache, self.settle) = (cache, settle) }

    /// A ticket of now.
    func ticket(_ key: String = "ticket") async throws -> CacheTicket { try #require(await cache.get(key).ticket) }

    /// Puts an entry and waits until it is done with.
    func put(_ key: String, _ version: Int64, _ text: String = "", isFinal: Bool = false, ticket: CacheTicket? = nil) async throws {
        let ticket = if let ticket { ticket } else { try await self.ticket() }
        cache.put(key, CacheEntry(version: version, bytes: Array(text.utf8), isFinal: isFinal), ticket: ticket)
        try await settle()
    }

    /// Puts an entry until it is stored: a ticket that is good for a second runs out where a test is not given a thread in time.
    /// - Returns: the ticket with which it was stored.
    @discardableResult
    public func store(_ key: String, _ version: Int64, _ text: String = "", isFinal: Bool = false) async throws -> CacheTicket {
        let deadline = ContinuousClock.now + .seconds(240)
        repeat {
            let (ticket, before) = (try await ticket(), cache.statistics.stored)
            try await put(key, version, text, isFinal: isFinal, ticket: ticket)
            if cache.statistics.stored > before { return ticket }
        } while ContinuousClock.now < deadline
        throw NeverStored()
    }
    struct NeverStored: Error {}

    func invalidate(_ floors: (String, Int64)...) async throws {
        cache.invalidate(floors.map { CacheFloor(key: $0.0, version: $0.1) })
        try await settle()
    }

    /// The version and the text that are stored, as `version text`; nil for none.
    func stored(_ key: String) async -> String? { await cache.get(key).entry.map { "\($0.version) \(String(decoding: $0.bytes, as: UTF8.self))" } }
}

/// Waits for a condition. The end is far away, for it may be that other tests do not leave this one a thread for minutes.
public func eventually(_ what: Comment, _ condition: @Sendable () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(240)
    repeat {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    } while ContinuousClock.now < deadline
    Issue.record("in vain waited for: \(what)")
}

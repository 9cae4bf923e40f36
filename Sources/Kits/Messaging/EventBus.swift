import Storage
import Synchronization
import Wire

/// The event log of the embedded topology: committed events go from a producer's writer straight into the consumers' feeds, already decoded. The outbox tables
/// stand behind it: whoever was not there, or whose feed was full, reads them.
public final class EventBus: EventSink {
    private let feeds = Mutex<[EventFeed]>([])
    private let producers = Mutex<[String: any Database]>([:])
    /// What stored events are decoded with.
    public let registry: EventRegistry
    /// Where consumers queue up with events that may end the process.
    let suspicious = OneAtATime()

    /// A bus without members.
    public init(registry: EventRegistry) { self.registry = registry }

    /// Announces a service that has an outbox in this database.
    public func addProducer(_ source: String, database: any Database) { producers.withLock { $0[source] = database } }

    /// The services whose outbox numbers events in the order of their commits, so that a consumer's position tells what it has applied.
    var exactSources: Set<String> { producers.withLock { Set($0.filter { $0.value.commitsInOrder }.keys) } }

    /// Adds a consumer's feed. All are added before the first event is committed.
    public func add(_ feed: EventFeed) { feeds.withLock { $0.append(feed) } }

    /// All services that have an outbox, sorted.
    public var sources: [String] { producers.withLock { $0.keys.sorted() } }

    public func committed(_ events: [Envelope], from source: String) {
        // Those that observe were added last and are told first: whoever reacts at once must not be heard of before what he reacts to.
        for feed in feeds.withLock({ $0 }).reversed() { feed.offer(events, from: source) }
    }

    /// Reads a producer's outbox after a sequence number.
    func read(_ source: String, after sequence: Int64, limit: Int, types: Set<String>?, registry: EventRegistry) async throws -> OutboxPiece {
        guard let database = producers.withLock({ $0[source] }) else { return OutboxPiece() }
        return try await database.read { try Outbox.read(after: sequence, limit: limit, types: types, registry: registry, in: $0) }
    }

    /// The newest sequence number in a producer's outbox.
    func last(_ source: String) async throws -> Int64 {
        guard let database = producers.withLock({ $0[source] }) else { return 0 }
        return try await database.read { try Outbox.last(in: $0) }
    }

    /// Up to which sequence number every consumer has applied a producer's events: what may be pruned.
    public func appliedByAll(from source: String) -> Int64 {
        feeds.withLock { $0 }.map { $0.applied(from: source) }.min() ?? 0
    }
}

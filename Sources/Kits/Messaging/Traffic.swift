import Storage
import Synchronization
import Wire

/// What the runtime's tables say about the events, jobs and timers that are on their way.
public enum Traffic {
    /// A service as its traffic is watched.
    public struct Service: Sendable {
        /// The service's name, which is also that of its consumer.
        public let name: String
        /// Where its outbox, parked events, jobs and timers are.
        public let database: any Database
        /// The types that its consumer subscribes to; nil for all.
        public let hears: Set<String>?
        /// The types that it says.
        public let says: Set<String>
        public init(name: String, database: any Database, hears: Set<String>?, says: Set<String>) {
            (self.name, self.database, self.hears, self.says) = (name, database, hears, says)
        }

        func hears(_ type: String) -> Bool { hears?.contains(type) ?? true }
        func listens(to other: Service) -> Bool { hears.map { !$0.isDisjoint(with: other.says) } ?? true }
    }

    /// An event in a producer's outbox that a consumer has not applied.
    public struct Pending: Sendable, Equatable {
        /// The service that said it.
        public let source: String
        /// The service that has not applied it, or not all of it.
        public let consumer: String
        /// The event's type.
        public let type: String
        /// The order it belongs to, or the product.
        public let key: Identifier
    }

    /// An event that failed and waits for its next attempt, or behind one that does.
    public struct Parked: Sendable, Equatable {
        /// The service that has not applied it, or not all of it.
        public let consumer: String
        /// The event's own id.
        public let eventID: Identifier
        /// The order it belongs to, or the product.
        public let key: Identifier
        /// The event's type.
        public let type: String
        /// How often it was tried.
        public let attempts: Int64
        /// When it is to be tried next, or was to be done.
        public let due: Timestamp
        /// How the last attempt ended.
        public let error: String
        /// Since when it is so.
        public let since: Timestamp
    }

    /// An event that was given up.
    public struct Dead: Sendable, Equatable {
        /// The service that has not applied it, or not all of it.
        public let consumer: String
        /// The event's own id.
        public let eventID: Identifier
        /// The order it belongs to, or the product.
        public let key: Identifier
        /// The event's type.
        public let type: String
        /// How often it was tried.
        public let attempts: Int64
        /// How the last attempt ended.
        public let error: String
        /// Since when it is so.
        public let since: Timestamp
    }

    /// A call to the outside that is to be made, or is being made.
    public struct Waiting: Sendable, Equatable {
        /// The service whose row it is.
        public let service: String
        /// The job's id, which is the idempotency key of its call.
        public let id: Identifier
        /// What is to be done, by its name in the service.
        public let kind: String
        /// The order it belongs to, or the product.
        public let key: Identifier
        /// How often it was tried.
        public let attempts: Int64
        /// When it is to be tried next, or was to be done.
        public let due: Timestamp
        /// How the last attempt ended.
        public let error: String?
    }

    /// A timer that should have fired.
    public struct Late: Sendable, Equatable {
        /// The service whose row it is.
        public let service: String
        /// What is to be done, by its name in the service.
        public let kind: String
        /// The order it belongs to, or the product.
        public let key: Identifier
        /// When it is to be tried next, or was to be done.
        public let due: Timestamp
    }

    /// How far behind a consumer is in a producer's log.
    public struct Lag: Sendable, Equatable {
        /// The service that said it.
        public let source: String
        /// The service that has not applied it, or not all of it.
        public let consumer: String
        /// Events, at least.
        public let events: Int
        /// When the oldest of them was said.
        public let since: Timestamp
    }

    /// One look at everything.
    public struct Snapshot: Sendable {
        /// Events that a consumer has not applied.
        public var pending: [Pending] = []
        /// Events that wait after a failure.
        public var parked: [Parked] = []
        /// Events that were given up and not closed.
        public var dead: [Dead] = []
        /// Calls to the outside that are not done.
        public var jobs: [Waiting] = []
        /// Timers that should have fired.
        public var late: [Late] = []
        /// How far each consumer is behind each producer.
        public var lags: [Lag] = []
        /// More is on its way than one look takes in: nothing can be said to be at rest.
        public var isBeyondSight = false
    }
}

/// Looks at the traffic of all services.
///
/// Positions are read first and outboxes second. A consumer's effect that is missing when its tables are read after this look was therefore still on its way
/// during it, or is really missing: an event that the consumer had not applied by then was in the outbox (nothing unapplied is pruned) and beyond the position.
///
/// Where a broker carries the events, what has left the outbox and is not applied is with the broker, which tells how many events a consumer has before it, not which. As long as those
/// get fewer they are on their way for a moment only, shorter than an auditor's patience; where they do not, nothing is said to be at rest.
public struct TrafficReader: Sendable {
    /// How many events a consumer has before it at the broker; nil where that is not known.
    public typealias Lag = @Sendable (_ consumer: String) async throws -> Int?
    /// More events before a consumer than it applies in a moment.
    private static let longLag = 2000
    /// The most rows of a table that one look reads.
    private static let limit: Int64 = 20_000
    private let services: [Traffic.Service]
    private let lag: Lag?
    private let lags = LagMemory()

    private static let positions = SQL("SELECT source, sequence FROM positions")
    private static let parked = SQL("SELECT event_id, key, type, attempts, due_at, error, parked_at FROM parked ORDER BY number LIMIT $1")
    private static let dead = SQL("SELECT event_id, key, type, attempts, error, died_at FROM dead_letters WHERE state = 0 ORDER BY event_id LIMIT $1")
    private static let jobs = SQL("SELECT id, kind, key, attempts, due_at, error FROM jobs LIMIT $1")
    private static let timers = SQL("SELECT due_at, kind, key FROM timers WHERE due_at < $1 ORDER BY due_at LIMIT $2")
    /// What goes to a topic of its own is a dead letter, which nobody waits for.
    private static let outbox = SQL("SELECT sequence, type, key FROM outbox WHERE sequence > $1 AND topic IS NULL ORDER BY sequence LIMIT $2")
    private static let body = SQL("SELECT body FROM outbox WHERE sequence = $1")

    /// - Parameter lag: asks the broker, where one carries the events.
    public init(_ services: [Traffic.Service], lag: Lag? = nil) { (self.services, self.lag) = (services, lag) }

    /// Looks at everything once.
    /// - Parameter now: timers that were due before this moment are late.
    public func look(at now: Timestamp) async throws -> Traffic.Snapshot {
        var snapshot = Traffic.Snapshot()
        var positions: [String: [String: Int64]] = [:]
        for service in services {
            let state = try await service.database.read { try TrafficReader.state(of: service.name, lateAt: now, in: $0) }
            // With a broker whatever is in an outbox has not been published: nobody has applied it.
            positions[service.name] = lag == nil ? state.positions : [:]
            snapshot.parked += state.parked
            snapshot.dead += state.dead
            snapshot.jobs += state.jobs
            snapshot.late += state.late
            if [state.parked.count, state.dead.count, state.jobs.count].contains(Int(TrafficReader.limit)) { snapshot.isBeyondSight = true }
        }
        for source in services { try await pending(from: source, positions, &snapshot) }
        if let lag {
            for service in services where service.hears?.isEmpty != true {
                let events = try? await lag(service.name)
                if lags.isStuck(service.name, events ?? .max, longLag: TrafficReader.longLag) { snapshot.isBeyondSight = true }
            }
        }
        return snapshot
    }

    /// What was before each consumer at the last look.
    private final class LagMemory: Sendable {
        private let lags = Mutex<[String: Int]>([:])

        /// Whether a consumer has too much before it, or does not get on.
        func isStuck(_ consumer: String, _ lag: Int, longLag: Int) -> Bool {
            let before = lags.withLock { lags in
                defer { lags[consumer] = lag }
                return lags[consumer] ?? 0
            }
            return lag > longLag || lag > 0 && before > 0 && lag >= before
        }
    }

    private struct State: Sendable {
        let positions: [String: Int64]
        let parked: [Traffic.Parked]
        let dead: [Traffic.Dead]
        let jobs: [Traffic.Waiting]
        let late: [Traffic.Late]
    }

    private static func state(of service: String, lateAt now: Timestamp, in transaction: any ReadTransaction) throws -> State {
        let limit = SQLValue.integer(limit)
        return State(
            positions: Dictionary(try transaction.query(positions) { ($0.text(0), $0.integer(1)) }, uniquingKeysWith: max),
            parked: try transaction.query(parked, [limit]) {
                Traffic.Parked(
                    consumer: service, eventID: $0.id(0), key: $0.id(1), type: $0.text(2), attempts: $0.integer(3), due: $0.time(4), error: $0.text(5),
                    since: $0.time(6))
            },
            dead: try transaction.query(dead, [limit]) {
                Traffic.Dead(
                    consumer: service, eventID: $0.id(0), key: $0.id(1), type: $0.text(2), attempts: $0.integer(3), error: $0.text(4), since: $0.time(5))
            },
            jobs: try transaction.query(jobs, [limit]) {
                Traffic.Waiting(
                    service: service, id: $0.id(0), kind: $0.text(1), key: $0.id(2), attempts: $0.integer(3), due: $0.time(4), error: $0.optionalText(5))
            },
            late: try transaction.query(timers, [.time(now), limit]) {
                Traffic.Late(service: service, kind: $0.text(1), key: $0.id(2), due: $0.time(0))
            })
    }

    /// The events of one producer that some consumer has not applied.
    private func pending(from source: Traffic.Service, _ positions: [String: [String: Int64]], _ snapshot: inout Traffic.Snapshot) async throws {
        let listeners = services.filter { $0.listens(to: source) }.map { (service: $0, position: positions[$0.name]?[source.name] ?? 0) }
        guard let start = listeners.map(\.position).min() else { return }
        let rows = try await source.database.read { transaction in
            try transaction.query(TrafficReader.outbox, [.integer(start), .integer(TrafficReader.limit)]) { ($0.integer(0), $0.text(1), $0.id(2)) }
        }
        if rows.count == Int(TrafficReader.limit) { snapshot.isBeyondSight = true }
        for (consumer, position) in listeners {
            var count = 0
            var oldest: Int64?
            for (sequence, type, key) in rows where sequence > position && consumer.hears(type) {
                snapshot.pending.append(Traffic.Pending(source: source.name, consumer: consumer.name, type: type, key: key))
                count += 1
                oldest = oldest ?? sequence
            }
            // A row that is gone by now has been applied and pruned.
            if let oldest, let since = try await time(of: oldest, in: source.database) {
                snapshot.lags.append(Traffic.Lag(source: source.name, consumer: consumer.name, events: count, since: since))
            }
        }
    }

    private func time(of sequence: Int64, in database: any Database) async throws -> Timestamp? {
        let body = try await database.read { try $0.first(TrafficReader.body, [.integer(sequence)]) { $0.bytes(0) } }
        // A damaged row is its consumers' to find.
        guard let body, let json = try? JSONParser.parse(body).object else { return nil }
        return try? json.timestamp("timestamp")
    }
}

import Logging
import Metrics
import Resilience
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// What a service does when events arrive.
///
/// `react` is synchronous and decides on the transaction and the context alone, so that it can be simulated, run twice and batched. It gets events in
/// order per order, none twice. What it throws sends the guilty event into parking; a refusal of the domain is not thrown.
public protocol EventHandler: Sendable {
    /// The types it wants; nil for all.
    var subscriptions: Set<String>? { get }
    /// Whether the handler's own tables refuse a second delivery of an event, so that no inbox row is needed.
    var deduplicatesItself: Bool { get }
    /// Applies a batch.
    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws
}

extension EventHandler {
    public var deduplicatesItself: Bool { false }
}

/// Drives one handler: batches from the feed, one transaction each, with inbox rows and positions; parking and dead letters when an event fails.
public final class Consumer: Service, CustomStringConvertible {
    private static let schedule = RetrySchedule.eventConsumer
    /// How often an event that was too new is looked at again; the program may have been updated in the meantime.
    private static let updateCheckMilliseconds: Int64 = 10_000

    public let feed: EventFeed
    private let handler: any EventHandler
    private let database: any Database
    private let bus: EventBus
    private let context: ServiceContext
    private let logger: Logger
    private let maximumBatch: Int
    /// What it understands, where that is not what the bus understands.
    private let ownRegistry: EventRegistry?
    private var registry: EventRegistry { ownRegistry ?? bus.registry }
    /// Whether the parking table may have rows; spares the healthy case a query per batch.
    private let mayBeParked = Atomic<Bool>(true)
    private let applied: Counter
    private let failed: Counter
    private let dead: Counter

    public var description: String { "consumer \(context.service)" }

    /// A consumer of this handler on this database.
    /// - Parameter registry: what it understands, where it is to stand for a consumer of another release; events are then read from their bodies, as in another
    ///   process. Nil for what the bus understands.
    public init(
        handler: any EventHandler, database: any Database, bus: EventBus, context: ServiceContext, logger: Logger, maximumBatch: Int = 2048,
        feedCapacity: Int = 8192, registry: EventRegistry? = nil
    ) {
        ownRegistry = registry
        (self.handler, self.database, self.bus, self.context, self.logger, self.maximumBatch) = (handler, database, bus, context, logger, maximumBatch)
        feed = EventFeed(consumer: context.service, types: handler.subscriptions, capacity: feedCapacity)
        applied = Counter(label: "waybill_events_applied", dimensions: [("consumer", context.service)])
        failed = Counter(label: "waybill_events_failed", dimensions: [("consumer", context.service)])
        dead = Counter(label: "waybill_dead_letters", dimensions: [("consumer", context.service)])
        bus.add(feed)
    }

    /// Reads where the consumer stood when the process ended, so that it goes on from there. Must be called before any service commits an event.
    public func prepare() async throws {
        let positions = try await database.read { try Inbox.positions(in: $0) }
        CrashPoint.inPreparation.reached(in: context.service)
        for source in bus.sources {
            let last = try await bus.last(source)
            feed.begin(source, applied: positions[source] ?? 0, announced: last)
        }
    }

    /// Works until the process is shut down; the batch at hand is finished.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.retryLoop() }
                while await self.step(await self.feed.next(limit: self.maximumBatch)) {}
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.feed.stop()
        }
    }

    /// Does one piece of work; false when it was to stop.
    package func step(_ work: EventFeed.Work) async -> Bool {
        switch work {
        case .stop: return false
        case .apply(let events):
            if await apply(asReadHere(events)) { feed.completed(events) }
        case .catchUp(let source, let after, let announced):
            CrashPoint.beforeCatchUp.reached(in: context.service)
            do {
                let (events, last) = try await bus.read(source, after: after, limit: maximumBatch, types: handler.subscriptions, registry: registry)
                // Nothing there means pruned, through what was announced before we looked: an event committed since is still to come.
                feed.caughtUp(source, events: events.count, through: last ?? announced)
                if await apply(events) { feed.completed(events) }
            } catch {
                logger.error("cannot read an outbox", metadata: ["source": "\(source)", "error": "\(error)"])
                try? await context.clock.sleep(for: .seconds(1))
            }
        }
        return true
    }

    /// Events from memory as this consumer would have read them.
    private func asReadHere(_ events: [Envelope]) -> [Envelope] {
        guard let ownRegistry else { return events }
        // What was encoded in this process is no broken body; were it one, the event as it was handed over is as good.
        return events.map { (try? Envelope(arriving: $0.body, key: $0.key, registry: ownRegistry, sequence: $0.sequence)) ?? $0 }
    }

    /// Applies a batch in one transaction; if it throws, its halves, until the guilty event stands alone and is parked.
    /// - Returns: whether all of it is durable. If not, the process is ending, and the events must stay in their producer's outbox for the next start.
    private func apply(_ events: [Envelope]) async -> Bool {
        if events.isEmpty { return true }
        var wait: Duration = .milliseconds(100)
        while true {
            do {
                try await database.write { try self.apply(events, in: $0) }
                applied.increment(by: events.count)
                return true
            } catch let error as StorageError where Consumer.isOutage(error) {
                if Consumer.isFinal(error) { return false }
                logger.error("storage is not available; the batch waits", metadata: ["error": "\(error)"])
                try? await context.clock.sleep(for: wait)
                if Task.isCancelled { return false }
                wait = min(wait * 2, .seconds(5))
            } catch {
                if events.count == 1 { return await park(events[0], error) }
                // Halving finds the guilty event of a batch of thousands in a dozen steps; one by one, each with its commit, would hold up the others.
                let half = events.count / 2
                guard await apply(Array(events[..<half])) else { return false }
                return await apply(Array(events[half...]))
            }
        }
    }

    /// Failures that say nothing about the event: the same batch is tried again.
    private static func isOutage(_ error: StorageError) -> Bool {
        switch error {
        case .full, .broken, .overloaded, .closed: true
        case .constraint, .failed: false
        }
    }

    /// Failures after which this process can do nothing more with its database: waiting for it would keep the process from ending, and only the next start can
    /// tell what is durable.
    private static func isFinal(_ error: StorageError) -> Bool {
        switch error {
        case .broken, .closed: true
        case .full, .overloaded, .constraint, .failed: false
        }
    }

    private func apply(_ events: [Envelope], in transaction: any Transaction) throws {
        var fresh = handler.deduplicatesItself ? events : try Inbox.admit(events, in: transaction)
        if mayBeParked.load(ordering: .relaxed) {
            let keys = try Parking.parkedKeys(of: fresh, in: transaction)
            let now = context.now
            for event in fresh where keys.contains(event.key) {
                try Parking.park(event, attempts: 0, due: now, error: Parking.waitsBehind, now: now, in: transaction)
            }
            if !keys.isEmpty { fresh.removeAll { keys.contains($0.key) } }
        }
        if fresh.contains(where: { !$0.isReadable }) { fresh = try holdUnreadable(fresh, in: transaction) }
        if !fresh.isEmpty { try handler.react(to: fresh, in: transaction, context: context) }
        try Inbox.advance(positions(of: events), in: transaction)
    }

    /// Parks what is too new for this program, with all later events of the same order behind it, until the program is updated: during a rolling update a producer
    /// may be ahead of its consumers, which must neither lose nor bury what it says.
    /// - Returns: the events that can be applied.
    private func holdUnreadable(_ events: [Envelope], in transaction: any Transaction) throws -> [Envelope] {
        var (ready, held): ([Envelope], Set<Identifier>) = ([], [])
        let now = context.now
        for event in events {
            if event.isReadable, !held.contains(event.key) {
                ready.append(event)
                continue
            }
            held.insert(event.key)
            let error = event.isReadable ? Parking.waitsBehind : Parking.waitsForUpdate
            let due = event.isReadable ? now : now.advanced(byMilliseconds: Consumer.updateCheckMilliseconds)
            try Parking.park(event, attempts: 0, due: due, error: error, now: now, in: transaction)
        }
        let count = events.count - ready.count
        transaction.onCommit {
            self.mayBeParked.store(true, ordering: .relaxed)
            self.logger.warning("events are too new for this program; they wait until it is updated", metadata: ["count": "\(count)"])
        }
        return ready
    }

    private func positions(of events: [Envelope]) -> [String: Int64] {
        var positions: [String: Int64] = [:]
        for event in events where event.sequence > 0 { positions[event.source] = max(positions[event.source] ?? 0, event.sequence) }
        return positions
    }

    private func park(_ event: Envelope, _ error: any Error) async -> Bool {
        failed.increment()
        logger.warning(
            "an event failed and is parked", metadata: ["event": "\(event.type)", "id": "\(event.id)", "order": "\(event.key)", "error": "\(error)"])
        let context = self.context
        let admits = !handler.deduplicatesItself
        let positions = positions(of: [event])
        let text = "\(error)"
        return await retryingOutages {
            try await self.database.write { transaction in
                if admits { guard try !Inbox.admit([event], in: transaction).isEmpty else { return } }
                let now = context.now
                let due = now.advanced(byMilliseconds: Consumer.schedule.delaysMilliseconds[0])
                try Parking.park(event, attempts: 1, due: due, error: text, now: now, in: transaction)
                transaction.onCommit { self.mayBeParked.store(true, ordering: .relaxed) }
                try Inbox.advance(positions, in: transaction)
            }
        }
    }

    private func retryingOutages(_ body: () async throws -> Void) async -> Bool {
        while !Task.isCancelled {
            do {
                try await body()
                return true
            } catch {
                logger.error("storage is not available", metadata: ["error": "\(error)"])
                if let error = error as? StorageError, Consumer.isFinal(error) { return false }
                try? await context.clock.sleep(for: .seconds(1))
            }
        }
        return false
    }

    private func retryLoop() async {
        while !Task.isCancelled {
            do {
                try await context.clock.sleep(for: .milliseconds(100))
                if mayBeParked.load(ordering: .relaxed) { while try await retryParked() > 0 {} }
            } catch is CancellationError { return } catch StorageError.closed { return } catch {
                logger.error("cannot retry parked events", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Tries the due parked events again, one transaction each: the step that a simulation drives.
    /// - Returns: how many left the parking.
    package func retryParked() async throws -> Int {
        let now = context.now
        // The flag follows the order of the commits: set after this returned, it could hide an event that was parked meanwhile.
        let due = try await database.write { transaction in
            if try Parking.isEmpty(in: transaction) { transaction.onCommit { self.mayBeParked.store(false, ordering: .relaxed) } }
            return try Parking.due(at: now, limit: 100, in: transaction)
        }
        var released = 0
        for entry in due where try await retry(entry) { released += 1 }
        return released
    }

    private func retry(_ entry: Parking.Entry) async throws -> Bool {
        let (handler, context, registry) = (self.handler, self.context, self.registry)
        do {
            return try await database.write { transaction in
                let event = try Envelope(arriving: entry.body, key: entry.key, registry: registry)
                guard event.isReadable else {
                    // No attempt is counted: nothing is wrong with the event.
                    let due = context.now.advanced(byMilliseconds: Consumer.updateCheckMilliseconds)
                    try Parking.postpone(entry, attempts: entry.attempts, due: due, error: Parking.waitsForUpdate, in: transaction)
                    return false
                }
                try Parking.remove(entry, in: transaction)
                try handler.react(to: [event], in: transaction, context: context)
                return true
            }
        } catch let error as StorageError where Consumer.isOutage(error) {
            throw error
        } catch {
            return try await count(entry, error: "\(error)")
        }
    }

    /// Counts a failed attempt; after the last one the event becomes a dead letter and those behind it go on.
    private func count(_ entry: Parking.Entry, error: String) async throws -> Bool {
        failed.increment()
        let attempts = entry.attempts + 1
        let topic = bus.registry[entry.type]?.topic ?? "unknown"
        let delay = Consumer.schedule.delayMilliseconds(afterAttempt: Int(attempts))
        let now = context.now
        try await database.write { transaction in
            if let delay {
                let due = now.advanced(byMilliseconds: delay)
                try Parking.postpone(entry, attempts: attempts, due: due, error: error, in: transaction)
            } else {
                try Parking.bury(entry, topic: topic, attempts: attempts, error: error, now: now, in: transaction)
            }
        }
        if delay == nil {
            dead.increment()
            logger.error(
                "an event became a dead letter", metadata: ["id": "\(entry.eventID)", "type": "\(entry.type)", "order": "\(entry.key)", "error": "\(error)"])
        }
        return delay == nil
    }
}

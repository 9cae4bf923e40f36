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
    /// Whether an event may wait a moment, until another one comes that may not: one that means nothing to the handler is worth no transaction of its own.
    func canWait(_ event: Envelope) -> Bool
    /// Applies a batch.
    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws
}

extension EventHandler {
    public var deduplicatesItself: Bool { false }
    public func canWait(_ event: Envelope) -> Bool { false }
}

/// Drives one handler: batches from the feed, one transaction each, with its position (and inbox rows, where the position does not tell what was applied); parking and dead
/// letters when an event fails.
///
/// Events that are in trouble (parked ones) or may be (those that were in flight when the process ended without warning) are counted durably before they are
/// handled, so that one that ends the process is found and becomes a dead letter like any other (RELIABILITY, trap 13). All others cost no statement more.
public final class Consumer: Service, CustomStringConvertible {
    static let schedule = RetrySchedule.eventConsumer

    /// The queue of what was committed.
    public let feed: EventFeed
    /// How many events are parked or dead; gauges.
    public let backlog: ConsumerBacklog
    let handler: any EventHandler
    let database: any Database
    let bus: EventBus
    let context: ServiceContext
    let logger: Logger
    private let maximumBatch: Int
    /// What it understands, where that is not what the bus understands.
    let ownRegistry: EventRegistry?
    var registry: EventRegistry { ownRegistry ?? bus.registry }
    /// Whether the parking table may have rows; spares the healthy case a query per batch.
    let mayBeParked = Atomic<Bool>(true)
    /// What is left of a start after a crash; nil as soon as that is over.
    let careful = Mutex<CarefulStart?>(nil)
    /// The logs whose numbers tell what was applied, and from which number on they do.
    let exactLogs = Mutex<[String: Int64]>([:])
    /// What it must mind where other processes of its service work on the same database; nil where it is alone.
    let replicas: Replicas?
    /// Whether the process is ending: then storage that is away is not waited for, and what was not applied stays where it is.
    private let isStopping = Atomic<Bool>(false)
    /// The partitions that the batch at hand came from.
    let partitions = Mutex<[String]>([])
    private let applied: Counter
    let failed: Counter
    let dead: Counter

    public var description: String { "consumer \(context.service)" }

    /// A consumer of this handler on this database.
    /// - Parameters:
    ///   - registry: what it understands, where it is to stand for a consumer of another release; events are then read from their bodies, as in another
    ///     process. Nil for what the bus understands.
    ///   - replicas: what it must mind where it is not alone with its database.
    public init(
        handler: any EventHandler, database: any Database, bus: EventBus, context: ServiceContext, logger: Logger, maximumBatch: Int = 2048,
        feedCapacity: Int = 8192, registry: EventRegistry? = nil, replicas: Replicas? = nil
    ) {
        (ownRegistry, self.replicas, backlog) = (registry, replicas, ConsumerBacklog(isRead: replicas != nil))
        (self.handler, self.database, self.bus, self.context, self.logger, self.maximumBatch) = (handler, database, bus, context, logger, maximumBatch)
        feed = EventFeed(consumer: context.service, types: handler.subscriptions, capacity: feedCapacity, canWait: handler.canWait)
        applied = Counter(label: "waybill_events_applied", dimensions: [("consumer", context.service)])
        failed = Counter(label: "waybill_events_failed", dimensions: [("consumer", context.service)])
        dead = Counter(label: "waybill_dead_letters", dimensions: [("consumer", context.service)])
        bus.add(feed)
    }

    /// What operators do with the events that this consumer could not apply.
    public var deadLetters: any DeadLetterDesk {
        LocalDeadLetterDesk(handler: handler, database: database, registry: registry, suspicious: bus.suspicious, context: context, backlog: backlog)
    }

    /// Reads where the consumer stood when the process ended, and whether it ended properly, so that it goes on from there. Must be called before any service
    /// commits an event.
    public func prepare() async throws {
        var last: [String: Int64] = [:]
        for source in bus.sources { last[source] = try await bus.last(source) }
        let now = context.now
        let (positions, wasProper, suspects, parked, dead) = try await database.write { transaction in
            (
                try Inbox.positions(in: transaction), try Runs.begin(at: now, in: transaction), try Attempts.unfinished(in: transaction),
                try Parking.count(in: transaction), try DeadLetters.openCount(in: transaction)
            )
        }
        CrashPoint.inPreparation.reached(in: context.service)
        trust(positions, last)
        let exact = bus.exactSources
        for (source, last) in last { feed.begin(source, applied: positions[source] ?? 0, announced: last, isExact: exact.contains(source)) }
        backlog.set(parked: parked, deadLetters: dead)
        let start = CarefulStart(positions: positions, last: last, suspects: suspects)
        careful.withLock { $0 = wasProper || start.isOver ? nil : start }
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
            self.stop()
            self.feed.stop()
        }
        await ended()
    }

    /// The process is ending: the batch at hand is finished, unless storage is away.
    func stop() { isStopping.store(true, ordering: .relaxed) }

    /// Whether what cannot be done now is left to another process, or to the next start.
    private var isOver: Bool { isStopping.load(ordering: .relaxed) || Task.isCancelled }

    /// Notes that this run ended as it should. If that cannot be written, the next start is a careful one: slower, not wrong.
    func ended() async { try? await database.write { try Runs.end(in: $0) } }

    /// Reads how the last run of this service ended, for a consumer that a broker delivers to.
    /// - Returns: whether some process of it ended without warning, so that what it had in its hands is to be handled with care.
    func prepareForBroker() async throws -> Bool {
        let now = context.now
        let (wasProper, suspects) = try await database.write { transaction in
            (try Runs.begin(at: now, in: transaction), try Attempts.unfinished(in: transaction))
        }
        CrashPoint.inPreparation.reached(in: context.service)
        // The broker's log has no end that could be known here: care ends by count, not by place.
        careful.withLock { $0 = wasProper ? nil : CarefulStart(positions: [:], last: ["broker": .max], suspects: suspects) }
        return !wasProper
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
                let piece = try await bus.read(source, after: after, limit: maximumBatch, types: handler.subscriptions, registry: registry)
                // Nothing there means pruned, through what was announced before we looked: an event committed since is still to come.
                let last = piece.last ?? announced
                feed.caughtUp(source, events: piece.events.count, through: last)
                let isCareful = careful.withLock { $0?.covers(source) ?? false }
                guard isCareful ? await applyCarefully(piece.events) : await apply(piece.events) else { return true }
                if let broken = piece.broken { guard await park(broken, from: source) else { return true } }
                feed.completed(piece.events)
                if isCareful { passedCarefully(source, through: last) }
            } catch {
                logger.error("cannot read an outbox", metadata: ["source": "\(source)", "error": "\(error)"])
                try? await context.clock.sleep(for: .seconds(1))
            }
        }
        return true
    }

    /// Applies a batch in one transaction; if it throws, its halves, until the guilty event stands alone and is parked.
    /// - Parameter attempt: which attempt this is, if it was counted before; 0 for the healthy case, which is not.
    /// - Returns: whether all of it is durable. If not, the process is ending, and the events must stay in their producer's outbox for the next start.
    func apply(_ events: [Envelope], counted attempt: Int64 = 0) async -> Bool {
        if events.isEmpty { return true }
        var wait: Duration = .milliseconds(100)
        while true {
            do {
                try await database.write { try self.apply(events, counted: attempt, in: $0) }
                applied.increment(by: events.count)
                return true
            } catch let lost as PartitionClaims.Lost {
                logger.notice("a batch is left to another process", metadata: ["partition": "\(lost.partition)"])
                return false
            } catch let error as StorageError where error.isOutage {
                if error.isFinal || isOver { return false }
                logger.error("storage is not available; the batch waits", metadata: ["error": "\(error)"])
                try? await context.clock.sleep(for: wait)
                if isOver { return false }
                wait = min(wait * 2, .seconds(5))
            } catch {
                if events.count == 1 { return await park(events[0], error, attempt: max(1, attempt)) }
                // Halving finds the guilty event of a batch of thousands in a dozen steps; one by one, each with its commit, would hold up the others.
                let half = events.count / 2
                guard await apply(Array(events[..<half]), counted: attempt) else { return false }
                return await apply(Array(events[half...]), counted: attempt)
            }
        }
    }

    private func apply(_ events: [Envelope], counted attempt: Int64, in transaction: any Transaction) throws {
        // Both are asked together with the inbox; another process may have parked something since this one looked.
        let isOurs = try askForClaims(in: transaction)
        let isParkingEmpty = try replicas.map { _ in try Parking.askWhetherEmpty(in: transaction) }
        var fresh = try admit(events, in: transaction)
        try transaction.awaitAnswers()
        try isOurs()
        if attempt > 0 { try Attempts.forget(fresh.map(\.id), in: transaction) }
        if isParkingEmpty.map({ !$0() }) ?? mayBeParked.load(ordering: .relaxed) {
            let keys = try Parking.parkedKeys(of: fresh, in: transaction)
            let now = context.now
            for event in fresh where keys.contains(event.key) {
                try park(.init(event), attempts: 0, due: now, error: Parking.waitsBehind, now: now, in: transaction)
            }
            if !keys.isEmpty { fresh.removeAll { keys.contains($0.key) } }
        }
        if fresh.contains(where: { !$0.isReadable }) { fresh = try holdUnreadable(fresh, in: transaction) }
        if !fresh.isEmpty { try handler.react(to: fresh, in: transaction, context: context) }
        try Inbox.advance(positions(of: events), in: transaction)
    }

    func positions(of events: [Envelope]) -> [String: Int64] {
        var positions: [String: Int64] = [:]
        // Events come in runs of one source: looking the source up for each of them would cost more than its number.
        var (source, newest): (String, Int64) = ("", 0)
        func keep() { if newest > 0 { positions[source] = max(positions[source] ?? 0, newest) } }
        for event in events where event.sequence > 0 {
            if event.source != source {
                keep()
                (source, newest) = (event.source, 0)
            }
            newest = max(newest, event.sequence)
        }
        keep()
        return positions
    }

    /// Makes sure that nobody else has been given what this batch came from.
    func checkClaims(in transaction: any Transaction) throws {
        let isOurs = try askForClaims(in: transaction)
        try transaction.awaitAnswers()
        try isOurs()
    }

    /// Asks whether somebody else has been given what this batch came from.
    /// - Returns: what throws if so, once the answers are there.
    private func askForClaims(in transaction: any Transaction) throws -> () throws -> Void {
        guard let replicas else { return {} }
        return try replicas.claims.check(self.partitions.withLock { $0 }, in: transaction)
    }

    func retryingOutages(_ body: () async throws -> Void) async -> Bool {
        while true {
            do {
                try await body()
                return true
            } catch is PartitionClaims.Lost { return false } catch {
                logger.error("storage is not available", metadata: ["error": "\(error)"])
                if isOver || (error as? StorageError)?.isFinal == true { return false }
                try? await context.clock.sleep(for: .seconds(1))
                if isOver { return false }
            }
        }
    }
}

extension StorageError {
    /// Failures that say nothing about the event: it is tried again.
    var isOutage: Bool {
        switch self {
        case .full, .broken, .overloaded, .away, .uncertain, .closed: true
        case .constraint, .failed: false
        }
    }

    /// Failures after which this process can do nothing more with its database: waiting for it would keep the process from ending, and only the next start can
    /// tell what is durable.
    var isFinal: Bool {
        switch self {
        case .broken, .closed: true
        case .full, .overloaded, .away, .uncertain, .constraint, .failed: false
        }
    }
}

import Logging
import Metrics
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Publishes a service's outbox to a broker: reads the oldest rows, publishes them in their order, and deletes them once the broker has them durably.
///
/// One process of a service relays at a time, by a ``Lease``. A crash between publishing and deleting publishes again; consumers know what they have seen. Rows of one order are
/// written in the order of its changes, because whoever changes an order has locked it first, so publishing by sequence number keeps every order's events in order; a row that
/// is committed late comes out in a later round. A message that the broker refuses holds up its own order only, and a topic that it does not take its own messages only; both are
/// reported, and tried again now and then.
public final class OutboxRelay: Service, CustomStringConvertible {
    /// How long a relay rests without being woken: what bounds the delay of events that another process has written, where it cannot wake this one.
    private static let rest: Duration = .milliseconds(200)
    private static let longestPause: Duration = .seconds(10)
    /// After so many refusals a round ends: each of them is a call of the broker.
    private static let maximumRefusals = 100
    /// For how many rows that cannot be read it is remembered when they were first seen.
    private static let maximumRemembered = 10_000

    private struct Gauges {
        var backlog = 0
        var oldest: Timestamp?
        var held = 0
        /// Of what is not held back: how many, and when the oldest of them was decided.
        var pending: (events: Int, since: Timestamp?) = (0, nil)
    }

    private let database: any Database
    private let broker: any EventBroker
    private let lease: Lease
    private let registry: EventRegistry
    private let context: ServiceContext
    private let logger: Logger
    private let interval: Duration
    private let alarm = Alarm()
    private let heldMessages = Mutex(HeldMessages())
    private let gauges = Mutex(Gauges())
    /// When rows that do not tell their time were seen for the first time, by sequence number.
    private let sightings = Mutex<[Int64: Timestamp]>([:])
    private let published: Counter
    private let failures: Counter

    public var description: String { "relay \(context.service)" }
    /// Whose outbox it is.
    public var service: String { context.service }

    /// A relay of one service's outbox.
    /// - Parameters:
    ///   - lease: makes it the only one at work.
    ///   - interval: for how long events gather while there are more and more of them; see ``Pace``.
    public init(
        database: any Database, broker: any EventBroker, lease: Lease, registry: EventRegistry, context: ServiceContext, logger: Logger,
        interval: Duration = .zero
    ) {
        (self.database, self.broker, self.lease, self.registry, self.context, self.logger) = (database, broker, lease, registry, context, logger)
        self.interval = interval
        published = Counter(label: "waybill_outbox_published", dimensions: [("service", context.service)])
        failures = Counter(label: "waybill_outbox_failures", dimensions: [("service", context.service)])
    }

    /// Rows that waited at the last look, those that are held back included; at most some thousands are counted. A gauge; 0 where another process relays.
    public var backlog: Int { gauges.withLock { $0.backlog } }
    /// When the oldest event that waits was decided; nil for none, and where another process relays.
    public var oldest: Timestamp? { gauges.withLock { $0.oldest } }
    /// Orders (or products) of which something is held back because the broker refuses it. A gauge; 0 where another process relays.
    public var held: Int { gauges.withLock { $0.held } }

    /// What is on its way as fast as the broker takes it, without what is held back: how many events, and since when the oldest of them waits. It tells how much the platform is behind;
    /// an order that is held back, perhaps for days, does not.
    public var pending: (events: Int, since: Timestamp?) { gauges.withLock { $0.pending } }

    /// There is something to publish.
    public func wake() { alarm.ring() }

    public func run() async throws {
        await withGracefulShutdownHandler {
            var pause = OutboxRelay.rest
            var pace = Pace(interval)
            while !alarm.isStopped, !Task.isCancelled {
                do {
                    guard lease.isHeld else {
                        standBy()
                        await alarm.wait(atMost: .milliseconds(500))
                        continue
                    }
                    let gathering = pace.pause()
                    if gathering > .zero { try? await cancelWhenGracefulShutdown { [clock = context.clock] in try await clock.sleep(for: gathering) } }
                    let count = try await step()
                    if count == 0 { await alarm.wait(atMost: OutboxRelay.rest) }
                    if count >= OutboxPage.rows { pace.hurry() }
                    pause = OutboxRelay.rest
                } catch StorageError.closed { return } catch {
                    if error is Lease.Lost { standBy() }
                    failures.increment()
                    logger.warning("cannot relay events; they wait in the outbox", metadata: ["error": "\(error)"])
                    try? await cancelWhenGracefulShutdown { [clock = context.clock, pause] in try await clock.sleep(for: pause) }
                    pause = min(pause * 2, OutboxRelay.longestPause)
                }
            }
        } onGracefulShutdown: {
            self.alarm.stop()
        }
    }

    /// Another process relays: what this one knows of the outbox is out of date, and nothing for gauges. When the lease comes back, everything is tried anew.
    func standBy() {
        heldMessages.withLock { $0 = HeldMessages() }
        gauges.withLock { $0 = Gauges() }
        sightings.withLock { $0 = [:] }
    }

    /// One round: what is there is published and deleted.
    /// - Returns: how many rows were published.
    public func step() async throws -> Int {
        let now = context.now
        let held = heldMessages.withLock { held in
            held.release(at: now)
            return held
        }
        let registry = self.registry
        let page = try await database.read { transaction in
            if held.isEmpty { return try OutboxPage.oldest(in: transaction) }
            return try OutboxPage.oldest(passingOver: { held.holds($0, $2 ?? registry[$1]?.topic) }, in: transaction)
        }
        let messages = outgoing(page.rows, at: now)
        gauges.withLock { gauges in
            gauges.backlog = page.seen
            gauges.oldest = [messages.first?.time, held.oldest].compactMap { $0 }.min()
            gauges.pending = (messages.count, messages.first?.time)
        }
        let count = try await publish(messages)
        let holding = heldMessages.withLock { $0 }
        let orders = page.passedOver.union(holding.keys).count
        gauges.withLock { gauges in
            gauges.held = orders
            gauges.pending = (0, nil)
            // What was refused in this round waits as well, and what was published does not.
            gauges.oldest = [count == messages.count ? nil : gauges.oldest, holding.oldest].compactMap { $0 }.min()
        }
        return count
    }

    // MARK: Messages

    /// A row on its way.
    private struct Outgoing: Sendable {
        let sequence: Int64
        /// When it was decided, as far as it tells.
        let time: Timestamp
        let message: BrokerMessage
    }

    /// Rows as messages. A type that this program does not know, because a newer one wrote it, has no topic here: it waits, and what its order has behind it.
    private func outgoing(_ rows: [OutboxRow], at now: Timestamp) -> [Outgoing] {
        var messages: [Outgoing] = []
        messages.reserveCapacity(rows.count)
        var strangers: Set<Identifier> = []
        for row in rows {
            if strangers.contains(row.key) { continue }
            guard let topic = row.topic ?? registry[row.type]?.topic else {
                strangers.insert(row.key)
                let time = (try? EnvelopeHead(body: row.body).time) ?? firstSeen(row.sequence, at: now)
                hold(row.key, nil, decided: time, at: now, type: row.type, because: "this program does not know the type, nor its topic")
                continue
            }
            messages.append(outgoing(row, topic, at: now))
        }
        return messages
    }

    private func outgoing(_ row: OutboxRow, _ topic: String, at now: Timestamp) -> Outgoing {
        do {
            let head = try EnvelopeHead(body: row.body)
            let message = CloudEvents.message(head, key: row.key, topic: topic, body: row.body, extensions: row.headers)
            return Outgoing(sequence: row.sequence, time: head.time, message: message)
        } catch {
            // A broken body is its consumers' business: they park it, and an operator mends it.
            let message = CloudEvents.message(unreadable: row.body, type: row.type, key: row.key, topic: topic, extensions: row.headers)
            return Outgoing(sequence: row.sequence, time: firstSeen(row.sequence, at: now), message: message)
        }
    }

    /// A row that does not tell its time is as old as this process knows it, so that it does not look new for ever.
    private func firstSeen(_ sequence: Int64, at now: Timestamp) -> Timestamp {
        sightings.withLock { seen in
            if let time = seen[sequence] { return time }
            if seen.count >= OutboxRelay.maximumRemembered { seen = [:] }
            seen[sequence] = now
            return now
        }
    }

    // MARK: Publishing

    /// Publishes messages in order and deletes their rows. What the broker refuses is held back, and the rest goes on: before it, behind it, or by its topics.
    /// - Returns: how many were published.
    private func publish(_ messages: [Outgoing]) async throws -> Int {
        // The next to be published is the last.
        var pieces = [messages]
        var (count, refusals) = (0, 0)
        while refusals < OutboxRelay.maximumRefusals, let piece = pieces.popLast() {
            if piece.isEmpty { continue }
            do { try await broker.publish(piece.map(\.message)) } catch BrokerError.rejected(let index, let reason) where piece.indices.contains(index) {
                refusals += 1
                pieces += around(index, of: piece, because: reason)
                continue
            } catch BrokerError.misconfigured(let reason) {
                refusals += 1
                pieces += apart(piece, because: reason)
                continue
            }
            CrashPoint.afterPublish.reached(in: context.service)
            try await remove(piece)
            count += piece.count
        }
        return count
    }

    private func remove(_ piece: [Outgoing]) async throws {
        let (sequences, lease) = (piece.map(\.sequence), self.lease)
        try await database.write { transaction in
            try lease.check(in: transaction)
            try Outbox.remove(sequences, in: transaction)
        }
        published.increment(by: piece.count)
        sightings.withLock { seen in if !seen.isEmpty { for sequence in sequences { seen[sequence] = nil } } }
    }

    /// What is left where a message was refused: the messages behind it without those that have to stay behind it, and those before it.
    private func around(_ index: Int, of piece: [Outgoing], because reason: String) -> [[Outgoing]] {
        let refused = piece[index].message
        hold(
            refused.key, refused.topic, decided: piece[index].time, at: context.now, type: refused.header("type") ?? "", because: reason)
        let behind = piece[(index + 1)...].filter { $0.message.key != refused.key || $0.message.topic != refused.topic }
        return [behind, Array(piece[..<index])]
    }

    /// What is left where the broker does not take a piece and names no message: a piece per topic, or nothing where there is only one, which is held back.
    private func apart(_ piece: [Outgoing], because reason: String) -> [[Outgoing]] {
        let topics = Dictionary(grouping: piece) { $0.message.topic }
        if topics.count > 1 { return topics.sorted { $0.key > $1.key }.map(\.value) }
        guard let first = piece.first else { return [] }
        failures.increment()
        heldMessages.withLock { $0.hold(topic: first.message.topic, decided: first.time, at: context.now) }
        logger.error(
            "the broker does not take what goes to a topic; it waits in the outbox", metadata: ["topic": "\(first.message.topic)", "reason": "\(reason)"])
        return []
    }

    private func hold(_ key: Identifier, _ topic: String?, decided time: Timestamp, at now: Timestamp, type: String, because reason: String) {
        heldMessages.withLock { $0.hold(key, topic, decided: time, at: now) }
        logger.error("the broker refuses an event; its order waits", metadata: ["type": "\(type)", "order": "\(key)", "reason": "\(reason)"])
    }
}

/// The sink of a service whose events a relay publishes: nothing is handed on in memory, the relay is woken.
public struct RelayedSink: EventSink {
    private let wake: @Sendable () -> Void

    /// - Parameter wake: wakes whoever relays, in this process or another one; called once per transaction.
    public init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    public var needsSequences: Bool { false }
    public func committed(_ events: [Envelope], from source: String) { wake() }
}

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
/// is committed late comes out in a later round. A message that the broker will never take holds up its own order only, and is reported until it is gone.
public final class OutboxRelay: Service, CustomStringConvertible {
    /// The most rows of one round.
    private static let limit = 2000
    /// How long a relay rests without being woken: what bounds the delay of events that another process has written, where it cannot wake this one.
    private static let rest: Duration = .milliseconds(200)
    private static let longestPause: Duration = .seconds(10)

    private let database: any Database
    private let broker: any EventBroker
    private let lease: Lease
    private let registry: EventRegistry
    private let context: ServiceContext
    private let logger: Logger
    private let alarm = Alarm()
    /// Orders (or products) that a message stands in the way of which the broker will never take.
    private let blocked = Mutex<[Identifier: String]>([:])
    private let backlogCount = Atomic<Int>(0)
    private let oldestMilliseconds = Atomic<Int64>(0)
    private let published: Counter
    private let failures: Counter

    public var description: String { "relay \(context.service)" }
    /// Whose outbox it is.
    public var service: String { context.service }

    /// A relay of one service's outbox.
    /// - Parameter lease: makes it the only one at work.
    public init(database: any Database, broker: any EventBroker, lease: Lease, registry: EventRegistry, context: ServiceContext, logger: Logger) {
        (self.database, self.broker, self.lease, self.registry, self.context, self.logger) = (database, broker, lease, registry, context, logger)
        published = Counter(label: "waybill_outbox_published", dimensions: [("service", context.service)])
        failures = Counter(label: "waybill_outbox_failures", dimensions: [("service", context.service)])
    }

    /// Rows that waited at the last look; at most some thousands are counted. A gauge.
    public var backlog: Int { backlogCount.load(ordering: .relaxed) }
    /// When the oldest row that waits was decided; nil for none. What is old here while the broker works means a transaction that stays open.
    public var oldest: Timestamp? {
        let milliseconds = oldestMilliseconds.load(ordering: .relaxed)
        return milliseconds == 0 ? nil : Timestamp(milliseconds: milliseconds)
    }
    /// Orders that a refused message holds up. A gauge.
    public var held: Int { blocked.withLock { $0.count } }

    /// There is something to publish.
    public func wake() { alarm.ring() }

    public func run() async throws {
        await withGracefulShutdownHandler {
            var pause = OutboxRelay.rest
            while !alarm.isStopped, !Task.isCancelled {
                do {
                    guard lease.isHeld else {
                        await alarm.wait(atMost: .milliseconds(500))
                        continue
                    }
                    if try await step() == 0 { await alarm.wait(atMost: OutboxRelay.rest) }
                    pause = OutboxRelay.rest
                } catch StorageError.closed { return } catch {
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

    /// One round: what is there is published and deleted.
    /// - Returns: how many rows were published.
    public func step() async throws -> Int {
        let rows = try await database.read { try Outbox.unsent(limit: OutboxRelay.limit, in: $0) }
        // Beyond a page that is full of refused orders nothing could be seen: they are few, and reported.
        let stuck = blocked.withLock { $0 }
        let free = stuck.isEmpty ? rows : rows.filter { stuck[$0.key] == nil }
        backlogCount.store(rows.count, ordering: .relaxed)
        let messages = free.map(message)
        oldestMilliseconds.store(messages.first?.time.milliseconds ?? 0, ordering: .relaxed)
        guard !free.isEmpty else { return 0 }
        do { try await broker.publish(messages.map(\.message)) } catch BrokerError.rejected(let index, let reason) where free.indices.contains(index) {
            let row = free[index]
            blocked.withLock { $0[row.key] = reason }
            logger.error(
                "the broker refuses an event; its order waits", metadata: ["type": "\(row.type)", "order": "\(row.key)", "reason": "\(reason)"])
            return 1
        }
        CrashPoint.afterPublish.reached(in: context.service)
        let (sequences, lease) = (free.map(\.sequence), self.lease)
        try await database.write { transaction in
            try lease.check(in: transaction)
            try Outbox.remove(sequences, in: transaction)
        }
        published.increment(by: free.count)
        return free.count
    }

    private func message(_ row: OutboxRow) -> (message: BrokerMessage, time: Timestamp) {
        let topic = row.topic ?? registry[row.type]?.topic ?? "unknown"
        do {
            let head = try EnvelopeHead(body: row.body)
            return (CloudEvents.message(head, key: row.key, topic: topic, body: row.body), head.time)
        } catch {
            // A broken body is its consumers' business: they park it, and an operator mends it.
            let headers = [BrokerMessage.Header("type", row.type), .init("content-type", "application/json")]
            return (BrokerMessage(topic: topic, key: row.key, headers: headers, body: row.body), context.now)
        }
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

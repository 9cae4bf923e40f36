import Logging
import Metrics
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Drives a ``Consumer`` with what a broker delivers instead of what a feed holds: claims partitions as they come, applies each batch in one transaction with its inbox rows, and
/// acknowledges it only when that is durable (RELIABILITY, trap 2).
public final class BrokerConsumer: Service, CustomStringConvertible {
    private static let longestPause: Duration = .seconds(10)

    private let consumer: Consumer
    private let replicas: Replicas
    private let broker: any EventBroker
    private let topics: [String]
    private let member: String
    private let maximumBatch: Int
    private let interval: Duration
    private let subscription = Mutex<(any BrokerSubscription)?>(nil)
    private let stopping = Alarm()
    private let load = Mutex<(events: Int, since: Timestamp?)>((0, nil))
    /// How many more deliveries of a partition are handled with care; nil where the last run of this service ended as it should.
    private let care = Mutex<[String: Int]?>(nil)
    private let delivered: Counter
    private let batchSize: Recorder

    public var description: String { consumer.description }
    /// The service whose consumer it drives.
    public var service: String { consumer.context.service }

    /// - Parameters:
    ///   - topics: what the consumer listens to.
    ///   - member: this process's name in the consumer's group, which is named after the service.
    ///   - interval: for how long deliveries gather while there are more and more of them; see ``Pace``.
    public init(
        _ consumer: Consumer, replicas: Replicas, broker: any EventBroker, topics: [String], member: String, maximumBatch: Int = 1000,
        interval: Duration = .zero
    ) {
        (self.consumer, self.replicas, self.broker, self.topics, self.member) = (consumer, replicas, broker, topics, member)
        (self.maximumBatch, self.interval) = (maximumBatch, interval)
        delivered = Counter(label: "waybill_broker_delivered", dimensions: [("consumer", consumer.context.service)])
        batchSize = Recorder(label: "waybill_broker_batch_size", dimensions: [("consumer", consumer.context.service)], aggregate: false)
    }

    /// What was taken from the broker and is not applied, and when the oldest of it was decided.
    public var waiting: (events: Int, since: Timestamp?) { load.withLock { $0 } }

    public func run() async throws {
        await withGracefulShutdownHandler {
            if await prepare() {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.consumer.retryLoop() }
                    group.addTask { await self.consumer.countLoop() }
                    group.addTask { await self.closeWhenStopped() }
                    await consume()
                    group.cancelAll()
                }
            }
            await subscription.withLock { $0 }?.close()
            await consumer.ended()
        } onGracefulShutdown: {
            self.consumer.stop()
            self.stopping.stop()
        }
    }

    private var isOver: Bool { stopping.isStopped || Task.isCancelled }

    /// The wait for the next delivery ends with the subscription.
    private func closeWhenStopped() async {
        while !isOver { await stopping.wait(atMost: .seconds(60)) }
        await subscription.withLock { $0 }?.close()
    }

    /// Reads how the last run ended; waits for the database if it is away.
    private func prepare() async -> Bool {
        await untilDone("cannot begin to consume") {
            if try await self.consumer.prepareForBroker() { self.care.withLock { $0 = [:] } }
        }
    }

    private func consume() async {
        guard await untilDone("cannot subscribe", { try await self.subscribe() }), let subscription = subscription.withLock({ $0 }) else { return }
        var pause: Duration = .milliseconds(100)
        var pace = Pace(interval)
        while !isOver {
            do {
                let gathering = pace.pause()
                if gathering > .zero { await rest(gathering) }
                guard let deliveries = try await subscription.next(limit: maximumBatch) else { return }
                if deliveries.isEmpty { continue }
                if deliveries.count >= maximumBatch { pace.hurry() }
                pause = .milliseconds(100)
                if await apply(deliveries) {
                    await subscription.acknowledge(deliveries)
                } else if !isOver {
                    replicas.claims.forget()
                    await subscription.rejoin()
                }
            } catch {
                consumer.logger.warning("the broker delivers nothing", metadata: ["error": "\(error)"])
                await rest(pause)
                pause = min(pause * 2, BrokerConsumer.longestPause)
            }
        }
    }

    private func subscribe() async throws {
        let joined = try await broker.subscribe(group: consumer.context.service, topics: topics, member: member)
        subscription.withLock { $0 = joined }
        // Whoever was told to stop meanwhile has not seen it.
        if isOver { await joined.close() }
    }

    /// Applies what was delivered.
    /// - Returns: whether all of it is durable and may be acknowledged.
    private func apply(_ deliveries: [BrokerDelivery]) async -> Bool {
        delivered.increment(by: deliveries.count)
        batchSize.record(deliveries.count)
        let unclaimed = replicas.claims.unclaimed(deliveries)
        if !unclaimed.isEmpty {
            let isClaimed = await untilDone("cannot claim partitions") { try await self.replicas.claims.claim(unclaimed, in: self.consumer.database) }
            guard isClaimed else { return false }
        }
        var partitions: Set<String> = []
        for delivery in deliveries { partitions.insert(delivery.partition) }
        consumer.partitions.withLock { $0 = partitions.sorted() }
        defer { load.withLock { $0 = (0, nil) } }
        for piece in pieces(of: deliveries) {
            load.withLock { $0 = (deliveries.count, piece.events.first?.time) }
            guard piece.isSuspicious ? await consumer.applyCarefully(piece.events) : await consumer.apply(piece.events) else { return false }
            if let broken = piece.broken { guard await consumer.park(broken, from: "broker") else { return false } }
        }
        return true
    }

    /// Events that are applied together, and what stands behind them and cannot be read.
    private struct Piece {
        var events: [Envelope] = []
        var broken: BrokenEvent?
        var isSuspicious = false
    }

    private func pieces(of deliveries: [BrokerDelivery]) -> [Piece] {
        var pieces: [Piece] = []
        var piece = Piece()
        for delivery in deliveries {
            if let types = consumer.handler.subscriptions, let type = delivery.message.header("type"), !types.contains(type) { continue }
            let isSuspicious = takesCare(of: delivery)
            if isSuspicious != piece.isSuspicious {
                pieces.append(piece)
                piece = Piece(isSuspicious: isSuspicious)
            }
            let message = delivery.message
            do { piece.events.append(try Envelope(arriving: message.body, key: message.key, registry: consumer.registry)) } catch {
                piece.broken = BrokenEvent(message, error: ErrorText.of(error))
                pieces.append(piece)
                piece = Piece(isSuspicious: isSuspicious)
            }
        }
        pieces.append(piece)
        return pieces
    }

    /// Whether a delivery may have been in the hands of a process of this service when that ended without warning: of each partition the first that may come
    /// again, as many as a batch can have had.
    private func takesCare(of delivery: BrokerDelivery) -> Bool {
        care.withLock { care in
            guard care != nil, delivery.mayBeRepeated else { return false }
            let left = care?[delivery.partition] ?? maximumBatch
            care?[delivery.partition] = max(0, left - 1)
            return left > 0
        }
    }

    /// Waits, unless the process is told to stop.
    private func rest(_ pause: Duration) async {
        try? await cancelWhenGracefulShutdown { try await self.consumer.context.clock.sleep(for: pause) }
    }

    private func untilDone(_ complaint: Logger.Message, _ body: () async throws -> Void) async -> Bool {
        var pause: Duration = .milliseconds(100)
        while !isOver {
            do {
                try await body()
                return true
            } catch StorageError.closed { return false } catch {
                consumer.logger.warning(complaint, metadata: ["error": "\(error)"])
                await rest(pause)
                pause = min(pause * 2, BrokerConsumer.longestPause)
            }
        }
        return false
    }
}

extension BrokenEvent {
    /// A message whose body no program of its version could read.
    fileprivate init(_ message: BrokerMessage, error: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in message.body { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // Where it stood is different with every delivery; what it says is not.
        self.init(
            sequence: Int64(bitPattern: hash), type: message.header("type") ?? "unknown", key: message.key, body: message.body, topic: message.topic,
            error: error)
    }
}

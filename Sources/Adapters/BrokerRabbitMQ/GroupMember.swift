import Logging
import Messaging
import Metrics
import Resilience

/// A member of a group at work: one thread, one connection, and on it one channel for each partition of the group's topics.
///
/// Each channel consumes the partition's queue, as all members do; RabbitMQ lets the first of them have the messages (single active consumer) and the next one when
/// that one's channel ends. A channel of its own, because the end of a channel is the one way to give a partition up in order: RabbitMQ takes everything back that
/// was not acknowledged before anybody else gets anything. After the mere end of a consumer the next one would get what follows first.
///
/// Confined to its thread.
final class GroupMember {
    /// A partition that this member stands in line for, and perhaps reads.
    struct Place {
        let session: Int64
        var ledger = AckLedger()
        /// Set while it is given up: nothing more is handed out, and what was handed out up to this tag may still be acknowledged for a while.
        var leaving: (through: UInt64, deadline: ContinuousClock.Instant)?
    }

    /// Events that are handled before acknowledgements and other commands have their turn.
    private static let eventsPerTurn = 1000
    /// The channel by which members hear of each other; those of the partitions follow.
    static let presenceChannel: UInt16 = 1

    let plan: MemberPlan
    let layout: QueueLayout
    let logger: Logger
    let session: AMQPSession
    let box: DeliveryBox
    let commands: MemberCommands
    let announce: @Sendable (String) -> Void
    /// By index of the plan's queues; nil where this member does not stand in line at the moment.
    var places: [Place?]
    var indexes: [Int64: Int] = [:]
    /// When to stand in line again where that failed.
    var retries: [Int: ContinuousClock.Instant] = [:]
    var membership: Membership
    /// Whether it hears of the other members.
    var isListening = false
    /// When, and in which version of the membership, a partition was given up.
    var givenUp: [Int: (version: Int, time: ContinuousClock.Instant)] = [:]
    var nextTick: ContinuousClock.Instant
    /// What was read and not offered yet.
    private var batch: [BrokerDelivery] = []
    private var attempts = 0
    private var nextAttempt: ContinuousClock.Instant
    private let backoff = Backoff(baseMilliseconds: 200, capMilliseconds: 10_000)
    private let delivered: Counter
    private let repeated: Counter
    private let reconnections: Counter

    init(
        _ plan: MemberPlan, _ session: AMQPSession, _ box: DeliveryBox, _ commands: MemberCommands, logger: Logger,
        announce: @escaping @Sendable (String) -> Void
    ) {
        (self.plan, self.session, self.box, self.commands, self.announce) = (plan, session, box, commands, announce)
        var logger = logger
        logger[metadataKey: "group"] = "\(plan.group)"
        logger[metadataKey: "member"] = "\(plan.member)"
        self.logger = logger
        layout = QueueLayout(session.configuration)
        places = Array(repeating: nil, count: plan.queues.count)
        let now = ContinuousClock.now
        (nextTick, nextAttempt) = (now, now)
        membership = Membership(me: plan.member, patience: session.configuration.presenceInterval * 5, now: now)
        let dimensions = [("broker", "rabbitmq"), ("group", plan.group)]
        delivered = Counter(label: "waybill_rabbitmq_delivered", dimensions: dimensions)
        repeated = Counter(label: "waybill_rabbitmq_redelivered", dimensions: dimensions)
        reconnections = Counter(label: "waybill_rabbitmq_connections_lost", dimensions: dimensions)
    }

    /// The thread's work: from the first connection until the subscription is closed.
    /// - Parameter joined: told how the first attempt went; if it failed, that was all.
    func run(joined: (BrokerError?) -> Void) {
        defer { commands.end() }
        do { try join() } catch {
            session.drop()
            box.close()
            return joined(brokerError(error))
        }
        joined(nil)
        while turn() {}
        box.close()
    }

    /// Does what there is to do, then waits for more.
    /// - Returns: whether there is a next turn.
    private func turn() -> Bool {
        let commands = self.commands.take()
        defer { for rejoin in commands.rejoins { rejoin.resume() } }
        do {
            if session.connection == nil, !commands.isLeaving { try joinAgain() }
            if session.connection != nil { try acknowledge(commands.acknowledged) }
            if commands.isLeaving {
                leave()
                return false
            }
            guard session.connection != nil else { return true }
            if !commands.rejoins.isEmpty { try standInLineAnew() }
            let isBusy = try read()
            let now = ContinuousClock.now
            try tick(now)
            // What arrived while an answer was waited for is in memory: the socket would not tell of it.
            if !isBusy, session.connection?.hasUnreadInput == false { wait(until: deadline(after: now), now) }
        } catch { lose(error) }
        return true
    }

    private func wait(until deadline: ContinuousClock.Instant, _ now: ContinuousClock.Instant) {
        let duration = min(max(deadline - now, .zero), session.configuration.heartbeat / 4)
        commands.wake.wait(socket: session.connection?.socket, atMost: duration)
    }

    private func joinAgain() throws {
        let now = ContinuousClock.now
        if now < nextAttempt { return wait(until: nextAttempt, now) }
        try join()
        logger.notice("connected to RabbitMQ again")
    }

    private func join() throws {
        let connection = try session.connected()
        try listenForMembers(connection)
        for index in plan.order { try standInLine(index) }
        attempts = 0
        nextTick = ContinuousClock.now
    }

    /// After the connection broke: whatever was delivered comes again.
    private func lose(_ error: any Error) {
        let error = brokerError(error)
        session.drop()
        (batch, isListening) = ([], false)
        places = Array(repeating: nil, count: places.count)
        (indexes, retries) = ([:], [:])
        commands.outstanding.store(0, ordering: .relaxed)
        attempts += 1
        let delay = backoff.delayMilliseconds(afterAttempt: attempts, random: .random(in: .min ... .max))
        nextAttempt = ContinuousClock.now + .milliseconds(delay)
        reconnections.increment()
        if attempts == 1, !session.lifeline.isCut { logger.warning("the connection to RabbitMQ was lost", metadata: ["error": "\(error)"]) }
        box.fail(error)
    }

    private func leave() {
        // By this connection, which ends in any case: a broker that is short of memory may hold it back now.
        if isListening {
            try? session.connection?.announce(Presence.leaving(plan.member), on: GroupMember.presenceChannel, exchange: layout.presence(plan.group))
        }
        session.close()
    }

    /// Tells the broker what was acknowledged, as far as it is still ours.
    private func acknowledge(_ acknowledged: [Int64: [UInt64]]) throws {
        guard !acknowledged.isEmpty, let connection = session.connection else { return }
        connection.cork(true)
        for (session, tags) in acknowledged {
            guard let index = indexes[session], let before = places[index]?.ledger.outstanding else { continue }
            guard let through = places[index]?.ledger.acknowledge(tags) else { continue }
            try connection.acknowledge(plan.channel(index), through: through)
            commands.outstanding.subtract(before - (places[index]?.ledger.outstanding ?? 0), ordering: .relaxed)
        }
        connection.cork(false)
    }

    /// Handles what has arrived.
    /// - Returns: whether there may be more.
    private func read() throws -> Bool {
        for _ in 0..<GroupMember.eventsPerTurn {
            guard let event = try session.connection?.nextEvent() else {
                offer()
                return false
            }
            try handle(event)
        }
        offer()
        return true
    }

    private func offer() {
        if batch.isEmpty { return }
        delivered.increment(by: batch.count)
        box.offer(batch)
        batch.removeAll(keepingCapacity: true)
    }

    /// Handles what was kept while an answer was waited for. After this, nothing of a channel that was closed is left.
    func handleKept() throws {
        while let connection = session.connection, connection.hasKeptFrames, let event = try connection.nextEvent() { try handle(event) }
        offer()
    }

    private func handle(_ event: AMQPEvent) throws {
        switch event {
        case .delivered(GroupMember.presenceChannel, _, _, let message): hear(message)
        case .delivered(let channel, let tag, let mayBeRepeated, let message): deliver(message, tag: tag, mayBeRepeated: mayBeRepeated, channel: channel)
        case .consumerCancelled(let channel):
            offer()
            try lostPlace(channel, isChannelOpen: true)
        case .channelClosed(let fault, let channel):
            logger.warning("RabbitMQ has closed a channel", metadata: ["reason": "\(fault.brokerError)"])
            offer()
            try lostPlace(channel, isChannelOpen: false)
        default: session.note(event)
        }
    }

    private func deliver(_ message: ArrivedMessage, tag: UInt64, mayBeRepeated: Bool, channel: UInt16) {
        guard let index = plan.index(channel), let place = places[index] else { return }
        let events = EventBundle.unpack(message) ?? [message]
        places[index]?.ledger.deliver(tag, events: events.count)
        commands.outstanding.add(1, ordering: .relaxed)
        if mayBeRepeated { repeated.increment() }
        if place.leaving != nil { return }
        let queue = plan.queues[index]
        for (part, event) in events.enumerated() {
            batch.append(
                BrokerDelivery(
                    message: BrokerMessage(topic: queue.topic, key: event.key, headers: event.headers, body: event.body), partition: plan.labels[index],
                    session: place.session, position: BundlePosition.make(tag, part: part), mayBeRepeated: mayBeRepeated))
        }
    }
}

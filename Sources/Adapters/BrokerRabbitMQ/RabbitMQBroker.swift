import Logging
import Messaging
import Storage
import Synchronization

/// RabbitMQ 3.10 or later as the event log of a distributed platform: quorum queues with a single active consumer, publisher confirms.
///
/// A connection that publishes and one for questions are made when they are first needed; every subscription has one of its own. The blocking C library runs on
/// threads of its own. ``close()`` must be called for the threads to end.
public final class RabbitMQBroker: EventBroker {
    private struct State {
        var topology: BrokerTopology?
        var subscriptions: [RabbitMQSubscription] = []
        var isClosed = false
    }

    public let name = "rabbitmq"
    let configuration: RabbitMQConfiguration
    let layout: QueueLayout
    let requests: RequestThread
    let publishing: RequestThread
    private let publisher: Publisher
    private let announcer = Announcer()
    private let logger: Logger
    private let state = Mutex(State())

    /// A broker that is not connected yet.
    /// - Throws: ``BrokerError/misconfigured(_:)`` for values that nothing can work with, ``BrokerError/unavailable(_:)`` when there is no descriptor left.
    public init(_ configuration: RabbitMQConfiguration, logger: Logger = Logger(label: "waybill.rabbitmq")) throws {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
        layout = QueueLayout(configuration)
        publisher = Publisher(layout, logger: logger)
        publishing = try RequestThread(configuration, purpose: "publisher", logger: logger)
        requests = try RequestThread(configuration, purpose: "requests", logger: logger)
    }

    /// What was opened; nil before.
    var topology: BrokerTopology? { state.withLock { $0.topology } }

    public func open(_ topology: BrokerTopology) async throws {
        try layout.validate(topology)
        let (layout, logger) = (self.layout, self.logger)
        try await requests.perform { session in
            try TopologyMaker(layout: layout, connection: try session.connected(), logger: logger).make(topology)
        }
        state.withLock { $0.topology = topology }
    }

    public func publish(_ messages: [BrokerMessage]) async throws {
        if messages.isEmpty { return }
        let (publisher, topology) = (self.publisher, try opened())
        let known = Set(layout.topics(topology))
        // What the broker would say of such a message ends the channel, and with it all that is on its way.
        if let stray = messages.first(where: { !known.contains($0.topic) }) { throw RabbitMQBroker.unknown(stray.topic) }
        try await publishing.perform { session in try publisher.publish(messages, topology, by: session) }
    }

    public func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription {
        let topology = try opened()
        let known = layout.topics(topology)
        if let topic = topics.first(where: { !known.contains($0) }) { throw RabbitMQBroker.unknown(topic) }
        try layout.validate(queues: topics.count * topology.partitions, of: group)
        let subscription = try RabbitMQSubscription(group: group)
        let plan = MemberPlan(group: group, topics: topics, member: member, topology: topology, layout: layout)
        let (publishing, announcer, exchange) = (self.publishing, self.announcer, layout.presence(group))
        try await subscription.join(plan, configuration, logger: logger) { text in
            publishing.send { session in try announcer.announce(text, exchange: exchange, by: session) }
        }
        let isClosed = state.withLock { state in
            state.subscriptions.removeAll { $0.hasEnded }
            if !state.isClosed { state.subscriptions.append(subscription) }
            return state.isClosed
        }
        if isClosed {
            await subscription.close()
            throw RabbitMQBroker.closed
        }
        return subscription
    }

    /// Messages that wait in the group's queues, and those that were delivered to members in this process and not acknowledged. What members of other processes
    /// hold is not to be seen by AMQP. Nil before the topology was opened, and for a group that is not in it.
    public func lag(of group: String) async throws -> Int? {
        guard let topology, let topics = topology.groups.first(where: { $0.name == group })?.topics else { return nil }
        let queues = layout.queues(group, topics: topics, partitions: topology.partitions)
        let ready = try await requests.perform { session in
            let connection = try session.connected()
            return try connection.onChannel(TopologyMaker.channel) { channel in
                try queues.reduce(0) { $0 + (try connection.declareQueue(channel, $1.name, .existing).ready) }
            }
        }
        let held = state.withLock { $0.subscriptions.filter { $0.group == group } }.reduce(0) { $0 + $1.unacknowledgedMessages }
        return ready + held
    }

    public func close() async { await close(abruptly: false) }

    /// Ends everything without a word to the broker, as the end of the process would: for tests of what happens then.
    package func crash() async { await close(abruptly: true) }

    /// Cuts all connections once, as a network would: for tests.
    package func interrupt() {
        for thread in [publishing, requests] { thread.lifeline.cut(forGood: false) }
        for subscription in state.withLock({ $0.subscriptions }) { subscription.interrupt() }
    }

    private func close(abruptly: Bool) async {
        let subscriptions = state.withLock { state in
            state.isClosed = true
            defer { state.subscriptions = [] }
            return state.subscriptions
        }
        await withTaskGroup(of: Void.self) { group in
            for subscription in subscriptions { group.addTask { await subscription.close(abruptly: abruptly) } }
        }
        await publishing.stop(abruptly: abruptly)
        await requests.stop(abruptly: abruptly)
    }

    private static func unknown(_ topic: String) -> BrokerError { .misconfigured("the topic \(topic) is not part of the topology") }
    private static let closed = BrokerError.unavailable("the broker was closed")

    private func opened() throws -> BrokerTopology {
        let (topology, isClosed) = state.withLock { ($0.topology, $0.isClosed) }
        if isClosed { throw RabbitMQBroker.closed }
        guard let topology else { throw BrokerError.misconfigured("the topology has to be opened first") }
        return topology
    }
}

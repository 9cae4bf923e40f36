import Storage
import Synchronization

/// The broker port's in-memory driver, for tests: a connection to a ``MemoryLog``, with partitions, groups, rebalancing and redelivery as a real broker has them.
///
/// It is the reference of what the port means: what `BrokerConformance` asks of every adapter can be read here without a network between.
public final class MemoryBroker: EventBroker {
    private struct State {
        var subscriptions: [MemorySubscription] = []
        var isClosed = false
    }
    private let log: MemoryLog
    private let state = Mutex(State())
    public let name = "memory"

    /// A connection to this log; what is published to one is read from all.
    public init(_ log: MemoryLog = MemoryLog()) { self.log = log }

    public func open(_ topology: BrokerTopology) async throws {
        try isOpen()
        try log.open(topology)
    }

    public func publish(_ messages: [BrokerMessage]) async throws {
        try isOpen()
        try log.publish(messages)
    }

    public func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription {
        try isOpen()
        let subscription = try MemorySubscription(log: log, group: group, topics: topics)
        let isLate = state.withLock { state in
            if !state.isClosed { state.subscriptions.append(subscription) }
            return state.isClosed
        }
        if isLate { await subscription.close() }
        return subscription
    }

    public func lag(of group: String) async throws -> Int? {
        try isOpen()
        return try log.lag(of: group)
    }

    public func examine(_ topology: BrokerTopology) async -> [EngineFinding] { [log.examine()] }

    public func close() async {
        let subscriptions = state.withLock { state in
            state.isClosed = true
            defer { state.subscriptions = [] }
            return state.subscriptions
        }
        for subscription in subscriptions { await subscription.close() }
    }

    private func isOpen() throws { if state.withLock({ $0.isClosed }) { throw BrokerError.unavailable("the connection is closed") } }
}

/// One member of a group of a ``MemoryLog``.
final class MemorySubscription: BrokerSubscription {
    private let log: MemoryLog
    private let group: String
    private let member: Int
    private let signal = TaskSignal()
    private let knowsOutage = Atomic<Bool>(false)

    init(log: MemoryLog, group: String, topics: [String]) throws {
        (self.log, self.group) = (log, group)
        member = try log.join(group, topics: topics, signal: signal)
    }

    func next(limit: Int) async throws -> [BrokerDelivery]? {
        while true {
            let mark = signal.mark
            switch log.step(group, member, limit: limit, knowsOutage: knowsOutage.load(ordering: .relaxed)) {
            case .take(let deliveries):
                knowsOutage.store(false, ordering: .relaxed)
                return deliveries
            case .wait: await signal.wait(after: mark)
            case .fail(let error):
                knowsOutage.store(true, ordering: .relaxed)
                throw error
            case .end: return nil
            }
            try Task.checkCancellation()
        }
    }

    func acknowledge(_ deliveries: [BrokerDelivery]) async { log.acknowledge(deliveries, group, member) }
    func rejoin() async { log.rejoin(group, member) }
    func close() async { log.leave(group, member) }
}

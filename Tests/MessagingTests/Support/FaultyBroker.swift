import BrokerConformance
import Messaging
import Storage
import Synchronization

/// What a broker, or its adapter, may do wrong; each is a promise of the conformance suite that it breaks.
enum BrokerFault: String, CaseIterable, Sendable {
    case losesMessages, swapsMessages, dropsHeaders, publishesLater, acknowledgesEarly, forgetsAcknowledgements, keepsSessions, hidesRepetitions
    case ignoresLimits, deliversNothing, givesOneMemberAll, gulpsOutages, acceptsAnything, hidesLag

    /// The promise whose check must catch it.
    var promise: BrokerConformance {
        switch self {
        case .losesMessages: .groups
        case .swapsMessages: .order
        case .dropsHeaders: .contents
        case .publishesLater: .durability
        case .acknowledgesEarly: .crashing
        case .forgetsAcknowledgements: .acknowledged
        case .keepsSessions: .rejoining
        case .hidesRepetitions: .leaving
        case .ignoresLimits, .deliversNothing: .limits
        case .givesOneMemberAll: .twoMembers
        case .gulpsOutages: .outage
        case .acceptsAnything: .tooLarge
        case .hidesLag: .lag
        }
    }
}

/// A memory broker with one fault.
final class FaultyBroker: EventBroker {
    private let inner: MemoryBroker
    private let fault: BrokerFault
    private let late = Mutex<[BrokerMessage]>([])
    var name: String { "faulty" }

    init(_ log: MemoryLog, _ fault: BrokerFault) { (inner, self.fault) = (MemoryBroker(log), fault) }

    func open(_ topology: BrokerTopology) async throws { try await inner.open(topology) }

    func publish(_ messages: [BrokerMessage]) async throws {
        var messages = messages
        switch fault {
        case .losesMessages: if messages.count > 10 { messages.remove(at: 7) }
        case .swapsMessages: messages.reverse()
        case .dropsHeaders: messages = messages.map { BrokerMessage(topic: $0.topic, key: $0.key, headers: Array($0.headers.dropLast()), body: $0.body) }
        case .publishesLater:
            messages = late.withLock { late in
                defer { late = messages }
                return late
            }
        case .gulpsOutages:
            try? await inner.publish(messages)
            return
        case .acceptsAnything: messages.removeAll { $0.body.count > 1 << 20 }
        default: break
        }
        try await inner.publish(messages)
    }

    func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription {
        // Whoever comes second waits in a group of its own, where everything was read by somebody else.
        let isLeftOut = fault == .givesOneMemberAll && member == "b"
        let subscription = try await inner.subscribe(group: isLeftOut ? "\(group)-left-out" : group, topics: topics, member: member)
        return FaultySubscription(subscription, fault, isLeftOut: isLeftOut)
    }

    func lag(of group: String) async throws -> Int? {
        let lag = try await inner.lag(of: group)
        return fault == .hidesLag ? 0 : lag
    }
    func examine(_ topology: BrokerTopology) async -> [EngineFinding] { await inner.examine(topology) }
    func close() async { await inner.close() }
}

private final class FaultySubscription: BrokerSubscription {
    private let inner: any BrokerSubscription
    private let fault: BrokerFault
    private let isLeftOut: Bool

    init(_ inner: any BrokerSubscription, _ fault: BrokerFault, isLeftOut: Bool) { (self.inner, self.fault, self.isLeftOut) = (inner, fault, isLeftOut) }

    func next(limit: Int) async throws -> [BrokerDelivery]? {
        if fault == .deliversNothing { return [] }
        while true {
            guard let deliveries = try await inner.next(limit: fault == .ignoresLimits ? limit + 100 : limit) else { return nil }
            if isLeftOut { continue }
            if fault == .acknowledgesEarly { await inner.acknowledge(deliveries) }
            return deliveries.map { delivery in
                BrokerDelivery(
                    message: delivery.message, partition: delivery.partition, session: fault == .keepsSessions ? 1 : delivery.session,
                    position: delivery.position,
                    mayBeRepeated: fault == .hidesRepetitions ? false : delivery.mayBeRepeated)
            }
        }
    }

    func acknowledge(_ deliveries: [BrokerDelivery]) async { if fault != .forgetsAcknowledgements { await inner.acknowledge(deliveries) } }
    func rejoin() async { await inner.rejoin() }
    func close() async { await inner.close() }
}

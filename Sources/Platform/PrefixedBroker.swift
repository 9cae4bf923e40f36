import Messaging
import Storage

/// A broker whose topics and groups have a prefix, so that several platforms can share a cluster that knows no name spaces.
final class PrefixedBroker: EventBroker {
    private let base: any EventBroker
    private let prefix: String
    var name: String { base.name }

    init(_ base: any EventBroker, prefix: String) { (self.base, self.prefix) = (base, prefix) }

    func open(_ topology: BrokerTopology) async throws { try await base.open(prefixed(topology)) }

    private func prefixed(_ topology: BrokerTopology) -> BrokerTopology {
        let groups = topology.groups.map { BrokerTopology.Group(name: prefix + $0.name, topics: $0.topics.map { prefix + $0 }) }
        return BrokerTopology(topics: topology.topics.map { prefix + $0 }, groups: groups, partitions: topology.partitions)
    }

    func publish(_ messages: [BrokerMessage]) async throws {
        try await base.publish(messages.map { BrokerMessage(topic: prefix + $0.topic, key: $0.key, headers: $0.headers, body: $0.body) })
    }

    func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription {
        PrefixedSubscription(base: try await base.subscribe(group: prefix + group, topics: topics.map { prefix + $0 }, member: member), prefix: prefix)
    }

    func lag(of group: String) async throws -> Int? { try await base.lag(of: prefix + group) }
    func examine(_ topology: BrokerTopology) async -> [EngineFinding] { await base.examine(prefixed(topology)) }
    func close() async { await base.close() }
}

/// Gives messages out under the topics that they were published to. Partitions keep the names that the cluster gives them: they name places, nothing more.
private final class PrefixedSubscription: BrokerSubscription {
    private let base: any BrokerSubscription
    private let prefix: String

    init(base: any BrokerSubscription, prefix: String) { (self.base, self.prefix) = (base, prefix) }

    func next(limit: Int) async throws -> [BrokerDelivery]? {
        try await base.next(limit: limit)?.map { delivery in
            let message = delivery.message
            guard message.topic.hasPrefix(prefix) else { return delivery }
            return BrokerDelivery(
                message: BrokerMessage(
                    topic: String(message.topic.dropFirst(prefix.count)), key: message.key, headers: message.headers, body: message.body),
                partition: delivery.partition, session: delivery.session, position: delivery.position, mayBeRepeated: delivery.mayBeRepeated)
        }
    }

    func acknowledge(_ deliveries: [BrokerDelivery]) async { await base.acknowledge(deliveries) }
    func rejoin() async { await base.rejoin() }
    func close() async { await base.close() }
}

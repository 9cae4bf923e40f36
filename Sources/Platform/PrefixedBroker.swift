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
        try await base.subscribe(group: prefix + group, topics: topics.map { prefix + $0 }, member: member)
    }

    func lag(of group: String) async throws -> Int? { try await base.lag(of: prefix + group) }
    func examine(_ topology: BrokerTopology?) async -> [EngineFinding] { await base.examine(topology.map(prefixed)) }
    func close() async { await base.close() }
}

import Contracts
import Logging
import Messaging
import Storage
import Wire

/// What the services' runtimes have in common where events go through a broker, so that every service may run in several processes.
package struct Distribution: Sendable {
    /// For how long a process has a job to itself: longer than a call to the outside may take, shorter than anybody waits for a process that died.
    package static let jobClaimMilliseconds: Int64 = 30_000

    package let broker: any EventBroker
    /// This process, by a name that no other has and that it never had before.
    package let instance: String
    /// What events are read with.
    package let registry: EventRegistry
    /// For how long events gather on their way to the broker and from it.
    package let interval: Duration

    package init(broker: any EventBroker, instance: String, registry: EventRegistry = EventCatalog.registry, interval: Duration = .zero) {
        (self.broker, self.instance, self.registry, self.interval) = (broker, instance, registry, interval)
    }

    /// The topics of the events and of their dead letters, and who listens to which, as the choreography says.
    package static func topology(partitions: Int) -> BrokerTopology {
        let topics = topics(of: nil)
        let groups = Choreography.Participant.allCases.map {
            BrokerTopology.Group(name: $0.rawValue, topics: self.topics(of: Choreography.subscriptions(of: $0)))
        }
        return BrokerTopology(topics: topics + topics.map(BrokerTopology.deadLetters), groups: groups, partitions: partitions)
    }

    /// The topics that carry these types, all types for nil; sorted.
    package static func topics(of types: Set<String>?) -> [String] {
        Set(EventCatalog.types.filter { types?.contains($0.type) ?? true }.map { $0.topic }).sorted()
    }

    /// The runtime of one service on its database in this process.
    package func replica(of database: any Database, clock: any WallClock, context: ServiceContext, logger: Logger) -> ServiceReplica {
        let lease = Lease(name: "relay", owner: instance, database: database, clock: clock, logger: logger)
        let relay = OutboxRelay(database: database, broker: broker, lease: lease, registry: registry, context: context, logger: logger, interval: interval)
        let signals = database as? any DatabaseSignals
        let wake: @Sendable () -> Void = {
            // The one that relays may be another process.
            if lease.isHeld { relay.wake() } else { signals?.notify(ServiceReplica.channel) }
        }
        return ServiceReplica(relay: relay, replicas: Replicas(lease: lease, claims: PartitionClaims(owner: instance), wakeRelay: wake), signals: signals)
    }
}

/// One service's runtime in a process that may not be its only one.
package struct ServiceReplica: Sendable {
    /// Where a process tells the one that relays that there is something in the outbox.
    static let channel = "waybill_outbox"

    package let relay: OutboxRelay
    package let replicas: Replicas
    let signals: (any DatabaseSignals)?

    /// Where the service's committed events go: nowhere in memory; the relay is woken.
    package var sink: any EventSink { RelayedSink(wake: replicas.wakeRelay) }

    /// Hears of other processes' events from now on.
    func listen() { signals?.listen(ServiceReplica.channel) { [relay] in relay.wake() } }
}

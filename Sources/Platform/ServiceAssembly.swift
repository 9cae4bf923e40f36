import Analytics
import Contracts
import Inventory
import Messaging
import Notifications
import Operations
import Orders
import Payments
import ServiceLifecycle
import Storage
import Web
import Wire

/// All services, wired to their databases and to each other's events. What drives them is another's business: a service group in production, a scheduler in a
/// simulation.
package struct ServiceAssembly: Sendable {
    /// The services that have a database, by name, in the order of ``modules``.
    package static let databases = ["orders", "inventory", "payments", "notifications", "analytics", "operations"]

    /// All of them; those that run elsewhere are there for what they know and what they offer.
    package let modules: [any ServiceModule]
    /// Of the services that run here.
    package let consumers: [Consumer]
    package let janitors: [Janitor]
    /// What brings events to ``consumers`` and takes them from the outboxes, where a broker carries them.
    package let brokerConsumers: [BrokerConsumer]
    package let replicas: [ServiceReplica]
    package let orders: OrdersService
    package let payments: PaymentsService
    package let notifications: NotificationsService
    package let analytics: AnalyticsService
    package let operations: OperationsService
    package let deadLetters: DeadLetterService
    /// The auditor over all of them, its background task and its routes.
    package let audit: AuditDesk

    private let local: Set<String>

    /// All operations of a service.
    package func routes(of service: String) -> [Route] {
        let own = modules.filter { $0.name == service }.flatMap(\.routes)
        return service == operations.name ? own + deadLetters.routes + audit.routes : own
    }

    /// All operations of the services that run here.
    package var routes: [Route] { ServiceAssembly.databases.filter(local.contains).flatMap(routes(of:)) }

    /// Whether a service runs here.
    package func runs(_ service: String) -> Bool { local.contains(service) }

    /// The long tasks of the services that run here besides consumers and janitors, Operations' streams left out.
    package var workers: [any Service] {
        let own = modules.filter { local.contains($0.name) && $0.name != operations.name }.flatMap(\.runners)
        return runs(operations.name) ? own + deadLetters.runners : own
    }

    /// What applies events here: fed by the bus, or by the broker.
    package var appliers: [any Service] { brokerConsumers.isEmpty ? consumers : brokerConsumers }

    /// What leads events from outboxes to the broker, and who may.
    package var relays: [any Service] { replicas.flatMap { [$0.replicas.lease, $0.relay] as [any Service] } }

    /// Brings the databases' schemas up to date, adds every service to the bus and finds out where each consumer stood.
    /// - Parameters:
    ///   - databases: one per name in ``databases``, in that order.
    ///   - books: the provider's own, for the audit; nil where they cannot be asked.
    ///   - bus: where the events go; `environment` may put something before it.
    ///   - channels: where notifications go; nil for the log.
    ///   - feedCapacity: how many events a consumer holds in memory.
    ///   - decorate: puts something before a service's handler.
    ///   - registry: what a service's consumer understands, where that is not what the bus understands.
    ///   - local: the services that run here; the databases of the others are only opened for those here that read them.
    ///   - availability: asks Inventory where it runs elsewhere.
    ///   - distribution: carries the events, where the bus does not.
    ///   - cache: where answers about orders are kept.
    ///   - webhooks: what is sent to the outside, and by whom.
    ///   - replica: the runtime of a service, where the bus is not it.
    package init(
        databases: [any Database], provider: any PaymentProvider, books: (any LedgerWitness)? = nil, bus: EventBus, configuration: PlatformConfiguration,
        channels: [any NotificationChannel]? = nil, feedCapacity: Int = 8192, environment: (any Database) -> ServiceEnvironment,
        decorate: (any EventHandler, String) -> any EventHandler = { handler, _ in handler }, registry: (String) -> EventRegistry? = { _ in nil },
        local: Set<String> = Set(ServiceAssembly.databases), availability: AvailabilityCheck? = nil, distribution: Distribution? = nil,
        cache: (any VersionedCache)? = nil, webhooks: WebhookConfiguration = WebhookConfiguration(),
        replica: (String) -> ServiceReplica? = { _ in nil }
    ) async throws {
        self.local = local
        let environments = databases.map(environment)
        let inventory = InventoryService(environments[1])
        operations = OperationsService(environments[5], webhooks: webhooks)
        orders = OrdersService(environments[0], availability: availability ?? inventory.availability, cache: cache, configuration: configuration.orders)
        payments = PaymentsService(environments[2], provider: provider, timeout: configuration.paymentTimeout)
        notifications = NotificationsService(environments[3], channels: channels)
        analytics = AnalyticsService(environments[4], history: ArchiveHistory(operations: operations))
        modules = [orders, inventory, payments, notifications, analytics, operations]

        for module in modules where local.contains(module.name) {
            try await module.database.migrate(module.migrations, owner: module.name)
            if distribution == nil { bus.addProducer(module.name, database: module.database) }
        }
        let all = zip(modules, environments).compactMap { module, environment in
            module.handler.map {
                Consumer(
                    handler: decorate($0, module.name), database: module.database, bus: bus, context: environment.context, logger: environment.logger,
                    feedCapacity: feedCapacity, registry: registry(module.name), replicas: replica(module.name)?.replicas)
            }
        }
        let consumers = all.filter { local.contains($0.feed.consumer) }
        self.consumers = consumers
        replicas = ServiceAssembly.databases.filter(local.contains).compactMap(replica)
        brokerConsumers = consumers.compactMap { consumer in
            guard let distribution, let own = replica(consumer.feed.consumer) else { return nil }
            return BrokerConsumer(
                consumer, replicas: own.replicas, broker: distribution.broker, topics: Distribution.topics(of: consumer.feed.types),
                member: distribution.instance, interval: distribution.interval)
        }
        audit = AuditAssembly(
            orders: orders, inventory: inventory, payments: payments, notifications: notifications, analytics: analytics, operations: operations, books: books,
            distribution: distribution
        ).desk(modules, environments)
        deadLetters = DeadLetterService(desks: all.map(\.deadLetters), environment: environments[5])
        // What came late into the archive stays known, because the audit would take it for out of order.
        janitors = zip(modules, environments).filter { local.contains($0.0.name) }.map { [operations] in
            Janitor(
                database: $0.database, bus: distribution == nil ? bus : nil, context: $1.context, logger: $1.logger,
                keepsClosedLetters: $0.name == operations.name)
        }
        if distribution == nil { for consumer in consumers { try await consumer.prepare() } }
    }
}

/// Analytics' history is the archive that Operations keeps.
private struct ArchiveHistory: EventHistory {
    let operations: OperationsService

    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] {
        try await operations.history(after: sequence, limit: limit).map { ($0.sequence, $0.envelope) }
    }
}

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

    package let modules: [any ServiceModule]
    package let consumers: [Consumer]
    package let janitors: [Janitor]
    package let orders: OrdersService
    package let payments: PaymentsService
    package let notifications: NotificationsService
    package let analytics: AnalyticsService
    package let operations: OperationsService
    package let deadLetters: DeadLetterService
    /// The auditor over all of them, its background task and its routes.
    package let audit: AuditDesk

    /// All operations of the services.
    package var routes: [Route] { modules.flatMap(\.routes) + deadLetters.routes + audit.routes }

    /// The long tasks of the services besides consumers and janitors, Operations' streams left out.
    package var workers: [any Service] { modules.filter { $0.name != operations.name }.flatMap(\.runners) + deadLetters.runners }

    /// Brings the databases' schemas up to date, adds every service to the bus and finds out where each consumer stood.
    /// - Parameters:
    ///   - databases: one per name in ``databases``, in that order.
    ///   - books: the provider's own, for the audit; nil where they cannot be asked.
    ///   - bus: where the events go; `environment` may put something before it.
    ///   - channels: where notifications go; nil for the log.
    ///   - feedCapacity: how many events a consumer holds in memory.
    ///   - decorate: puts something before a service's handler.
    ///   - registry: what a service's consumer understands, where that is not what the bus understands.
    package init(
        databases: [any Database], provider: any PaymentProvider, books: (any LedgerWitness)? = nil, bus: EventBus, configuration: PlatformConfiguration,
        channels: [any NotificationChannel]? = nil, feedCapacity: Int = 8192, environment: (any Database) -> ServiceEnvironment,
        decorate: (any EventHandler, String) -> any EventHandler = { handler, _ in handler }, registry: (String) -> EventRegistry? = { _ in nil }
    ) async throws {
        let environments = databases.map(environment)
        let inventory = InventoryService(environments[1])
        operations = OperationsService(environments[5])
        orders = OrdersService(environments[0], availability: inventory.availability, configuration: configuration.orders)
        payments = PaymentsService(environments[2], provider: provider, timeout: configuration.paymentTimeout)
        notifications = NotificationsService(environments[3], channels: channels)
        analytics = AnalyticsService(environments[4], history: ArchiveHistory(operations: operations))
        modules = [orders, inventory, payments, notifications, analytics, operations]

        for module in modules {
            try await module.database.migrate(module.migrations, owner: module.name)
            bus.addProducer(module.name, database: module.database)
        }
        consumers = zip(modules, environments).compactMap { module, environment in
            module.handler.map {
                Consumer(
                    handler: decorate($0, module.name), database: module.database, bus: bus, context: environment.context, logger: environment.logger,
                    feedCapacity: feedCapacity, registry: registry(module.name))
            }
        }
        audit = AuditAssembly(
            orders: orders, inventory: inventory, payments: payments, notifications: notifications, analytics: analytics, operations: operations, books: books
        ).desk(modules, environments)
        deadLetters = DeadLetterService(desks: consumers.map(\.deadLetters), environment: environments[5])
        // What came late into the archive stays known, because the audit would take it for out of order.
        janitors = zip(modules, environments).map { [operations] in
            Janitor(database: $0.database, bus: bus, context: $1.context, logger: $1.logger, keepsClosedLetters: $0.name == operations.name)
        }
        for consumer in consumers { try await consumer.prepare() }
    }
}

/// Analytics' history is the archive that Operations keeps.
private struct ArchiveHistory: EventHistory {
    let operations: OperationsService

    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] {
        try await operations.history(after: sequence, limit: limit).map { ($0.sequence, $0.envelope) }
    }
}

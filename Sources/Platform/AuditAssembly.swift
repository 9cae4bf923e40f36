import Analytics
import Contracts
import Inventory
import Messaging
import Notifications
import Operations
import Orders
import Payments
import Storage
import Web

/// Connects the auditor with those who testify and those who put things right.
struct AuditAssembly {
    let orders: OrdersService
    let inventory: InventoryService
    let payments: PaymentsService
    let notifications: NotificationsService
    let analytics: AnalyticsService
    let operations: OperationsService
    let books: (any LedgerWitness)?
    let distribution: Distribution?

    /// - Parameter environments: of the modules, in the same order; the last is Operations'.
    func desk(_ modules: [any ServiceModule], _ environments: [ServiceEnvironment]) -> AuditDesk {
        var witnesses = AuditWitnesses(orders: orders.witness)
        witnesses.inventory = inventory.witness
        witnesses.payments = payments.witness
        witnesses.provider = books
        witnesses.notifications = notifications.witness
        witnesses.analytics = analytics.witness
        witnesses.archive = operations.database
        var redeliveries: [Choreography.Participant: Redelivery] = [:]
        for (module, environment) in zip(modules, environments) {
            guard let handler = module.handler, let participant = Choreography.Participant(rawValue: module.name) else { continue }
            redeliveries[participant] = Redelivery(handler: handler, database: module.database, context: environment.context)
        }
        let events = { @Sendable [operations] order in try await operations.events(of: order) }
        return AuditDesk(
            environments[modules.count - 1], witnesses: witnesses, traffic: TrafficReader(modules.map(AuditAssembly.traffic), lag: lag),
            repairers: [orders.repairer, inventory.repairer, payments.repairer, analytics.repairer(events: events)], redeliveries: redeliveries)
    }

    private var lag: TrafficReader.Lag? {
        guard let broker = distribution?.broker else { return nil }
        return { consumer in try await broker.lag(of: consumer) }
    }

    private static func traffic(_ module: any ServiceModule) -> Traffic.Service {
        let participant = Choreography.Participant(rawValue: module.name)
        let says = Choreography.steps.filter { $0.producer == participant }.map { $0.event.type }
        return Traffic.Service(
            name: module.name, database: module.database, hears: module.handler.map(\.subscriptions) ?? [], says: Set(says))
    }
}

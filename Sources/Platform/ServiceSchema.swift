import Analytics
import Identity
import Inventory
import Notifications
import Operations
import Orders
import PaymentSimulator
import Payments
import Storage

/// What this program knows of the schema of one of the platform's databases.
struct ServiceSchema: Sendable {
    /// The database's name, and the service that owns it.
    let name: String
    let migrations: [Migration]

    /// Those that the audit looks into: everybody's who has to do with orders.
    static let audited = all.filter { $0.name != ServiceName.identity.rawValue }

    /// All databases of a platform, in the order in which they are shown.
    static let all = [
        ServiceSchema(name: "orders", migrations: OrdersService.migrations), ServiceSchema(name: "inventory", migrations: InventoryService.migrations),
        ServiceSchema(name: "payments", migrations: PaymentsService.migrations),
        ServiceSchema(name: "notifications", migrations: NotificationsService.migrations),
        ServiceSchema(name: "analytics", migrations: AnalyticsService.migrations),
        ServiceSchema(name: "operations", migrations: OperationsService.migrations),
        ServiceSchema(name: "identity", migrations: IdentityService.migrations),
        ServiceSchema(name: SimulatedPaymentProvider.owner, migrations: SimulatedPaymentProvider.migrations),
    ]
}

import Contracts
import Messaging
import ServiceLifecycle
import Storage
import Web

/// How Orders behaves.
public struct OrdersConfiguration: Sendable {
    /// How long an order may take to settle before it is cancelled: 15 minutes.
    public var deadlineMilliseconds: Int64 = 900_000
    /// The same for orders that are paid offline: 7 days.
    public var offlineDeadlineMilliseconds: Int64 = 604_800_000
    /// How many orders that are not settled a customer may have when he places another one: 20.
    public var unpaidOrdersPerCustomer: Int64 = 20
    /// How many units these orders may have, the new one's included: 10,000.
    public var unpaidUnitsPerCustomer: Int64 = 10_000
    public init() {}
}

/// Orders: accepts orders, keeps their status and history, and is the only one that ends a saga.
public final class OrdersService: ServiceModule {
    public let name = "orders"
    public let database: any Database
    /// The schema of its database.
    public static let migrations = OrderStore.migrations
    public let migrations = OrderStore.migrations
    public let handler: (any EventHandler)?
    public let routes: [Route]
    public let runners: [any Service]
    let environment: ServiceEnvironment
    let cache: OrderCache?

    /// - Parameters:
    ///   - availability: asks Inventory before an order is accepted.
    ///   - cache: keeps orders as they are shown, for this and other processes; it is not closed here. Nil reads the database, which is right for one that is not
    ///     a network away: see `docs/caching.md`.
    public init(
        _ environment: ServiceEnvironment, availability: @escaping AvailabilityCheck, cache: (any VersionedCache)? = nil,
        configuration: OrdersConfiguration = OrdersConfiguration()
    ) {
        self.environment = environment
        let cache = cache.map { OrderCache(cache: $0) }
        self.cache = cache
        database = environment.database
        let idempotent = IdempotentWrite(database: environment.database, context: environment.context)
        let place = PlaceOrder(environment, availability: availability, idempotent: idempotent, configuration: configuration)
        let change = ChangeOrder(environment: environment, idempotent: idempotent, cache: cache)
        let read = ReadOrders(database: environment.database, cache: cache)
        let expire = ExpireOrders(outbox: environment.outbox, cache: cache)

        handler = AdvanceOrders(outbox: environment.outbox, cache: cache)
        routes = [
            Route(.post, "/orders", .placeOrder, access: .writing(own: .byHandler), startsWork: true) { try await place($0) },
            Route(.get, "/orders", .listOrders, access: .reading(own: .byHandler), read.list),
            Route(.get, "/orders/{id}", .getOrder, access: .reading(own: .orderInPath("id")), read.order),
            Route(.get, "/orders/{id}/status", .getOrderStatus, access: .reading(own: .orderInPath("id")), read.status),
            Route(.post, "/orders/{id}/cancel", .cancelOrder, access: .writing(own: .orderInPath("id")), change.cancel),
            Route(
                .put, "/orders/{id}/status", .setOrderStatus, access: .roles([.support, .warehouse, .finance, .admin, .service], .writeOrders), change.setStatus
            ),
        ]
        runners = [
            TimerRunner(database: environment.database, context: environment.context, logger: environment.logger) { timers, transaction, context in
                try expire.fire(timers, in: transaction, context: context)
            }
        ]
    }
}

extension OrdersService {
    /// Whose an order is.
    public enum Owner: Sendable, Equatable {
        /// There is no such order.
        case nobody
        /// The order names no customer.
        case guest
        case customer(String)
    }

    /// Whose an order is; it never changes.
    public func owner(of id: OrderID) async throws -> Owner {
        guard let order = try await database.read({ try OrderStore.find(id, in: $0) }) else { return .nobody }
        return order.customerID.map { .customer($0) } ?? .guest
    }
}

extension Access {
    fileprivate static func reading(own: Access.Own) -> Access {
        .roles([.customer, .support, .warehouse, .finance, .admin, .service], .readOrders, own: own)
    }
    fileprivate static func writing(own: Access.Own) -> Access { .roles([.customer, .support, .admin, .service], .writeOrders, own: own) }
}

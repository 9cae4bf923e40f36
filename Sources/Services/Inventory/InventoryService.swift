import Contracts
import Messaging
import ServiceLifecycle
import Storage
import Web

/// Inventory: knows the products, holds stock for orders, never sells what is not there.
public final class InventoryService: ServiceModule {
    public let name = "inventory"
    public let database: any Database
    /// The schema of its database.
    public static let migrations = StockStore.migrations
    public let migrations = StockStore.migrations
    public let handler: (any EventHandler)?
    public let routes: [Route]
    public let runners: [any Service] = []
    /// Tells other services what is available.
    public let availability: AvailabilityCheck
    let environment: ServiceEnvironment
    let board: AvailabilityBoard

    public init(_ environment: ServiceEnvironment) {
        self.environment = environment
        board = AvailabilityBoard(isKept: environment.role.isAlone)
        database = environment.database
        let check = CheckAvailability(database: environment.database, board: board)
        let products = ManageProducts(
            environment: environment, idempotent: IdempotentWrite(database: environment.database, context: environment.context), board: board)

        availability = { try await check($0) }
        handler = ReserveStock(outbox: environment.outbox, board: board)
        routes = [
            Route(.post, "/inventory/products", .createProduct, access: .stockKeepers, products.create),
            Route(.put, "/inventory/products", .upsertProducts, access: .stockKeepers, startsWork: true, products.upsert),
            Route(.get, "/inventory/products", .listProducts, access: .anyRole(.readInventory), products.list),
            Route(.get, "/inventory/products/{id}", .getProduct, access: .anyRole(.readInventory), products.get),
            Route(.put, "/inventory/products/{id}", .updateProduct, access: .stockKeepers, products.update),
            Route(.post, "/inventory/products/{id}/adjustments", .adjustStock, access: .stockKeepers, products.adjust),
            Route(.post, "/inventory/availability", .checkAvailability, access: .anyRole(.readInventory), check.respond),
        ]
    }
}

extension Access {
    /// Who changes products and stock. What there is and what it costs, everybody may know who is known.
    fileprivate static let stockKeepers = Access.roles([.warehouse, .admin, .service], .writeInventory)
}

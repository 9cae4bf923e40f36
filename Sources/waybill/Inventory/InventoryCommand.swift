import ArgumentParser
import Contracts
import WaybillClient
import Wire

/// `waybill inventory`.
struct InventoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory", abstract: "Products and their stock.",
        discussion: """
            Examples:
              waybill inventory add LAMP --name "Desk lamp" --price 19.99 --currency GBP --quantity 100
              waybill inventory adjust LAMP +20 --reason delivery
              waybill inventory import products.csv
            """,
        subcommands: [
            InventoryListCommand.self, InventoryGetCommand.self, InventoryAddCommand.self, InventoryAdjustCommand.self, InventoryImportCommand.self,
        ])

    static func table(_ products: [ProductView]) -> Table {
        var table = Table(["sku", "name", "price", "currency", "available", "reserved", "sold", "id"])
        for product in products {
            table.add([
                product.sku, product.name, product.price, product.currency, "\(product.available)", "\(product.reserved)", "\(product.sold)",
                product.id.description,
            ])
        }
        return table
    }

    static func show(_ product: ProductView, isJSON: Bool) {
        if isJSON { Output.json(product.json) } else { Output.table(table([product])) }
    }

    /// A product by its SKU, or by its id.
    static func find(_ name: String, _ api: WaybillAPI) async throws -> ProductView {
        if let product = try await api.product(sku: name) { return product }
        guard let id = Identifier(name) else { throw NoSuchProduct(name: name) }
        return try await api.product(id)
    }
}

/// A name that no product has.
struct NoSuchProduct: Error, CustomStringConvertible {
    let name: String
    var description: String { "There is no product \"\(name)\"." }
}

/// `waybill inventory list`.
struct InventoryListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List products with their stock.",
        discussion: """
            Example:
              waybill inventory list --limit 20
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "At most so many; 0 for all.")
    var limit = 50

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must be 0 or more.") }
    }

    func run() async throws {
        var products: [ProductView] = []
        try await client.withAPI { api in
            try await api.eachProduct(limit: limit == 0 ? .max : limit) { products.append($0) }
        }
        if client.json { return Output.list(products.map(\.json)) }
        if products.isEmpty { return Output.note("There are no products yet.") }
        Output.table(InventoryCommand.table(products))
    }
}

/// `waybill inventory get`.
struct InventoryGetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show a product.",
        discussion: """
            Example:
              waybill inventory get LAMP
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The product's SKU or id.")
    var product: String

    func run() async throws {
        let found = try await client.withAPI { try await InventoryCommand.find(product, $0) }
        InventoryCommand.show(found, isJSON: client.json)
    }
}

/// `waybill inventory add`.
struct InventoryAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a product.",
        discussion: """
            Example:
              waybill inventory add LAMP --name "Desk lamp" --price 19.99 --currency GBP --quantity 100
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The new product's SKU.")
    var sku: String

    @Option(help: "Its name (default: the SKU).")
    var name: String?

    @Option(help: "Price of one unit, a decimal number.")
    var price: String

    @Option(help: "ISO 4217 code.")
    var currency = "GBP"

    @Option(help: "Units in stock.")
    var quantity: Int64 = 0

    func validate() throws {
        guard quantity >= 0 else { throw ValidationError("--quantity must be 0 or more.") }
    }

    func run() async throws {
        let product = NewProduct(sku: sku, name: name ?? sku, price: price, currency: currency, available: quantity)
        let made = try await client.withAPI { try await $0.create(product, key: "cli-\(RunName.fresh())\(RunName.fresh())") }
        InventoryCommand.show(made, isJSON: client.json)
    }
}

/// `waybill inventory adjust`.
struct InventoryAdjustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adjust", abstract: "Record stock that came in (+20) or was written off (-3).",
        discussion: """
            Examples:
              waybill inventory adjust LAMP +20 --reason delivery
              waybill inventory adjust LAMP --reason breakage -- -3
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The product's SKU or id.")
    var product: String

    @Argument(help: "Units that are added; write -- before a negative number.")
    var delta: Int64

    @Option(help: "Why, in a few words.")
    var reason = "adjustment"

    func validate() throws {
        guard delta != 0 else { throw ValidationError("The number of units must not be 0.") }
    }

    func run() async throws {
        let key = "cli-\(RunName.fresh())\(RunName.fresh())"
        let changed = try await client.withAPI { api in
            let found = try await InventoryCommand.find(product, api)
            return try await api.adjust(found.id, by: delta, reason: reason, key: key, retry: RetryPolicy(limit: .seconds(30)))
        }
        InventoryCommand.show(changed, isJSON: client.json)
    }
}

import ArgumentParser
import WaybillClient
import Wire

/// `waybill inventory import`.
struct InventoryImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Create or update the products of a CSV file, plain or gzip.",
        discussion: """
            The first line is sku,name,price,currency,availableQuantity. Products are found by their SKU: new ones are made with the
            stock given, known ones get the name and price, and keep their stock. It can be repeated.

            Example:
              waybill inventory import products.csv
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The file.")
    var file: String

    func run() async throws {
        let products = try ProductFile(GzipFile(path: file)).products
        let progress = ProgressBar("importing", unit: "products", total: products.count, mode: .suited(isSilent: client.json))
        let (created, updated) = try await client.withAPI { api in
            try await api.upsert(products, retry: RetryPolicy(limit: .seconds(30))) { progress.advance(by: $0) }
        }
        progress.finish()
        guard client.json else { return Output.line("\(created) created, \(updated) updated.") }
        Output.json(
            JSONWriter.object { json in
                json.member("created", created)
                json.member("updated", updated)
            })
    }
}

import Contracts
import HTTPTypes
import Messaging
import Storage
import Web
import Wire

/// The catalogue over HTTP: products one by one, in bulk for imports, and their stock.
struct ManageProducts: Sendable {
    static let maximumBulk = 1000
    let environment: ServiceEnvironment
    let idempotent: IdempotentWrite
    let board: AvailabilityBoard

    /// `POST /inventory/products`.
    func create(_ request: WebRequest) async throws -> WebResponse {
        let input = try ProductInput.whole(request.object())
        let actor = try request.actor()
        return try await idempotent.run(request) { transaction in
            if try StockStore.find(sku: input.sku, in: transaction) != nil {
                return .failure(Problem(.conflict, "sku-exists", "There is a product with the SKU \"\(input.sku)\" already."))
            }
            let product = try add([input], in: transaction)[0]
            try record("create-product", of: product, by: actor, before: nil, in: transaction)
            return .success(.json(.created, headers: [.location: "/api/v1/inventory/products/\(product.id)"]) { product.write(to: &$0) })
        }
    }

    /// `PUT /inventory/products`: creates products by SKU or updates their name and price. Stock is set for new ones only, so that an import can be repeated.
    func upsert(_ request: WebRequest) async throws -> WebResponse {
        let inputs = try ProductInput.many(request.object(), maximum: ManageProducts.maximumBulk)
        let actor = try request.actor()
        return try await idempotent.run(request) { transaction in
            let known = Dictionary(
                try StockStore.lock(skus: Set(inputs.map(\.sku)), in: transaction).map { ($0.sku, $0) }, uniquingKeysWith: { first, _ in first })
            let new = inputs.filter { known[$0.sku] == nil }
            _ = try add(new, in: transaction)
            let changed = inputs.compactMap { input in
                known[input.sku].map { product in
                    var product = product
                    product.name = input.name
                    product.price = input.price
                    return product
                }
            }
            try StockStore.updateDetails(changed, in: transaction)
            board.update(changed, in: transaction)
            try AdminLog(context: environment.context).record(
                actor: actor, action: "import-products", subject: "catalogue", before: "\(changed.count) of \(inputs.count) products known",
                after: "\(new.count) created, \(changed.count) updated", in: transaction)
            return .success(
                .json { json in
                    json.member("created", new.count)
                    json.member("updated", changed.count)
                })
        }
    }

    private func add(_ inputs: [ProductInput], in transaction: any Transaction) throws -> [Product] {
        let context = environment.context
        let products = inputs.map { Product(id: context.newID(), sku: $0.sku, name: $0.name, price: $0.price, available: $0.available ?? 0) }
        try StockStore.add(products, in: transaction)
        board.update(products, in: transaction)
        let stocked = products.filter { $0.available > 0 }
        try StockStore.recordAdjustments(stocked.map { ($0.id, $0.available) }, reason: "initial", at: context.now, in: transaction)
        try announce(stocked.map { ($0, $0.available) }, reason: "initial", in: transaction)
        return products
    }

    private func announce(_ changes: [(Product, Int64)], reason: String, in transaction: any Transaction) throws {
        let events = changes.map { product, delta in
            environment.context.envelope(StockAdjusted(sku: product.sku, delta: delta, available: product.available, reason: reason), key: product.id)
        }
        try environment.outbox.append(events, in: transaction)
    }

    /// `GET /inventory/products`, all in pages, or one by `sku`.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let sku = try request.parameter("sku")
        let products = try await environment.database.read { transaction in
            if let sku { return try StockStore.find(sku: sku, in: transaction).map { [$0] } ?? [] }
            return try StockStore.list(after: page.after, limit: page.limit + 1, in: transaction)
        }
        return page.response(products, id: \.id) { json, product in json.object { product.write(to: &$0) } }
    }

    /// `GET /inventory/products/{id}`.
    func get(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "product")
        guard let product = try await environment.database.read({ try StockStore.find(id, in: $0) }) else { throw Problem.notFound("product") }
        return .json { product.write(to: &$0) }
    }

    /// `PUT /inventory/products/{id}`: name and price; `availableQuantity` is a count of the stock, recorded as an adjustment.
    func update(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "product")
        let input = try ProductInput.update(request.object())
        let actor = try request.actor()
        return try await idempotent.run(request) { transaction in
            guard var product = try StockStore.lock(ids: [id], in: transaction).first else { return .failure(.notFound("product")) }
            if let sku = input.sku, sku != product.sku {
                return .failure(Problem.invalid([.init(pointer: "/sku", detail: "cannot be changed: orders and reports know the product by it")]))
            }
            let before = product
            product.name = input.name
            product.price = input.price
            try StockStore.updateDetails([product], in: transaction)
            board.update([product], in: transaction)
            if let count = input.available, count != product.available {
                try adjust(&product, by: count - product.available, reason: "count", in: transaction)
            }
            try record("update-product", of: product, by: actor, before: before, in: transaction)
            return .success(.json { [product] in product.write(to: &$0) })
        }
    }

    /// `POST /inventory/products/{id}/adjustments`: stock received (positive) or written off (negative).
    func adjust(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "product")
        let body = BodyReader(try request.object())
        body.allow("delta", "reason")
        let delta = body.integer("delta", required: true, in: -Product.maximumUnits...Product.maximumUnits) ?? 0
        let reason = body.string("reason", maximum: 200) ?? "adjustment"
        if delta == 0, body.isValid { body.refuse("delta", "must not be 0") }
        try body.finish()
        let actor = try request.actor()
        return try await idempotent.run(request) { transaction in
            guard var product = try StockStore.lock(ids: [id], in: transaction).first else { return .failure(.notFound("product")) }
            guard product.available + delta >= 0, product.available + delta <= Product.maximumUnits else {
                return .failure(
                    Problem(.conflict, "stock-out-of-bounds", "There are \(product.available) units available; \(delta) cannot be added.") { [product] json in
                        json.member("availableQuantity", product.available)
                    })
            }
            let before = product
            try adjust(&product, by: delta, reason: reason, in: transaction)
            try record("adjust-stock", of: product, by: actor, before: before, in: transaction)
            return .success(.json(.created) { [product] in product.write(to: &$0) })
        }
    }

    /// Notes an administrator's action in the transaction that does it.
    private func record(_ action: String, of product: Product, by actor: String, before: Product?, in transaction: any Transaction) throws {
        func json(_ product: Product) -> [UInt8] { JSONWriter.object { product.write(to: &$0) } }
        try AdminLog(context: environment.context).record(
            actor: actor, action: action, subject: "product \(product.sku)", before: before.map(json), after: json(product), in: transaction)
    }

    private func adjust(_ product: inout Product, by delta: Int64, reason: String, in transaction: any Transaction) throws {
        product.available += delta
        try StockStore.updateStock([product], in: transaction)
        board.update([product], in: transaction)
        try StockStore.recordAdjustments([(product.id, delta)], reason: reason, at: environment.context.now, in: transaction)
        try announce([(product, delta)], reason: reason, in: transaction)
    }
}

import Contracts
import Storage
import Web
import Wire

/// Tells what is available now. Advice: the reservation decides.
struct CheckAvailability: Sendable {
    let database: any Database
    let board: AvailabilityBoard

    /// The products asked for, in order; nil for those that do not exist.
    func callAsFunction(_ questions: [AvailabilityQuestion]) async throws -> [ProductAvailability?] {
        let known = questions.map(board.find)
        let missing = zip(questions, known).filter { $1 == nil }.map(\.0)
        guard !missing.isEmpty else { return known }
        let ids = Set(missing.compactMap(\.productID))
        let skus = Set(missing.compactMap { $0.productID == nil ? $0.sku : nil })
        let products = try await database.read { transaction in try StockStore.find(ids: ids, skus: skus, in: transaction) }
        board.add(products)
        let found = products.map { ProductAvailability(productID: $0.id, sku: $0.sku, price: $0.price, available: $0.available) }
        let byID = Dictionary(found.map { ($0.productID, $0) }, uniquingKeysWith: { first, _ in first })
        let bySKU = Dictionary(found.map { ($0.sku, $0) }, uniquingKeysWith: { first, _ in first })
        return zip(questions, known).map { question, answer in
            if let answer { return answer }
            if let id = question.productID { return byID[id] }
            return question.sku.flatMap { bySKU[$0] }
        }
    }

    /// `POST /inventory/availability`.
    func respond(_ request: WebRequest) async throws -> WebResponse {
        let body = BodyReader(try request.object())
        body.allow("items")
        let items = (body.objects("items", required: true, count: 1...2000) ?? []).map { reader in
            reader.allow("productId", "sku", "quantity")
            let question = AvailabilityQuestion(productID: reader.identifier("productId"), sku: reader.string("sku", maximum: 64))
            if reader.value("productId", required: false) == nil, reader.value("sku", required: false) == nil {
                reader.refuse("", "needs a productId or a sku")
            }
            return (question, reader.integer("quantity", required: true, in: 1...1_000_000) ?? 1)
        }
        try body.finish()
        let found = try await self(items.map(\.0))
        let lines = zip(items, found).map { item, product in (item.0, item.1, product) }
        // Lines of the same product draw on the same stock.
        var wanted: [ProductID: Int64] = [:]
        for case (_, let quantity, let product?) in lines { wanted[product.productID, default: 0] += quantity }
        let isCovered = lines.allSatisfy { _, _, product in product.map { wanted[$0.productID, default: 0] <= $0.available } ?? false }
        return .json(capacity: 160 * lines.count) { json in
            json.member("available", isCovered)
            json.key("items")
            json.array(lines) { json, line in
                json.object { json in
                    json.optional("productId", line.2?.productID ?? line.0.productID)
                    json.optional("sku", line.2?.sku ?? line.0.sku)
                    json.member("requestedQuantity", line.1)
                    json.member("availableQuantity", line.2?.available ?? 0)
                    json.member("exists", line.2 != nil)
                    if let price = line.2?.price {
                        json.member("price", price.amount)
                        json.member("currency", price.currency.code)
                    }
                }
            }
        }
    }
}

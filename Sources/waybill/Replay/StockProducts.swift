import Contracts
import WaybillClient

/// Brings the stock of each product to what the orders need: new products begin with it, known ones are topped up.
struct StockProducts: Sendable {
    private static let passes = 3
    let api: WaybillAPI
    let retry: RetryPolicy
    let connections: Int

    /// What was done.
    struct Result: Sendable {
        var created: Int64 = 0
        var toppedUp = 0
    }

    func callAsFunction(_ products: [RetailProduct], progress: ProgressBar) async throws -> Result {
        let (created, _) = try await api.upsert(products.map(ReplayPlan.product), retry: retry) { progress.advance(by: $0) }
        var result = Result(created: created)
        // Once is enough unless a key of a top-up was used before, after which stock was written off.
        for pass in 1...StockProducts.passes {
            let short = try await shortage(products)
            if short.isEmpty { break }
            result.toppedUp += short.count
            _ = try await inParallel(short, width: connections) { [api, retry] product, missing in
                // The key names the state that it was decided in: a repetition after a lost answer adds nothing.
                let key = "uci-online-retail-stock-\(product.id)-\(product.total)-\(missing)-\(pass)"
                return try await api.adjust(product.id, by: missing, reason: "replay", key: key, retry: retry).available
            }
        }
        return result
    }

    /// Products of which fewer units ever came in than the orders need together.
    private func shortage(_ products: [RetailProduct]) async throws -> [(ProductView, Int64)] {
        let needed = Dictionary(products.map { ($0.stockCode, $0.unitsNeeded) }) { first, _ in first }
        var short: [(ProductView, Int64)] = []
        try await api.eachProduct(retry: retry) { product in
            if let units = needed[product.sku], product.total < units { short.append((product, units - product.total)) }
        }
        return short
    }
}

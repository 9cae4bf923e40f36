import Contracts
import Synchronization
import Wire

/// As much of a platform as a replay sees: products, orders that are PAID at once, and a dashboard made of them.
final class FakeShop: Sendable {
    struct Placed: Sendable {
        let id: Identifier
        let body: JSONValue
        let total: Int64
    }

    struct State: Sendable {
        var products: [(sku: String, units: Int64)] = []
        var orders: [String: Placed] = [:]
        var placements: [String] = []
        var failures: [FakePlatform.Answer] = []
        /// Makes Analytics report a penny more.
        var isWrong = false
    }

    let state = Mutex(State())

    func answer(_ request: FakePlatform.Request) -> FakePlatform.Answer {
        state.withLock { state in
            switch (request.method, request.path.replacing("/api/v1", with: "")) {
            case ("PUT", "/inventory/products"): upsert(request, &state)
            case ("GET", "/inventory/products"): .init(body: "{\"items\":[\(state.products.enumerated().map(product).joined(separator: ","))]}")
            case ("POST", let path) where path.hasSuffix("/adjustments"): adjust(request, path, &state)
            case ("POST", "/orders"): place(request, &state)
            case ("GET", "/orders"):
                .init(body: "{\"items\":[\(request.query.contains("status=PAID") ? state.orders.values.map(summary).joined(separator: ",") : "")]}")
            case ("GET", "/analytics/dashboard"): .init(body: dashboard(state))
            default: .init(status: 404, body: "{\"type\":\"x/not-found\",\"title\":\"Not found\",\"status\":404,\"detail\":\"no\"}")
            }
        }
    }

    private func upsert(_ request: FakePlatform.Request, _ state: inout State) -> FakePlatform.Answer {
        let products = (try? JSONParser.parse(request.body))?["products"]?.array ?? []
        let known = Set(state.products.map(\.sku))
        let new = products.filter { !known.contains($0["sku"]?.string ?? "") }
        state.products += new.map { ($0["sku"]?.string ?? "", $0["availableQuantity"]?.integer ?? 0) }
        return .init(body: "{\"created\":\(new.count),\"updated\":\(products.count - new.count)}")
    }

    private func product(_ index: Int, _ product: (sku: String, units: Int64)) -> String {
        """
        {"id":"\(Identifier(high: 9, low: UInt64(index)))","sku":"\(product.sku)","name":"x","price":"1.00","currency":"GBP",\
        "availableQuantity":\(product.units),"reservedQuantity":0,"soldQuantity":0}
        """
    }

    private func adjust(_ request: FakePlatform.Request, _ path: String, _ state: inout State) -> FakePlatform.Answer {
        let index = Int(Identifier(String(path.split(separator: "/")[2]))?.low ?? 0)
        state.products[index].units += (try? JSONParser.parse(request.body))?["delta"]?.integer ?? 0
        return .init(status: 201, body: product(index, state.products[index]))
    }

    private func place(_ request: FakePlatform.Request, _ state: inout State) -> FakePlatform.Answer {
        let key = request.key ?? ""
        state.placements.append(key)
        guard let body = try? JSONParser.parse(request.body) else { return .init(status: 400, body: "{}") }
        let pennies = Currency("GBP").map { currency in
            (body["items"]?.array ?? []).reduce(Int64(0)) { sum, item in
                sum + (Money(item["price"]?.string ?? "", currency)?.minorUnits ?? 0) * (item["quantity"]?.integer ?? 0)
            }
        }
        let id = Identifier(high: 1_700_000_000_000 << 16 | 0x7000, low: UInt64(state.orders.count))
        let placed = state.orders[key] ?? Placed(id: id, body: body, total: pennies ?? 0)
        state.orders[key] = placed
        if let failure = state.failures.popLast() { return failure }
        return .init(status: 202, body: summary(placed))
    }

    private func summary(_ order: Placed) -> String {
        """
        {"id":"\(order.id)","status":"PAID","version":3,"totalAmount":"\(Money.format(order.total, digits: 2))","currency":"GBP",\
        "lineCount":\(order.body["items"]?.array?.count ?? 0),"placedAt":"\(order.body["placedAt"]?.string ?? "")","createdAt":"2026-01-01T00:00:00Z"}
        """
    }

    private func dashboard(_ state: State) -> String {
        func figures(_ orders: [Placed]) -> String {
            let lines = orders.flatMap { $0.body["items"]?.array ?? [] }
            let units = lines.reduce(0) { $0 + ($1["quantity"]?.integer ?? 0) }
            return row(orders.count, lines.count, units, orders.reduce(0) { $0 + $1.total } + (state.isWrong ? 1 : 0))
        }
        func row(_ orders: Int, _ lines: Int, _ units: Int64, _ pennies: Int64) -> String {
            "\"orders\":\(orders),\"lines\":\(lines),\"units\":\(units),\"revenue\":\"\(Money.format(pennies, digits: 2))\",\"currency\":\"GBP\""
        }
        func group(_ name: String, _ key: (Placed) -> String) -> String {
            Dictionary(grouping: state.orders.values, by: key).map { "{\"\(name)\":\"\($0.key)\",\(figures($0.value))}" }.joined(separator: ",")
        }
        return """
            {"ordersByStatus":{"PAID":\(state.orders.count)},"byCurrency":{"GBP":{\(figures(Array(state.orders.values)))}},\
            "byMonth":[\(group("month") { String(($0.body["placedAt"]?.string ?? "").prefix(7)) })],\
            "byCountry":[\(group("country") { $0.body["shippingCountry"]?.string ?? "unknown" })],\
            "topProducts":[\(group("sku") { $0.body["items"]?[0]?["sku"]?.string ?? "" })]}
            """
    }
}

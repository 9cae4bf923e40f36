import Contracts
import WaybillClient
import Wire

/// Many customers want the last units of one product at once: exactly as many may be served as there are units.
struct HotProduct: Sendable {
    /// What became of the orders, and of the stock.
    struct Result: Sendable, Equatable {
        var units: Int64
        var orders: Int
        /// Accepted orders by the status that they ended with.
        var statuses: [OrderStatus: Int] = [:]
        /// Refused at once for want of stock.
        var refused = 0
        /// Everything else, by its words.
        var errors: [String: Int] = [:]
        var available: Int64 = 0
        var reserved: Int64 = 0
        var seconds = 0.0

        /// What is not as it must be; empty if all is well.
        var faults: [String] {
            let paid = statuses[.paid] ?? 0
            let expected = min(Int(units), orders)
            var faults: [String] = []
            if paid != expected { faults.append("\(paid) orders are PAID instead of \(expected)") }
            let others = refused + (statuses[.cancelled] ?? 0)
            if others != orders - expected { faults.append("\(others) orders were refused or CANCELLED instead of \(orders - expected)") }
            if available != units - Int64(expected) { faults.append("\(available) units are available instead of \(units - Int64(expected))") }
            if reserved != Int64(expected) { faults.append("\(reserved) units are reserved instead of \(expected)") }
            return faults + errors.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }
        }
    }

    private enum Answer {
        case accepted(OrderID)
        case refused
        case failed(String)
    }

    private static let price = "5.00"

    let api: WaybillAPI
    let sku: String
    let units: Int64
    let orders: Int
    let connections: Int

    func callAsFunction(progress: ProgressBar) async throws -> Result {
        let product = try await api.create(NewProduct(sku: sku, name: "Hot product", price: HotProduct.price, currency: "GBP", available: units))
        let begin = ContinuousClock.now
        let next = Tickets()
        let parts = try await withThrowingTaskGroup(of: Result.self) { group in
            for _ in 0..<connections { group.addTask { try await work(next, progress) } }
            var parts: [Result] = []
            for try await part in group { parts.append(part) }
            return parts
        }
        var result = Result(units: units, orders: orders)
        for part in parts {
            result.refused += part.refused
            result.statuses.merge(part.statuses, uniquingKeysWith: +)
            result.errors.merge(part.errors, uniquingKeysWith: +)
        }
        result.seconds = (ContinuousClock.now - begin) / .seconds(1)
        let after = try await api.product(product.id)
        (result.available, result.reserved) = (after.available, after.reserved)
        return result
    }

    /// One connection: places its share of the orders as fast as it can, then looks how they ended.
    private func work(_ next: Tickets, _ progress: ProgressBar) async throws -> Result {
        var result = Result(units: units, orders: orders)
        var accepted: [OrderID] = []
        while case let number = next.next(), number < orders {
            switch await place(number) {
            case .accepted(let id): accepted.append(id)
            case .refused: result.refused += 1
            case .failed(let words): result.errors[words, default: 0] += 1
            }
            progress.advance()
        }
        for id in accepted { result.statuses[try await end(of: id), default: 0] += 1 }
        return result
    }

    private func place(_ number: Int) async -> Answer {
        // With its price, so that an order is let through where Inventory is too busy to be asked: then the saga decides.
        let order = NewOrder(items: [.init(sku: sku, quantity: 1, price: HotProduct.price)], currency: "GBP", customerID: "hot-\(number)")
        do {
            return .accepted(try await api.place(order.body, key: "\(sku)-\(number)", retry: RetryPolicy(limit: .seconds(30))).id)
        } catch let error as APIError where error.type == "insufficient-stock" {
            return .refused
        } catch {
            return .failed("\(error)")
        }
    }

    private func end(of id: OrderID) async throws -> OrderStatus {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let status = try await api.order(id, retry: RetryPolicy(limit: .seconds(30))).status
            if status.isSettled || ContinuousClock.now > deadline { return status }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

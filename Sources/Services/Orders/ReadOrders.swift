import Contracts
import Storage
import Web
import Wire

/// The queries: one order, its status, a list.
struct ReadOrders: Sendable {
    let database: any Database

    func order(_ request: WebRequest) async throws -> WebResponse {
        try request.allow()
        let id = try request.identifier("id", of: "order")
        let found = try await database.read { transaction in
            try OrderStore.find(id, in: transaction).map {
                ($0, try OrderStore.lines(of: $0, in: transaction), try OrderStore.history(of: id, in: transaction))
            }
        }
        guard let (order, lines, history) = found else { throw Problem.notFound("order") }
        return .json(capacity: 1024 + 96 * lines.count) { OrderJSON.write(order, lines: lines, history: history, to: &$0) }
    }

    func status(_ request: WebRequest) async throws -> WebResponse {
        try request.allow()
        let id = try request.identifier("id", of: "order")
        guard let order = try await database.read({ try OrderStore.find(id, in: $0) }) else { throw Problem.notFound("order") }
        return .json { json in
            json.member("id", id)
            json.member("status", order.state.status.rawValue)
            json.member("version", order.state.version)
            json.optional("reason", order.reason)
            json.member("settled", order.state.status.isSettled)
            json.member("updatedAt", order.updatedAt)
        }
    }

    /// Newest first. `from` and `to` bound the time of acceptance, which the ids carry.
    func list(_ request: WebRequest) async throws -> WebResponse {
        try request.allow("customerId", "status", "from", "to", "limit", "cursor")
        let page = try Page(request)
        let customer = try request.parameter("customerId")
        let status = try request.parameter("status").map { text throws(Problem) in
            guard let status = OrderStatus(rawValue: text) else {
                throw Problem.badParameter("status", "must be one of \(OrderStatus.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return status
        }
        let lower = try request.timestamp("from").map { Identifier.lowerBound(of: $0) } ?? Identifier(high: 0, low: 0)
        var upper = try request.timestamp("to").map { Identifier.lowerBound(of: $0) } ?? Identifier(high: .max, low: .max)
        if let after = page.after { upper = min(upper, after) }
        let (from, to) = (lower, upper)
        let orders = try await database.read {
            try OrderStore.list(from: from, to: to, customer: customer, status: status, limit: page.limit + 1, in: $0)
        }
        return page.response(orders, id: \.id) { json, order in json.object { OrderJSON.writeSummary(order, to: &$0) } }
    }
}

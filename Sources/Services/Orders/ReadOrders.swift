import Contracts
import Storage
import Web
import Wire

/// The queries: one order, its status, a list.
struct ReadOrders: Sendable {
    let database: any Database
    /// Nil where a read from the database is as cheap as one from a cache.
    let cache: OrderCache?

    /// `GET /orders/{id}`: from the cache where that cannot be told from the database's answer, or is at least what the client asks for.
    func order(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "order")
        let client = try OrderVersion(request)
        let found = await cache?.find(id)
        if let entry = found?.entry, found?.isFresh == true, ReadOrders.isEnough(entry, for: client) { return ReadOrders.answer(entry, client) }
        switch try await read(id, unlessChangedSince: found?.entry?.version, client) {
        case .missing: throw Problem.notFound("order")
        case .unchanged(let revision):
            guard let entry = found?.entry, entry.version == revision else { return .notModified(OrderVersion.headers(revision)) }
            // For clients with a token, who may be answered without the database for a while now.
            if client.minimum != nil, found?.isFresh == false, let ticket = found?.ticket { cache?.confirm(entry, of: id, ticket: ticket) }
            return ReadOrders.answer(entry, client)
        case .whole(let order, let lines, let history):
            let bytes = JSONWriter.object(capacity: 1024 + 96 * lines.count) { OrderJSON.write(order, lines: lines, history: history, to: &$0) }
            if let ticket = found?.ticket { cache?.keep(bytes, of: id, order.state, ticket: ticket) }
            return .json(headers: OrderVersion.headers(order.state.revision), bytes: bytes)
        }
    }

    /// Whether a fresh entry can be the answer: one that nothing can follow, or one that is as new as what the client has seen.
    private static func isEnough(_ entry: CacheEntry, for client: OrderVersion) -> Bool {
        let version = OrderVersion.version(of: entry.version)
        return client.minimum.map { $0 <= version } ?? entry.isFinal
    }

    private static func answer(_ entry: CacheEntry, _ client: OrderVersion) -> WebResponse {
        let headers = OrderVersion.headers(entry.version)
        return client.knows(entry.version) ? .notModified(headers) : .json(headers: headers, bytes: entry.bytes)
    }

    /// What the database says of an order.
    private enum Reading: Sendable {
        case missing
        /// The revision that the cache or the client has.
        case unchanged(Int64)
        case whole(Order, [OrderLine], [(version: Int64, status: OrderStatus, at: Timestamp)])
    }

    /// Reads an order as a whole, unless one row says that the cache or the client has it.
    private func read(_ id: OrderID, unlessChangedSince cached: Int64?, _ client: OrderVersion) async throws -> Reading {
        try await database.read { transaction in
            if cached != nil || client.knowsSomething {
                guard let revision = try OrderStore.state(of: id, in: transaction)?.revision else { return .missing }
                if revision == cached || client.knows(revision) { return .unchanged(revision) }
            }
            guard let order = try OrderStore.find(id, in: transaction) else { return .missing }
            return .whole(order, try OrderStore.lines(of: order, in: transaction), try OrderStore.history(of: id, in: transaction))
        }
    }

    func status(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "order")
        guard let order = try await database.read({ try OrderStore.find(id, in: $0) }) else { throw Problem.notFound("order") }
        return WebResponse.json { json in
            json.member("id", id)
            json.member("status", order.state.status.rawValue)
            json.member("version", order.state.version)
            json.optional("reason", order.reason)
            json.member("settled", order.state.status.isSettled)
            json.member("updatedAt", order.updatedAt)
        }.tellingVersion(of: order)
    }

    /// Newest first. `from` and `to` bound the time of acceptance, which the ids carry.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let asked = try request.parameter("customerId")
        // What is another's does not exist for a customer.
        if let own = request.customer, let asked, asked != own { return page.response([Order](), id: \.id) { _, _ in } }
        let customer = request.customer ?? asked
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

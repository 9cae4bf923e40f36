import Contracts
import Wire

extension WaybillAPI {
    /// `GET /orders/{id}/explain`: what an order waits for.
    public func explain(_ id: Identifier) async throws -> JSONObject { try await get("/orders/\(id)/explain") }

    /// `POST /admin/audit` of one order.
    public func audit(order: Identifier, repair: Bool) async throws -> JSONObject {
        try await send(
            "POST", "/admin/audit",
            body: JSONWriter.object { json in
                json.member("orderId", order)
                json.member("repair", repair)
            })
    }

    /// `POST /admin/audit` of the next orders behind a cursor; the first piece also looks at products, traffic and sums.
    public func audit(after cursor: Identifier?, limit: Int, repair: Bool) async throws -> JSONObject {
        try await send(
            "POST", "/admin/audit",
            body: JSONWriter.object { json in
                json.optional("cursor", cursor)
                json.member("limit", limit)
                json.member("repair", repair)
            })
    }

    /// `GET /admin/audit`: what the running audit has found and what still stands.
    public func auditStanding() async throws -> JSONObject { try await get("/admin/audit") }

    /// `GET /admin/audit/rules`: what is checked.
    public func auditRules() async throws -> JSONObject { try await get("/admin/audit/rules") }

    /// `GET /admin/stuck-orders`: orders that are under way, by what they wait for.
    /// - Parameters:
    ///   - overdue: only those that should have come to an end.
    ///   - party: only those that wait for this service or party.
    public func stuckOrders(overdue: Bool = true, status: OrderStatus? = nil, party: String? = nil, limit: Int = 100) async throws -> JSONObject {
        let query: [(String, String?)] = [("overdue", String(overdue)), ("status", status?.rawValue), ("party", party), ("limit", String(limit))]
        return try await get("/admin/stuck-orders", query)
    }

    /// `POST /admin/orders/{id}/resume`: does again what an order waits for.
    public func resume(_ id: OrderID) async throws -> JSONObject { try await send("POST", "/admin/orders/\(id)/resume") }

    /// `POST /admin/orders/{id}/compensate`: gives an order up, with its stock and its money.
    public func compensate(_ id: OrderID) async throws -> JSONObject { try await send("POST", "/admin/orders/\(id)/compensate") }
}

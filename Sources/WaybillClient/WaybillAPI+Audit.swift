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
}

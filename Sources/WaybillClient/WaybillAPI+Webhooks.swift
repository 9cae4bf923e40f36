import Wire

/// An endpoint outside that is told of events.
public struct WebhookView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// The webhook's id.
    public let id: Identifier
    /// Where it leads.
    public let url: String
    /// `active`, `paused` or `disabled`.
    public let state: String
    /// Nil for all types of events.
    public let types: [String]?
    /// What messages are signed with; only where it was just made.
    public let secret: String?

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        url = try json.string("url")
        state = try json.string("state")
        types = json["types"]?.array?.compactMap(\.string)
        secret = try json.optionalString("secret")
    }
}

/// A message to an endpoint.
public struct WebhookDeliveryView: Sendable {
    /// Everything that the server said; with `log`, its attempts, where one was asked for.
    public let json: JSONObject
    /// The `webhook-id` that the endpoint sees.
    public let id: Identifier
    /// Of which type its event is.
    public let type: String
    /// `pending`, `delivered` or `failed`.
    public let state: String
    /// How often it was sent.
    public let attempts: Int64
    /// When its event happened, or it was asked for.
    public let createdAt: Timestamp

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        type = try json.string("type")
        state = try json.string("state")
        attempts = try json.integer("attempts")
        createdAt = try json.timestamp("createdAt")
    }
}

/// What is to be changed about an endpoint; what is nil stays.
public struct WebhookChange: Sendable {
    /// Another endpoint.
    public var url: String?
    /// Empty for all types of events.
    public var types: [String]?
    /// Empty for none.
    public var description: String?
    /// `active` or `paused`.
    public var state: String?

    /// What is nil stays.
    public init(url: String? = nil, types: [String]? = nil, description: String? = nil, state: String? = nil) {
        (self.url, self.types, self.description, self.state) = (url, types, description, state)
    }

    fileprivate var body: [UInt8] {
        JSONWriter.object { json in
            json.optional("url", url)
            if let types {
                json.key("types")
                if types.isEmpty { json.null() } else { json.array(types) { $0.string($1) } }
            }
            if let description {
                json.key("description")
                if description.isEmpty { json.null() } else { json.string(description) }
            }
            json.optional("state", state)
        }
    }
}

extension WaybillAPI {
    private static let webhooks = "/webhooks"

    /// `POST /webhooks`: the answer has the secret, this once.
    /// - Parameter types: of events; empty for all.
    public func createWebhook(url: String, types: [String] = [], description: String? = nil, key: String? = nil) async throws -> WebhookView {
        let body = JSONWriter.object { json in
            json.member("url", url)
            if !types.isEmpty {
                json.key("types")
                json.array(types) { $0.string($1) }
            }
            json.optional("description", description)
        }
        return try await webhook("POST", WaybillAPI.webhooks, body, key)
    }

    /// `GET /webhooks`: all that the caller may see.
    public func webhooks() async throws -> [WebhookView] {
        var (all, cursor): ([WebhookView], String?) = ([], nil)
        repeat {
            let json = try await get(WaybillAPI.webhooks, [("limit", String(WaybillAPI.largestPage)), ("cursor", cursor)])
            all += try decode(WaybillAPI.webhooks) { try json.objects("items").map(WebhookView.init) }
            cursor = try json.optionalString("nextCursor")
        } while cursor != nil
        return all
    }

    /// `GET /webhooks/{id}`.
    public func webhook(_ id: Identifier) async throws -> WebhookView {
        let path = WaybillAPI.path(ofWebhook: id)
        let json = try await get(path)
        return try decode(path) { try WebhookView(json) }
    }

    /// `PATCH /webhooks/{id}`.
    public func changeWebhook(_ id: Identifier, _ change: WebhookChange, key: String? = nil) async throws -> WebhookView {
        try await webhook("PATCH", WaybillAPI.path(ofWebhook: id), change.body, key)
    }

    /// `DELETE /webhooks/{id}`; the answer tells what it was.
    public func deleteWebhook(_ id: Identifier, key: String? = nil) async throws -> WebhookView {
        try await webhook("DELETE", WaybillAPI.path(ofWebhook: id), [], key)
    }

    /// `POST /webhooks/{id}/rotate-secret`: a new secret, shown this once.
    /// - Parameter overlapHours: for how long the old one signs as well; nil for a day.
    public func rotateWebhookSecret(_ id: Identifier, overlapHours: Int? = nil, key: String? = nil) async throws -> WebhookView {
        let body = JSONWriter.object { json in if let overlapHours { json.member("overlapHours", overlapHours) } }
        return try await webhook("POST", WaybillAPI.path(ofWebhook: id) + "/rotate-secret", body, key)
    }

    /// `POST /webhooks/{id}/test`: sends a message that means nothing, once.
    public func testWebhook(_ id: Identifier, key: String? = nil) async throws -> WebhookDeliveryView {
        try await delivery("POST", WaybillAPI.path(ofWebhook: id) + "/test", key)
    }

    /// `GET /webhooks/{id}/deliveries`: the newest first, at most `limit`.
    /// - Parameters:
    ///   - state: `pending`, `delivered` or `failed`; nil for all.
    ///   - order: only messages about this order.
    public func webhookDeliveries(
        _ id: Identifier, state: String? = nil, type: String? = nil, order: Identifier? = nil, limit: Int = 50
    ) async throws -> [WebhookDeliveryView] {
        let path = WaybillAPI.path(ofWebhook: id) + "/deliveries"
        let filter = [("state", state), ("type", type), ("orderId", order?.description)]
        var (all, cursor): ([WebhookDeliveryView], String?) = ([], nil)
        repeat {
            let size = min(limit - all.count, WaybillAPI.largestPage)
            let json = try await get(path, filter + [("limit", String(size)), ("cursor", cursor)])
            all += try decode(path) { try json.objects("items").map(WebhookDeliveryView.init) }
            cursor = try json.optionalString("nextCursor")
        } while cursor != nil && all.count < limit
        return all
    }

    /// `GET /webhooks/{id}/deliveries/{delivery}`: with its attempts.
    public func webhookDelivery(_ delivery: Identifier, of id: Identifier) async throws -> WebhookDeliveryView {
        let path = WaybillAPI.path(ofWebhook: id) + "/deliveries/\(delivery)"
        let json = try await get(path)
        return try decode(path) { try WebhookDeliveryView(json) }
    }

    /// `POST /webhooks/{id}/deliveries/{delivery}/redeliver`.
    public func redeliver(_ delivery: Identifier, of id: Identifier, key: String? = nil) async throws -> WebhookDeliveryView {
        try await self.delivery("POST", WaybillAPI.path(ofWebhook: id) + "/deliveries/\(delivery)/redeliver", key)
    }

    /// `POST /webhooks/{id}/redeliver?since=`: sends all events since a moment again, in as many requests as that takes.
    /// - Parameter since: RFC 3339, or a day.
    /// - Returns: how many messages will be sent.
    public func redeliverAll(of id: Identifier, since: String) async throws -> Int64 {
        let path = WaybillAPI.path(ofWebhook: id) + "/redeliver"
        var (count, after, hasMore): (Int64, String?, Bool) = (0, nil, true)
        while hasMore {
            let query = [("since", since), ("after", after)].compactMap { name, value in value.map { "\(name)=\(WaybillAPI.percentEncoded($0))" } }
            let json = try await send("POST", path + "?" + query.joined(separator: "&"))
            try decode(path) {
                count += try json.integer("scheduled")
                after = String(try json.integer("next"))
                hasMore = try json.bool("more")
            }
        }
        return count
    }

    private static func path(ofWebhook id: Identifier) -> String { "\(webhooks)/\(id)" }

    private func webhook(_ method: String, _ path: String, _ body: [UInt8], _ key: String?) async throws -> WebhookView {
        let json = try await send(method, path, body: body, key: key)
        return try decode(path) { try WebhookView(json) }
    }

    private func delivery(_ method: String, _ path: String, _ key: String?) async throws -> WebhookDeliveryView {
        let json = try await send(method, path, key: key)
        return try decode(path) { try WebhookDeliveryView(json) }
    }
}

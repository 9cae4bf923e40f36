import HTTPTypes
import Messaging
import Storage
import Web
import Wire

/// The log of messages to an endpoint, and sending them again.
struct WebhookDeliveryRequests: Sendable {
    /// Most events that one request has sent again, and most that it looks at.
    private static let maximumRepeated = 5000
    private static let maximumLooked = 100_000
    private static let piece = 1000

    let environment: ServiceEnvironment
    let keys: IdempotentWrite
    let messages: TaskSignal

    /// `GET /webhooks/{id}/deliveries`: the newest first.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let state = try request.deliveryState()
        let type = try request.parameter("type")
        let order = try request.order()
        let webhook = try await request.webhook(in: environment.database)
        let rows = try await environment.database.read { transaction in
            try WebhookDeliveryTable.list(
                webhook.id, before: page.after, state: state, type: type, key: order, limit: page.limit + 1, in: transaction)
        }
        return page.response(rows, id: \.id) { json, delivery in json.object { delivery.write(to: &$0) } }
    }

    /// `GET /webhooks/{id}/deliveries/{delivery}`: with its attempts, the newest first.
    func show(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("delivery", of: "delivery")
        let webhook = try await request.webhook(in: environment.database)
        let found = try await environment.database.read { transaction -> (WebhookDelivery, [WebhookAttempt])? in
            guard let delivery = try WebhookDeliveryTable.find(id, in: transaction), delivery.webhook == webhook.id else { return nil }
            return (delivery, try WebhookDeliveryTable.attempts(of: id, in: transaction))
        }
        guard let (delivery, attempts) = found else { throw Problem.notFound("delivery") }
        return .json(capacity: 512 * (attempts.count + 1)) { json in
            delivery.write(to: &json)
            json.key("log")
            json.array(attempts) { json, attempt in json.object { attempt.write(to: &$0) } }
        }
    }

    /// `POST /webhooks/{id}/deliveries/{delivery}/redeliver`: sends a message again, with the same `webhook-id`, as if it had never been tried.
    func redeliver(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("delivery", of: "delivery")
        return try await withWebhook(request) { webhook, transaction in
            guard var delivery = try WebhookDeliveryTable.find(id, in: transaction), delivery.webhook == webhook.id else {
                return .failure(.notFound("delivery"))
            }
            (delivery.state, delivery.dueAt, delivery.finishedAt) = (.pending, environment.context.now, nil)
            try WebhookDeliveryTable.repeatAll([delivery], in: transaction)
            let again = delivery
            return .success(.json(.accepted) { again.write(to: &$0) })
        }
    }

    /// `POST /webhooks/{id}/redeliver?since=`: sends all events of the archive since a moment that the endpoint wants, also those that it never was told of. What
    /// is too much for one request goes on with `after`, the place that the answer names as `next`.
    func redeliverSince(_ request: WebRequest) async throws -> WebResponse {
        let since = try request.timestamp("since")
        let after = try request.parameter("after") == nil ? nil : request.integer("after", in: 0...Int.max, default: 0)
        guard let since else { throw Problem.badParameter("since", "must say from when on") }
        return try await withWebhook(request) { webhook, transaction in
            let begin = try after.map { Int64($0) } ?? EventArchive.place(of: since, in: transaction)
            let (count, place, isEnd) = try repeatEvents(of: webhook, since: since, after: begin, in: transaction)
            return .success(
                .json(.accepted) { json in
                    json.member("scheduled", count)
                    json.member("next", place)
                    json.member("more", !isEnd)
                })
        }
    }

    private func repeatEvents(
        of webhook: Webhook, since: Timestamp, after begin: Int64, in transaction: any Transaction
    ) throws -> (count: Int, place: Int64, isEnd: Bool) {
        let now = environment.context.now
        var (place, looked, count) = (begin, 0, 0)
        while looked < WebhookDeliveryRequests.maximumLooked, count < WebhookDeliveryRequests.maximumRepeated {
            let heads = try EventArchive.heads(after: place, limit: WebhookDeliveryRequests.piece, in: transaction)
            let wanted = heads.filter { $0.time >= since && webhook.wants($0.type) }
            try WebhookDeliveryTable.repeatAll(
                wanted.map { EnqueueDeliveries.delivery(of: $0.id, key: $0.key, type: $0.type, at: $0.sequence, to: webhook.id, now: now) },
                in: transaction)
            (looked, count, place) = (looked + heads.count, count + wanted.count, heads.last?.sequence ?? place)
            if heads.count < WebhookDeliveryRequests.piece { return (count, place, true) }
        }
        return (count, place, false)
    }

    private func withWebhook(
        _ request: WebRequest, _ body: @escaping @Sendable (Webhook, any Transaction) throws -> Result<WebResponse, Problem>
    ) async throws -> WebResponse {
        let actor = try request.actor()
        let id = try request.identifier("id", of: "webhook")
        let response = try await keys.run(request) { transaction in
            guard let webhook = try WebhookTable.lock(id, in: transaction), webhook.isVisible(to: request.principal) else {
                return .failure(.notFound("webhook"))
            }
            guard webhook.state == .active else {
                return .failure(Problem(.conflict, "webhook-not-active", "The webhook is \(webhook.state.name); set it to active first."))
            }
            let result = try body(webhook, transaction)
            guard case .success(let response) = result else { return result }
            var after: [UInt8]?
            if case .bytes(let bytes) = response.body { after = bytes }
            try environment.adminLog.record(
                actor: actor, action: "webhook.redeliver", subject: webhook.subject, before: nil, after: after, in: transaction)
            return result
        }
        messages.give()
        return response
    }
}

extension WebRequest {
    fileprivate func deliveryState() throws(Problem) -> WebhookDelivery.State? {
        guard let name = try parameter("state") else { return nil }
        guard let state = WebhookDelivery.State(name: name) else { throw Problem.badParameter("state", "must be pending, delivered or failed") }
        return state
    }

    fileprivate func order() throws(Problem) -> Identifier? {
        guard let text = try parameter("orderId") else { return nil }
        guard let id = Identifier(text) else { throw Problem.badParameter("orderId", "must be a UUID") }
        return id
    }
}

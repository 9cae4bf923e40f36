import Contracts
import HTTPTypes
import Messaging
import Storage
import Web
import Wire

/// Endpoints outside: made, shown, changed, tried and removed. Who is no administrator sees his own; another's answer as those that do not exist.
struct WebhookRequests: Sendable {
    /// Most endpoints of one owner.
    static let maximumPerOwner: Int64 = 100
    /// How long a replaced secret signs as well, in hours, and at most.
    private static let overlapHours: Int64 = 24
    private static let maximumOverlapHours: Int64 = 168

    let environment: ServiceEnvironment
    let configuration: WebhookConfiguration
    let keys: IdempotentWrite
    let messages: TaskSignal

    /// `POST /webhooks`: the answer has the secret, which is shown this once.
    func create(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        let body = BodyReader(try request.object())
        body.allow("url", "types", "description")
        let url = url(body, required: true)
        let types = WebhookRequests.types(body)
        let description = body.string("description", maximum: 500)
        try body.finish()
        guard let url else { throw Problem.invalid([]) }
        let secret = WebhookSecret(bytes: configuration.random(WebhookSecret.length))
        let owner = request.principal.roles.contains(.admin) ? nil : request.principal.subject
        let context = environment.context
        return try await write(request) { transaction in
            guard try WebhookTable.count(of: owner, in: transaction) < WebhookRequests.maximumPerOwner else {
                return .failure(Problem(.conflict, "too-many-webhooks", "There may be at most \(WebhookRequests.maximumPerOwner) webhooks of one owner."))
            }
            let now = context.now
            let webhook = Webhook(
                id: context.newID(at: now), owner: owner, url: url, description: description, types: types, secret: secret, createdAt: now, updatedAt: now)
            try WebhookTable.add(webhook, in: transaction)
            try record("webhook.create", webhook, before: nil, by: actor, in: transaction)
            return .success(
                .json(.created, headers: [.location: "/api/v1/webhooks/\(webhook.id)"]) { json in
                    webhook.write(to: &json)
                    json.member("secret", secret.text)
                })
        }
    }

    /// `GET /webhooks`: in the order in which they were made.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let webhooks = try await environment.database.read { try WebhookTable.all(in: $0) }
        let rows = webhooks.filter { webhook in webhook.isVisible(to: request.principal) && page.after.map { webhook.id > $0 } ?? true }
        return page.response(Array(rows.prefix(page.limit + 1)), id: \.id) { json, webhook in json.object { webhook.write(to: &$0) } }
    }

    /// `GET /webhooks/{id}`.
    func show(_ request: WebRequest) async throws -> WebResponse {
        let webhook = try await request.webhook(in: environment.database)
        return .json { webhook.write(to: &$0) }
    }

    /// `PATCH /webhooks/{id}`: what is not named stays; null removes a description, and lets all types through. `state` may be active or paused.
    func change(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        let object = try request.object()
        let body = BodyReader(object)
        body.allow("url", "types", "description", "state")
        let url = url(body, required: false)
        let types = WebhookRequests.types(body)
        let description = body.string("description", maximum: 500)
        let state = WebhookRequests.state(body)
        try body.finish()
        return try await change(request, "webhook.change", by: actor) { webhook, now in
            if let url { webhook.url = url }
            if object["types"] != nil { webhook.types = types }
            if object["description"] != nil { webhook.description = description }
            guard let state, state != webhook.state else { return }
            // Who goes on starts anew.
            (webhook.state, webhook.reason, webhook.failingSince, webhook.heldUntil) = (state, nil, nil, nil)
        }
    }

    /// `DELETE /webhooks/{id}`: nothing more is sent. What waits and the log go with it.
    func delete(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        return try await withWebhook(request) { webhook, transaction in
            let before = webhook
            let now = environment.context.now
            (webhook.state, webhook.updatedAt, webhook.secret, webhook.oldSecret) = (.deleted, now, WebhookSecret(bytes: []), nil)
            try WebhookTable.save(webhook, in: transaction)
            try environment.adminLog.record(
                actor: actor, action: "webhook.delete", subject: webhook.subject, before: before.record, after: nil, in: transaction)
            return .json { before.write(to: &$0) }
        }
    }

    /// `POST /webhooks/{id}/test`: sends a message of the type `webhook.test` once, also to an endpoint that is paused or disabled. How it went is in the
    /// delivery that the answer names.
    func test(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        return try await withWebhook(request) { webhook, transaction in
            let delivery = WebhookMessage.test(of: webhook, context: environment.context)
            try WebhookDeliveryTable.add([delivery], in: transaction)
            try record("webhook.test", webhook, before: webhook, by: actor, in: transaction)
            return .json(.accepted, headers: [.location: "/api/v1/webhooks/\(webhook.id)/deliveries/\(delivery.id)"]) { delivery.write(to: &$0) }
        }
    }

    /// `POST /webhooks/{id}/rotate-secret`: a new secret, shown this once. The old one signs as well for `overlapHours`, so that receivers can change over.
    func rotateSecret(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        let body = BodyReader(try request.optionalObject())
        body.allow("overlapHours")
        let hours = body.integer("overlapHours", in: 0...WebhookRequests.maximumOverlapHours) ?? WebhookRequests.overlapHours
        try body.finish()
        let secret = WebhookSecret(bytes: configuration.random(WebhookSecret.length))
        return try await withWebhook(request) { webhook, transaction in
            let before = webhook
            let now = environment.context.now
            (webhook.oldSecret, webhook.oldUntil) = hours == 0 ? (nil, nil) : (webhook.secret, now.advanced(byMilliseconds: hours * 3_600_000))
            (webhook.secret, webhook.updatedAt) = (secret, now)
            try WebhookTable.save(webhook, in: transaction)
            try record("webhook.rotate-secret", webhook, before: before, by: actor, in: transaction)
            let rotated = webhook
            return .json { json in
                rotated.write(to: &json)
                json.member("secret", secret.text)
            }
        }
    }
}

/// What the operations have in common.
extension WebhookRequests {
    private func change(
        _ request: WebRequest, _ action: String, by actor: String, _ body: @escaping @Sendable (inout Webhook, Timestamp) -> Void
    ) async throws -> WebResponse {
        try await withWebhook(request) { webhook, transaction in
            let before = webhook
            let now = environment.context.now
            body(&webhook, now)
            webhook.updatedAt = now
            try WebhookTable.save(webhook, in: transaction)
            try record(action, webhook, before: before, by: actor, in: transaction)
            let changed = webhook
            return .json { changed.write(to: &$0) }
        }
    }

    /// Runs a write on a webhook that the caller may see, once per key.
    private func withWebhook(
        _ request: WebRequest, _ body: @escaping @Sendable (inout Webhook, any Transaction) throws -> WebResponse
    ) async throws -> WebResponse {
        let id = try request.identifier("id", of: "webhook")
        return try await write(request) { transaction in
            guard var webhook = try WebhookTable.lock(id, in: transaction), webhook.isVisible(to: request.principal) else {
                return .failure(.notFound("webhook"))
            }
            return .success(try body(&webhook, transaction))
        }
    }

    /// Runs a write once per key, and has the dispatcher look at what there is to do.
    private func write(
        _ request: WebRequest, _ body: @escaping @Sendable (any Transaction) throws -> Result<WebResponse, Problem>
    ) async throws -> WebResponse {
        let response = try await keys.run(request, body)
        messages.give()
        return response
    }

    private func record(_ action: String, _ webhook: Webhook, before: Webhook?, by actor: String, in transaction: any Transaction) throws {
        try environment.adminLog.record(
            actor: actor, action: action, subject: webhook.subject, before: before?.record, after: webhook.record, in: transaction)
    }

    private func url(_ body: BodyReader, required: Bool) -> String? {
        guard let text = body.string("url", required: required, maximum: OutgoingTarget.maximumLength) else { return nil }
        do throws(OutgoingTarget.Refusal) { return try OutgoingTarget(text, policy: configuration.policy).url } catch {
            body.refuse("url", error.words)
            return nil
        }
    }

    private static func types(_ body: BodyReader) -> Set<String>? {
        guard let value = body.value("types", required: false) else { return nil }
        guard let values = value.array, (1...100).contains(values.count) else {
            body.refuse("types", "must be an array of 1 to 100 types of events; leave it out for all")
            return nil
        }
        let names = values.map { $0.string ?? "" }
        for (index, name) in names.enumerated() where EventCatalog.registry[name] == nil && name != Webhook.disabled {
            body.refuse("types", "names at place \(index) no type of event; GET /api/v1/events/schemas lists them")
            return nil
        }
        return Set(names)
    }

    private static func state(_ body: BodyReader) -> Webhook.State? {
        switch body.string("state", maximum: 20) {
        case nil: return nil
        case Webhook.State.active.name: return .active
        case Webhook.State.paused.name: return .paused
        default:
            body.refuse("state", "must be active or paused")
            return nil
        }
    }
}

extension ServiceEnvironment {
    var adminLog: AdminLog { AdminLog(context: context) }
}

extension WebRequest {
    /// The webhook that the path names.
    /// - Throws: ``Problem`` 404 for one that does not exist, or that the caller may not know of.
    func webhook(in database: any Database) async throws -> Webhook {
        let id = try identifier("id", of: "webhook")
        guard let webhook = try await database.read({ try WebhookTable.find(id, in: $0) }), webhook.isVisible(to: principal) else {
            throw Problem.notFound("webhook")
        }
        return webhook
    }
}

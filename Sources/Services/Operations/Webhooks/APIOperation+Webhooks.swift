import Contracts
import Web

/// Webhooks as their users see them.
extension APIOperation {
    static let createWebhook = APIOperation(
        "createWebhook", .webhooks, "Have an endpoint told of events",
        "The answer has the secret that messages are signed with (Standard Webhooks 1.0), this once. Administrators make webhooks of the house, programs their own.",
        body: APIBody(
            .input([
                .required("url", .endpoint, "Where messages are sent."),
                .optional("types", .webhookTypes, "Only these types of events; all where nothing is said."),
                .optional("description", .line(500), "What it is for."),
            ]), example: #"{"url":"https://hooks.example/waybill","types":["OrderConfirmed","OrderShipped"],"description":"the warehouse"}"#),
        APIReply(
            201, "It is made.", .newWebhook, headers: [("Location", "The webhook.")],
            links: [
                APILink("getWebhook", "id"), APILink("changeWebhook", "id"), APILink("testWebhook", "id"), APILink("listWebhookDeliveries", "id"),
                APILink("deleteWebhook", "id"),
            ]), problems: [APIProblem(409, "too-many-webhooks", "One owner may have at most 100.")], honoursKey: true)

    static let listWebhooks = APIOperation(
        "listWebhooks", .webhooks, "List webhooks", "Administrators see all, programs their own.", parameters: APIParameter.page(),
        APIReply(200, "A page of webhooks, without their secrets.", .page(of: .webhook)))

    static let getWebhook = APIOperation(
        "getWebhook", .webhooks, "Show a webhook", parameters: [.webhookID], APIReply(200, "The webhook, without its secret.", .webhook))

    static let changeWebhook = APIOperation(
        "changeWebhook", .webhooks, "Change a webhook",
        "What is not named stays; `null` takes a description away and lets all types through. Setting one to `active` that was disabled begins anew.",
        parameters: [.webhookID],
        body: APIBody(
            .input([
                .optional("url", .endpoint, "Where messages are sent."), .optional("types", .webhookTypes, "Only these types of events."),
                .optional("description", .line(500), "What it is for."), .optional("state", .oneOf(["active", "paused"]), "Whether messages are sent."),
            ]), example: #"{"state":"paused"}"#), APIReply(200, "The webhook.", .webhook), honoursKey: true)

    static let deleteWebhook = APIOperation(
        "deleteWebhook", .webhooks, "Remove a webhook", "With what waits to be sent, and the log.", parameters: [.webhookID],
        APIReply(200, "What it was.", .webhook), honoursKey: true)

    static let testWebhook = APIOperation(
        "testWebhook", .webhooks, "Send a message that means nothing", "Of the type `webhook.test`, once, also to an endpoint that is paused or disabled.",
        parameters: [.webhookID],
        APIReply(202, "It will be sent; the delivery tells how that went.", .webhookDelivery, headers: [("Location", "The delivery.")]), honoursKey: true)

    static let rotateWebhookSecret = APIOperation(
        "rotateWebhookSecret", .webhooks, "Make a new secret", "It is shown this once. The old one signs as well for a while.", parameters: [.webhookID],
        body: APIBody(
            .input([.optional("overlapHours", .integer(0...168), "For how long the old one signs as well; 24 where nothing is said.")]), isRequired: false,
            example: #"{"overlapHours":24}"#), APIReply(200, "The webhook with its new secret.", .newWebhook), honoursKey: true)

    static let listWebhookDeliveries = APIOperation(
        "listWebhookDeliveries", .webhooks, "List the messages to an endpoint", "Newest first.",
        parameters: [
            .webhookID, .query("state", .oneOf(["pending", "delivered", "failed"]), "Only such."),
            .query("type", .line(200), "Of one type."), .query("orderId", .identifier, "About one order."),
        ] + APIParameter.page(), APIReply(200, "A page of deliveries.", .page(of: .webhookDelivery)))

    static let getWebhookDelivery = APIOperation(
        "getWebhookDelivery", .webhooks, "Show a message to an endpoint", "With its attempts, newest first.",
        parameters: [.webhookID, .path("delivery", "The delivery.")], APIReply(200, "The delivery.", .wholeWebhookDelivery))

    static let redeliverOne = APIOperation(
        "redeliverWebhookMessage", .webhooks, "Send a message again", "Under the same `webhook-id`, as if it had never been tried.",
        parameters: [.webhookID, .path("delivery", "The delivery.")], APIReply(202, "It will be sent.", .webhookDelivery), problems: inactive, honoursKey: true)

    static let redeliverSince = APIOperation(
        "redeliverWebhook", .webhooks, "Send all events since a moment",
        "Whether they were sent before or not, at most 5,000 a request: while the answer says `more`, go on with `after`, the answer's `next`.",
        parameters: [
            .webhookID, .query("since", .timestampOrDay, "From when on.", isRequired: true, example: "2026-11-26"),
            .query("after", .count, "The place to go on from."),
        ],
        APIReply(
            202, "They will be sent.",
            .object([
                .required("scheduled", .count, "How many."), .required("next", .count, "Where to go on."),
                .required("more", .boolean, "Whether there is more by now."),
            ])), problems: inactive, honoursKey: true)

    private static let inactive = [APIProblem(409, "webhook-not-active", "It is paused or disabled.")]
}

extension APITag {
    static let webhooks = APITag("Webhooks", rank: 7, "Endpoints outside that are told of events.")
}

extension APIParameter {
    static let webhookID = APIParameter.path("id", "The webhook.")
}

extension APISchema {
    /// The usual form of an endpoint; ``OutgoingTarget`` has the rules.
    fileprivate static let endpoint = APISchema.text(
        1...2048,
        pattern:
            "^https://([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\\.){1,4}[a-z]{2,12}(:(443|8[0-9]{3}))?(/[A-Za-z0-9._~-]{0,40}){0,8}(\\?[A-Za-z0-9=&._~-]{0,100})?$")
    fileprivate static let webhookTypes = APISchema.array(.oneOf(EventCatalog.types.map { $0.type } + [Webhook.disabled]), count: 1...100)

    private static let webhookMembers: [APIMember] = [
        .required("id", .identifier, "The webhook."), .required("url", .text, "Where messages are sent."),
        .optional("description", .text, "What it is for."), .optional("types", .array(.text), "Which events; all where it is not there."),
        .required("state", .oneOf(["active", "paused", "disabled"]), "Whether messages are sent; `disabled` by the platform."),
        .optional("reason", .text, "Why it is disabled."), .required("owner", .text, "Whose it is: a program, or the house."),
        .required("createdAt", .timestamp, "When it was made."), .required("updatedAt", .timestamp, "When it was changed."),
        .optional("failingSince", .timestamp, "Since when nothing but failures came of it."), .optional("lastSuccessAt", .timestamp, "The last message taken."),
        .optional("heldUntil", .timestamp, "Until when the endpoint asked to be left alone."),
        .optional("previousSecretUntil", .timestamp, "Until when the old secret signs as well."),
    ]
    static let webhook = APISchema.component("Webhook", .object(webhookMembers))
    static let newWebhook = APISchema.component(
        "NewWebhook", .object(webhookMembers + [.required("secret", .text, "What messages are signed with: `whsec_` and base64.")]))

    private static let deliveryMembers: [APIMember] = [
        .required("id", .identifier, "The delivery, and the `webhook-id` of its message."), .required("type", .text, "The type of event."),
        .optional("eventId", .identifier, "The event."), .optional("orderId", .identifier, "The order, or the product, it is about."),
        .required("state", .oneOf(["pending", "delivered", "failed"]), "What became of it."), .required("attempts", .count, "How often it was tried."),
        .required("createdAt", .timestamp, "Since when it is to be sent."), .optional("nextAttemptAt", .timestamp, "When it is tried next."),
        .optional("finishedAt", .timestamp, "When it was delivered or given up."), .optional("lastStatus", .count, "What the endpoint last answered."),
        .optional("lastError", .text, "Why there was no answer."),
    ]
    static let webhookDelivery = APISchema.component("WebhookDelivery", .object(deliveryMembers))
    static let wholeWebhookDelivery = APISchema.component(
        "WebhookDeliveryFile",
        .object(
            deliveryMembers + [
                .required(
                    "log",
                    .array(
                        .object([
                            .required("attempt", .count, "Which attempt."), .required("at", .timestamp, "When."),
                            .required("durationMs", .count, "How long it took."), .optional("status", .count, "What the endpoint answered."),
                            .optional("error", .text, "Why there was no answer."), .optional("answer", .text, "The beginning of the answer."),
                        ])), "Its attempts, newest first.")
            ]))
}

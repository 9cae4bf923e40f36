import Messaging
import Web
import Wire

/// What goes over the wire, after Standard Webhooks 1.0: an envelope of type, time and data, and three headers.
enum WebhookMessage {
    /// The body that tells an event.
    static func body(type: String, at time: Timestamp, data: [UInt8]) -> [UInt8] {
        JSONWriter.object(capacity: data.count + 96) { json in
            json.member("type", type)
            json.member("timestamp", time)
            json.key("data")
            json.raw(data)
        }
    }

    /// The request that carries a message.
    /// - Parameter now: signed with it, so that receivers can refuse what somebody plays back to them later.
    static func request(_ id: Identifier, body: [UInt8], to webhook: Webhook, at now: Timestamp, timeout: Duration) -> OutgoingRequest {
        let seconds = now.milliseconds / 1000
        let signatures = webhook.secrets(at: now).map { $0.signature(id: "\(id)", timestamp: seconds, body: body) }
        return OutgoingRequest(
            method: "POST", url: webhook.url,
            headers: [
                ("Content-Type", "application/json"), ("webhook-id", "\(id)"), ("webhook-timestamp", "\(seconds)"),
                ("webhook-signature", signatures.joined(separator: " ")),
            ], body: body, timeout: timeout, maximumAnswerBytes: WebhookAttempt.maximumAnswer)
    }

    /// A message of the platform about itself: to try an endpoint, or to tell that one was disabled.
    static func notice(_ type: String, to webhook: Webhook, context: ServiceContext, _ data: (inout JSONWriter) -> Void) -> WebhookDelivery {
        let now = context.now
        let id = context.newID(at: now)
        return WebhookDelivery(
            id: id, webhook: webhook.id, key: id, type: type, body: body(type: type, at: now, data: JSONWriter.object(data)), dueAt: now, createdAt: now)
    }

    static func test(of webhook: Webhook, context: ServiceContext) -> WebhookDelivery {
        notice(Webhook.test, to: webhook, context: context) { json in
            json.member("webhookId", webhook.id)
            json.member("message", "This is a test. Nothing has happened.")
        }
    }
}

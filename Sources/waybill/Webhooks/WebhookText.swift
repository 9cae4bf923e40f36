import WaybillClient
import Wire

/// Webhooks and their messages for people.
enum WebhookText {
    static func table(_ webhooks: [WebhookView]) -> Table {
        var table = Table(["id", "state", "endpoint", "types"])
        for webhook in webhooks { table.add(["\(webhook.id)", webhook.state, webhook.url, types(webhook)]) }
        return table
    }

    static func table(_ deliveries: [WebhookDeliveryView]) -> Table {
        var table = Table(["id", "type", "created", "state", "attempts", "last"])
        for delivery in deliveries {
            table.add(["\(delivery.id)", delivery.type, "\(delivery.createdAt)", delivery.state, "\(delivery.attempts)", last(delivery)])
        }
        return table
    }

    static func show(_ webhook: WebhookView, asJSON: Bool) {
        if asJSON { return Output.json(webhook.json) }
        Output.line("webhook      \(webhook.id)")
        Output.line("endpoint     \(webhook.url)")
        if let description = webhook.json["description"]?.string { Output.line("for          \(description)") }
        Output.line("events       \(types(webhook))")
        let reason = webhook.json["reason"]?.string.map { ": \($0)" } ?? ""
        Output.line("state        \(Output.style(role(webhook.state), webhook.state))\(reason)")
        if let since = webhook.json["failingSince"]?.string { Output.line("failing      since \(since)") }
        if let until = webhook.json["previousSecretUntil"]?.string { Output.line("old secret   signs as well until \(until)") }
        guard let secret = webhook.secret else { return }
        Output.line("secret       \(secret)")
        Output.note("Keep the secret: it is not shown again.")
    }

    static func show(_ delivery: WebhookDeliveryView, asJSON: Bool) {
        if asJSON { return Output.json(delivery.json) }
        Output.line("message      \(delivery.id)")
        Output.line("type         \(delivery.type)" + (delivery.json["orderId"]?.string.map { " of order \($0)" } ?? ""))
        Output.line("state        \(Output.style(role(delivery.state), delivery.state)) after \(delivery.attempts) attempts")
        if let next = delivery.json["nextAttemptAt"]?.string { Output.line("next         \(next)") }
        let log = delivery.json["log"]?.array ?? []
        if log.isEmpty { return }
        var table = Table(["attempt", "at", "ms", "status", "answer"])
        for attempt in log {
            table.add([
                "\(attempt["attempt"]?.integer ?? 0)", attempt["at"]?.string ?? "", "\(attempt["durationMs"]?.integer ?? 0)",
                attempt["status"]?.integer.map(String.init) ?? "none", line(attempt["error"]?.string ?? attempt["answer"]?.string ?? ""),
            ])
        }
        Output.line()
        Output.table(table)
    }

    private static func types(_ webhook: WebhookView) -> String { webhook.types?.joined(separator: ", ") ?? "all" }

    private static func last(_ delivery: WebhookDeliveryView) -> String {
        delivery.json["lastError"]?.string ?? delivery.json["lastStatus"]?.integer.map(String.init) ?? ""
    }

    /// The beginning of a text, on one line.
    private static func line(_ text: String) -> String { String(text.prefix(120).map { $0.isNewline || $0 == "\t" ? " " : $0 }) }

    private static func role(_ state: String) -> Style.Role {
        switch state {
        case "active", "delivered": .good
        case "disabled", "failed": .bad
        default: .warning
        }
    }
}

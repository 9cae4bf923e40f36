import ArgumentParser
import WaybillClient
import Wire

/// `waybill webhooks test`.
struct WebhooksTestCommand: AsyncParsableCommand {
    /// How often it is looked whether the endpoint has answered.
    private static let interval: Duration = .milliseconds(200)

    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Send a webhook a message that means nothing, and show how that went. Fails when the endpoint does not take it.",
        discussion: """
            Example:
              waybill webhooks test 01890a5d-ac96-774b-bcce-b302099a8057
            """)

    @OptionGroup var webhook: WebhookOptions

    @Option(help: "Seconds to wait for the endpoint's answer.")
    var wait = 20

    func validate() throws {
        guard (1...600).contains(wait) else { throw ValidationError("--wait must be 1 to 600 seconds.") }
    }

    func run() async throws {
        let delivery = try await webhook.client.withAPI { api in
            var delivery = try await api.testWebhook(webhook.id, key: RunName.fresh())
            let end = ContinuousClock.now + .seconds(wait)
            while delivery.state == "pending", ContinuousClock.now < end {
                try await Task.sleep(for: WebhooksTestCommand.interval)
                delivery = try await api.webhookDelivery(delivery.id, of: webhook.id)
            }
            return delivery
        }
        WebhookText.show(delivery, asJSON: webhook.client.json)
        if delivery.state != "delivered" { throw ExitCode.failure }
    }
}

/// `waybill webhooks deliveries`.
struct WebhooksDeliveriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "List the messages to a webhook, newest first, or show one with its attempts.",
        discussion: """
            Examples:
              waybill webhooks deliveries 01890a5d-ac96-774b-bcce-b302099a8057 --state failed
              waybill webhooks deliveries 01890a5d-ac96-774b-bcce-b302099a8057 01890a5e-1f2a-7c3b-9d4e-b302099a8057
            """)

    @OptionGroup var webhook: WebhookOptions

    @Argument(help: "One message's id, to show its attempts.")
    var delivery: Identifier?

    @Option(help: "pending, delivered or failed.")
    var state: String?

    @Option(help: "Only messages of this type.")
    var type: String?

    @Option(help: "Only messages about this order.")
    var order: Identifier?

    @Option(help: "At most so many.")
    var limit = 50

    func validate() throws {
        guard limit >= 1 else { throw ValidationError("--limit must be 1 or more.") }
        guard state.map({ ["pending", "delivered", "failed"].contains($0) }) ?? true else {
            throw ValidationError("--state must be pending, delivered or failed.")
        }
    }

    func run() async throws {
        if let delivery {
            let found = try await webhook.client.withAPI { try await $0.webhookDelivery(delivery, of: webhook.id) }
            return WebhookText.show(found, asJSON: webhook.client.json)
        }
        let found = try await webhook.client.withAPI { try await $0.webhookDeliveries(webhook.id, state: state, type: type, order: order, limit: limit) }
        webhook.client.show(found.map(\.json), none: "No such messages.", WebhookText.table(found))
    }
}

/// `waybill webhooks redeliver`.
struct WebhooksRedeliverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeliver", abstract: "Send a message again, or all events since a moment.",
        discussion: """
            Examples:
              waybill webhooks redeliver 01890a5d-ac96-774b-bcce-b302099a8057 01890a5e-1f2a-7c3b-9d4e-b302099a8057
              waybill webhooks redeliver 01890a5d-ac96-774b-bcce-b302099a8057 --since 2026-11-26T08:00:00Z
            """)

    @OptionGroup var webhook: WebhookOptions

    @Argument(help: "The message's id.")
    var delivery: Identifier?

    @Option(help: "All events since then, also those that were never sent: 2026-11-26T08:00:00Z, or a day.")
    var since: String?

    func validate() throws {
        guard (delivery == nil) != (since == nil) else { throw ValidationError("Give a message's id, or --since.") }
    }

    func run() async throws {
        if let delivery {
            let again = try await webhook.client.withAPI { try await $0.redeliver(delivery, of: webhook.id, key: RunName.fresh()) }
            return WebhookText.show(again, asJSON: webhook.client.json)
        }
        let count = try await webhook.client.withAPI { try await $0.redeliverAll(of: webhook.id, since: since ?? "") }
        if webhook.client.json { Output.json(JSONWriter.object { $0.member("scheduled", count) }) } else { Output.line("\(count) messages will be sent") }
    }
}

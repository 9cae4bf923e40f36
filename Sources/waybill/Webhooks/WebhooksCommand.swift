import ArgumentParser
import WaybillClient
import Wire

/// `waybill webhooks`.
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "Webhooks: endpoints outside that are told of events. Make, try, watch, repeat.",
        discussion: """
            Examples:
              waybill webhooks create https://example.com/hooks --type OrderConfirmed --type OrderShipped
              waybill webhooks test 01890a5d-ac96-774b-bcce-b302099a8057
              waybill webhooks deliveries 01890a5d-ac96-774b-bcce-b302099a8057 --state failed
              waybill webhooks redeliver 01890a5d-ac96-774b-bcce-b302099a8057 --since 2026-11-26
            """,
        subcommands: [
            WebhooksCreateCommand.self, WebhooksListCommand.self, WebhooksShowCommand.self, WebhooksChangeCommand.self, WebhooksTestCommand.self,
            WebhooksRotateCommand.self, WebhooksDeliveriesCommand.self, WebhooksRedeliverCommand.self, WebhooksDeleteCommand.self,
        ])
}

/// Which webhook a command is about, at which platform.
struct WebhookOptions: ParsableArguments {
    @OptionGroup var client: ClientOptions

    @Argument(help: "The webhook's id.")
    var id: Identifier
}

/// `waybill webhooks create`.
struct WebhooksCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Have an endpoint told of events. The secret that signs the messages is shown this once.",
        discussion: """
            Example:
              waybill webhooks create https://example.com/hooks --type OrderConfirmed --description "the warehouse"
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The endpoint: https://...")
    var endpoint: String

    @Option(help: "Only events of this type, such as OrderConfirmed; may be repeated (default: all).")
    var type: [String] = []

    @Option(help: "What it is for.")
    var description: String?

    func run() async throws {
        let webhook = try await client.withAPI { try await $0.createWebhook(url: endpoint, types: type, description: description, key: RunName.fresh()) }
        WebhookText.show(webhook, asJSON: client.json)
    }
}

/// `waybill webhooks list`.
struct WebhooksListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the webhooks that you may see.",
        discussion: """
            Example:
              waybill webhooks list
            """)

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let webhooks = try await client.withAPI { try await $0.webhooks() }
        client.show(webhooks.map(\.json), none: "No webhooks.", WebhookText.table(webhooks))
    }
}

/// `waybill webhooks show`.
struct WebhooksShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a webhook, without its secret.",
        discussion: """
            Example:
              waybill webhooks show 01890a5d-ac96-774b-bcce-b302099a8057
            """)

    @OptionGroup var webhook: WebhookOptions

    func run() async throws {
        let found = try await webhook.client.withAPI { try await $0.webhook(webhook.id) }
        WebhookText.show(found, asJSON: webhook.client.json)
    }
}

/// `waybill webhooks change`.
struct WebhooksChangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change", abstract: "Change a webhook: where it leads, which events, whether it is paused.",
        discussion: """
            Examples:
              waybill webhooks change 01890a5d-ac96-774b-bcce-b302099a8057 --pause
              waybill webhooks change 01890a5d-ac96-774b-bcce-b302099a8057 --endpoint https://example.com/new --all-types --resume
            """)

    @OptionGroup var webhook: WebhookOptions

    @Option(help: "Another endpoint.")
    var endpoint: String?

    @Option(help: "Only events of this type from now on; may be repeated.")
    var type: [String] = []

    @Flag(help: "All types of events from now on.")
    var allTypes = false

    @Option(help: "What it is for; empty for nothing.")
    var description: String?

    @Flag(help: "Send nothing until it is resumed; what happens meanwhile is kept for 7 days.")
    var pause = false

    @Flag(help: "Send again, also after it was disabled.")
    var resume = false

    func validate() throws {
        if pause, resume { throw ValidationError("--pause and --resume exclude each other.") }
        if allTypes, !type.isEmpty { throw ValidationError("--type and --all-types exclude each other.") }
        if endpoint == nil, type.isEmpty, !allTypes, description == nil, !pause, !resume { throw ValidationError("Say what is to be changed.") }
    }

    /// What is asked for.
    var change: WebhookChange {
        WebhookChange(
            url: endpoint, types: allTypes ? [] : type.isEmpty ? nil : type, description: description, state: pause ? "paused" : resume ? "active" : nil)
    }

    func run() async throws {
        let changed = try await webhook.client.withAPI { try await $0.changeWebhook(webhook.id, change) }
        WebhookText.show(changed, asJSON: webhook.client.json)
    }
}

/// `waybill webhooks rotate`.
struct WebhooksRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Make a new secret, shown this once; the old one signs as well for a while.",
        discussion: """
            Example:
              waybill webhooks rotate 01890a5d-ac96-774b-bcce-b302099a8057
            """)

    @OptionGroup var webhook: WebhookOptions

    @Option(help: "Hours for which the old secret signs as well, 0 to 168.")
    var overlapHours = 24

    func run() async throws {
        let changed = try await webhook.client.withAPI { try await $0.rotateWebhookSecret(webhook.id, overlapHours: overlapHours, key: RunName.fresh()) }
        WebhookText.show(changed, asJSON: webhook.client.json)
    }
}

/// `waybill webhooks delete`.
struct WebhooksDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove a webhook, with what waits to be sent and the log.",
        discussion: """
            Example:
              waybill webhooks delete 01890a5d-ac96-774b-bcce-b302099a8057
            """)

    @OptionGroup var webhook: WebhookOptions

    func run() async throws {
        let removed = try await webhook.client.withAPI { try await $0.deleteWebhook(webhook.id) }
        webhook.client.show(removed.json, "removed \(removed.id), \(removed.url)")
    }
}

import ArgumentParser

/// The command line.
@main
struct Waybill: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "waybill", abstract: "An order-processing platform: orders, stock, payments, and proof of everything that happened.",
        discussion: """
            Start a platform, then let it show what it does:
              waybill serve --data ./data
              waybill demo

            Commands that talk to a platform take --url (or WAYBILL_URL), http:// or https://, and --json. The certificate behind https:// is always verified; --ca-file
            (or WAYBILL_CA_FILE) names an authority of your own. They say who they are by a token: --token-file, WAYBILL_TOKEN, what "waybill login"
            has kept, or, on the machine of the platform, one that they make themselves (--data, --config).
            """,
        version: version,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, OrdersCommand.self, InventoryCommand.self, EventsCommand.self, DlqCommand.self, WebhooksCommand.self,
            AnalyticsCommand.self,
            DemoCommand.self,
            ReplayCommand.self, BenchCommand.self, SimulateCommand.self, SchemaCommand.self, AuditCommand.self,
            TokenCommand.self, IdentityCommand.self, LoginCommand.self, LogoutCommand.self, DoctorCommand.self, ConfigCommand.self, CrashPointsCommand.self,
        ])
}

import ArgumentParser

/// `waybill orders`.
struct OrdersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders", abstract: "Place, show, follow and change orders.",
        discussion: """
            Examples:
              waybill orders place --sku LAMP:2 --currency GBP --wait
              waybill orders list --status PAID
              waybill orders watch 01890a5d-ac96-774b-bcce-b302099a8057
            """,
        subcommands: [
            OrdersPlaceCommand.self, OrdersGetCommand.self, OrdersListCommand.self, OrdersWatchCommand.self, OrdersExplainCommand.self,
            OrdersCancelCommand.self,
            OrdersStatusCommand.self,
        ])
}

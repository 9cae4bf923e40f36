import ArgumentParser
import Contracts
import WaybillClient
import Wire

/// `waybill orders cancel`.
struct OrdersCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel an order that has not been shipped: stock is freed, money given back.",
        discussion: """
            Example:
              waybill orders cancel 01890a5d-ac96-774b-bcce-b302099a8057 --reason "ordered twice"
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The order's id.")
    var id: Identifier

    @Option(help: "Why, in a few words.")
    var reason: String?

    func run() async throws {
        let key = "cli-cancel-\(RunName.fresh())\(RunName.fresh())"
        let order = try await client.withAPI { try await $0.cancel(id, reason: reason, key: key, retry: RetryPolicy(limit: .seconds(30))) }
        if client.json { Output.json(order.json) } else { OrderText.show(order) }
    }
}

/// `waybill orders status`.
struct OrdersStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Move an order on, as an operator: PAID (paid offline), SHIPPED, DELIVERED, CANCELLED.",
        discussion: """
            Without a status it only shows the present one.

            Example:
              waybill orders status 01890a5d-ac96-774b-bcce-b302099a8057 SHIPPED
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The order's id.")
    var id: Identifier

    @Argument(help: "The status to set.")
    var status: OrderStatus?

    @Option(help: "Why, in a few words.")
    var reason: String?

    func validate() throws {
        if let status, ![.paid, .shipped, .delivered, .cancelled].contains(status) {
            throw ValidationError("A person may set PAID, SHIPPED, DELIVERED or CANCELLED; \(status) is the platform's own.")
        }
    }

    func run() async throws {
        let order = try await client.withAPI { api in
            guard let status else { return try await api.order(id) }
            return try await api.setStatus(id, to: status, reason: reason)
        }
        if client.json { Output.json(order.json) } else { OrderText.show(order) }
    }
}

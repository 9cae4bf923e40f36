import ArgumentParser
import Contracts
import WaybillClient
import Wire

/// `waybill orders get`.
struct OrdersGetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show an order with its lines, history and, on request, its events.",
        discussion: """
            Example:
              waybill orders get 01890a5d-ac96-774b-bcce-b302099a8057 --events
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The order's id.")
    var id: Identifier

    @Flag(help: "Show what happened to the order, event by event.")
    var events = false

    func run() async throws {
        try await client.withAPI { api in
            guard events else {
                let order = try await api.order(id)
                if client.json { Output.json(order.json) } else { OrderText.showDetails(order) }
                return
            }
            let timeline = try await api.timeline(id)
            if client.json { return Output.json(timeline) }
            let lines = (timeline["items"]?.array ?? []).compactMap { item in
                item["data"]?.object.map { TimelineLine(type: item["type"]?.string ?? "", body: $0) }
            }
            for line in lines { Output.line(line.text(since: lines.first?.time, style: Output.style)) }
        }
    }
}

/// `waybill orders list`.
struct OrdersListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List orders, newest first.",
        discussion: """
            Examples:
              waybill orders list --status PAID --limit 20
              waybill orders list --customer c-17 --from 2026-01-01 --json
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: ArgumentHelp("Only orders that are \(OrderStatus.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "status"))
    var status: OrderStatus?

    @Option(help: "Only orders of this customer.")
    var customer: String?

    @Option(help: "Only orders accepted at or after this day or RFC 3339 time.")
    var from: String?

    @Option(help: "Only orders accepted before this day or time.")
    var to: String?

    @Option(help: "At most so many; 0 for all.")
    var limit = 50

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must be 0 or more.") }
    }

    func run() async throws {
        let filter = OrderFilter(status: status, customerID: customer, from: from, to: to)
        var orders: [OrderSummary] = []
        try await client.withAPI { api in
            try await api.eachOrder(filter, limit: limit == 0 ? .max : limit) { orders.append($0) }
        }
        if client.json { return Output.list(orders.map(\.json)) }
        if orders.isEmpty { return Output.note("No such orders.") }
        Output.table(OrderText.table(orders))
    }
}

/// `waybill orders watch`.
struct OrdersWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow an order's timeline live until it is settled.",
        discussion: """
            Shows what has happened, then what happens; ends when the order is PAID, CANCELLED or FAILED. With --json one event a line.

            Example:
              waybill orders watch 01890a5d-ac96-774b-bcce-b302099a8057
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The order's id.")
    var id: Identifier

    func run() async throws {
        try await client.withAPI { api in
            try await TimelineWatch(api: api, id: id, isJSON: client.json).untilSettled()
        }
    }
}

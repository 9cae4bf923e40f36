import Contracts
import WaybillClient
import Wire

/// Orders for people.
enum OrderText {
    static func role(_ status: OrderStatus) -> Style.Role {
        switch status {
        case .paid, .shipped, .delivered: .good
        case .cancelled, .failed: .bad
        case .created, .reserved, .cancelling: .warning
        }
    }

    /// One order as a few lines.
    static func show(_ order: OrderSummary) {
        Output.line("order     \(order.id)")
        Output.line("status    \(Output.style(role(order.status), order.status.rawValue))" + (order.reason.map { " (\($0))" } ?? ""))
        Output.line("total     \(order.totalAmount) \(order.currency), \(order.lineCount) \(order.lineCount == 1 ? "line" : "lines")")
        if let customer = order.customerID { Output.line("customer  \(customer)") }
        if let country = order.shippingCountry { Output.line("country   \(country)") }
        Output.line("placed    \(order.placedAt)")
    }

    /// The lines and the history, which a single order's document has.
    static func showDetails(_ order: OrderSummary) {
        show(order)
        if let method = order.json["paymentMethod"]?.string { Output.line("payment   \(method)") }
        for entry in order.json["metadata"]?.object?.members ?? [] { Output.line("          \(entry.key) = \(entry.value.string ?? "")") }
        Output.line()
        var items = Table(["sku", "quantity", "price"])
        for item in order.json["items"]?.array ?? [] {
            items.add([item["sku"]?.string ?? item["productId"]?.string ?? "", "\(item["quantity"]?.integer ?? 0)", item["price"]?.string ?? ""])
        }
        Output.table(items)
        Output.line()
        var history = Table(["version", "status", "at"])
        for step in order.json["history"]?.array ?? [] {
            history.add(["\(step["version"]?.integer ?? 0)", step["status"]?.string ?? "", step["at"]?.string ?? ""])
        }
        Output.table(history)
    }

    static func outcome(_ order: OrderSummary) {
        Output.line("\(Output.style(role(order.status), order.status.rawValue))" + (order.reason.map { " (\($0))" } ?? ""))
    }

    /// Many orders as a table.
    static func table(_ orders: [OrderSummary]) -> Table {
        var table = Table(["id", "status", "total", "currency", "lines", "customer", "country", "placed"])
        for order in orders {
            table.add([
                order.id.description, order.status.rawValue, order.totalAmount, order.currency, "\(order.lineCount)", order.customerID ?? "",
                order.shippingCountry ?? "", order.placedAt.description,
            ])
        }
        return table
    }
}

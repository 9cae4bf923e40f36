import Contracts
import Wire

/// How orders look outside.
enum OrderJSON {
    /// An order without its lines: the answer to placing one, and the element of lists.
    static func writeSummary(_ order: Order, to json: inout JSONWriter) {
        json.member("id", order.id)
        json.member("status", order.state.status.rawValue)
        json.member("version", order.state.version)
        json.optional("customerId", order.customerID)
        json.member("totalAmount", order.total.amount)
        json.member("currency", order.total.currency.code)
        json.member("lineCount", order.lineCount)
        json.optional("shippingCountry", order.shippingCountry)
        json.optional("reason", order.reason)
        json.member("placedAt", order.placedAt)
        json.member("createdAt", order.createdAt)
        json.member("updatedAt", order.updatedAt)
    }

    /// A whole order.
    static func write(
        _ order: Order, lines: [OrderLine], history: [(version: Int64, status: OrderStatus, at: Timestamp)], to json: inout JSONWriter
    ) {
        writeSummary(order, to: &json)
        json.member("paymentMethod", order.paymentMethod)
        json.member("deadlineAt", order.deadline)
        json.key("items")
        json.array(lines) { json, line in
            json.object { json in
                json.optional("productId", line.productID)
                json.optional("sku", line.sku)
                json.member("quantity", line.quantity)
                json.member("price", line.price.amount)
            }
        }
        json.key("metadata")
        json.raw(order.metadata ?? "{}")
        json.key("history")
        json.array(history) { json, step in
            json.object { json in
                json.member("version", step.version)
                json.member("status", step.status.rawValue)
                json.member("at", step.at)
            }
        }
    }
}

import Contracts
import WaybillClient
import Wire

/// One event as a line for people: when, who, what, and what there is to say about it.
struct TimelineLine {
    let type: String
    let body: JSONObject

    /// Reads the data of a server-sent event; nil for one that is no JSON object.
    init?(_ event: ServerSentEvent) {
        guard let body = (try? JSONParser.parse(Array(event.data.utf8)))?.object else { return nil }
        (type, self.body) = (event.event, body)
    }

    init(type: String, body: JSONObject) { (self.type, self.body) = (type, body) }

    var time: Timestamp? { body["timestamp"]?.string.flatMap { Timestamp($0) } }
    var service: String { body["source"]?.string ?? "" }
    var version: Int64? { body["version"]?.integer }
    /// The order's status after the event, if it is a change of status.
    var newStatus: OrderStatus? { body["newStatus"]?.string.flatMap { OrderStatus(rawValue: $0) } }

    /// The members that matter to a person.
    var details: String {
        var parts: [String] = []
        if let old = body["oldStatus"]?.string, let new = body["newStatus"]?.string { parts.append("\(old) -> \(new)") }
        if body["oldStatus"] == nil, let new = body["newStatus"]?.string { parts.append(new) }
        if let amount = body["amount"]?.string ?? body["totalAmount"]?.string { parts.append("\(amount) \(body["currency"]?.string ?? "")") }
        if let reservations = body["reservations"]?.array, !reservations.isEmpty {
            parts.append(reservations.map { "\($0["quantity"]?.integer ?? 0) x \($0["sku"]?.string ?? "?")" }.prefix(4).joined(separator: ", "))
        }
        for shortage in body["shortages"]?.array ?? [] {
            let name = shortage["sku"]?.string ?? shortage["productId"]?.string ?? "a product"
            parts.append("\(name): \(shortage["requested"]?.integer ?? 0) wanted, \(shortage["available"]?.integer ?? 0) available")
        }
        if let sku = body["sku"]?.string { parts.append("\(sku) by \(body["delta"]?.integer ?? 0) to \(body["availableQuantity"]?.integer ?? 0)") }
        for key in ["paymentMethod", "kind", "channel", "reason", "error"] { if let text = body[key]?.string { parts.append(text) } }
        return parts.joined(separator: ", ")
    }

    /// The line, its time relative to a beginning.
    func text(since begin: Timestamp?, style: Style) -> String {
        let elapsed = time.flatMap { time in begin.map { time.milliseconds - $0.milliseconds } } ?? 0
        let name = pad(type, 26)
        let shown = newStatus.map { style(OrderText.role($0), name) } ?? name
        return "  \(style(.faint, TimelineLine.seconds(elapsed)))  \(pad(service, 13))  \(shown)  \(details)"
    }

    /// `+0.012s`.
    static func seconds(_ milliseconds: Int64) -> String {
        let (whole, rest) = max(0, milliseconds).quotientAndRemainder(dividingBy: 1000)
        let digits = String(rest)
        return "+\(whole).\(String(repeating: "0", count: 3 - digits.count))\(digits)s"
    }

    private func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}

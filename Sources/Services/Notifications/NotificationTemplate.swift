import Contracts

/// A text with placeholders in braces: `{orderId}`, `{total}`, `{reason}`.
///
/// It is cut into pieces once; values are put between the pieces and never read again, so that a value that looks like a placeholder stays what it is.
struct NotificationTemplate: Sendable {
    /// What a text can speak of.
    struct Values: Sendable {
        var orderID: String
        var total: String?
        var reason: String?

        fileprivate subscript(name: Substring) -> String?? {
            switch name {
            case "orderId": orderID
            case "total": .some(total)
            case "reason": .some(reason)
            default: nil
            }
        }
    }

    private enum Piece: Sendable {
        case text(String)
        case placeholder(Substring)
    }

    private let pieces: [Piece]

    /// A template of this text. Braces around anything but a known name are text.
    init(_ text: String) {
        let known = Values(orderID: "", total: "", reason: "")
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = rest[rest.index(after: open)..<close]
            if known[name] != nil {
                pieces.append(.text(String(rest[..<open])))
                pieces.append(.placeholder(name))
                rest = rest[rest.index(after: close)...]
            } else {
                pieces.append(.text(String(rest[...open])))
                rest = rest[rest.index(after: open)...]
            }
        }
        self.pieces = pieces + [.text(String(rest))]
    }

    /// The text with the values in place; a value that is not known is shown as a dash, one with control characters (a line break in a subject would
    /// begin a header of its own) with blanks in their place.
    func rendered(_ values: Values) -> String {
        var out = ""
        for piece in pieces {
            switch piece {
            case .text(let text): out += text
            case .placeholder(let name):
                for scalar in ((values[name] ?? nil) ?? "-").unicodeScalars {
                    out.unicodeScalars.append(scalar.value < 32 || scalar.value == 127 ? " " : scalar)
                }
            }
        }
        return out
    }
}

/// What each kind of notification says.
struct NotificationWording: Sendable {
    let subject: NotificationTemplate
    let text: NotificationTemplate

    private init(_ subject: String, _ text: String) { (self.subject, self.text) = (NotificationTemplate(subject), NotificationTemplate(text)) }

    private static let confirmation = NotificationWording(
        "Your order {orderId} is confirmed", "Thank you for your order {orderId}. We have received your payment of {total} and are preparing the shipment.")
    private static let cancellation = NotificationWording(
        "Your order {orderId} is cancelled", "Your order {orderId} was cancelled ({reason}). Nothing is charged; what was paid is given back.")
    private static let failure = NotificationWording(
        "Your order {orderId} could not be completed", "The payment for your order {orderId} was refused ({reason}). Nothing was charged.")
    private static let shipping = NotificationWording("Your order {orderId} is on its way", "Your order {orderId} has left our warehouse.")
    private static let delivery = NotificationWording("Your order {orderId} has arrived", "Your order {orderId} was delivered. We hope you like it.")
    private static let refund = NotificationWording("A refund for your order {orderId}", "We have given back {total} for your order {orderId}.")

    /// The wording of a kind.
    static func of(_ kind: NotificationKind) -> NotificationWording {
        switch kind {
        case .confirmation: confirmation
        case .cancellation: cancellation
        case .failure: failure
        case .shipping: shipping
        case .delivery: delivery
        case .refund: refund
        }
    }
}

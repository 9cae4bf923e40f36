import ArgumentParser
import Contracts
import WaybillClient
import Wire

/// One line of an order on the command line: `SKU:QUANTITY` or `SKU:QUANTITY:PRICE`. The SKU may contain colons itself: quantity and price are read from the end.
struct ItemArgument: ExpressibleByArgument, Equatable, Sendable {
    let sku: String
    let quantity: Int64
    let price: String?

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 3, let quantity = ItemArgument.quantity(parts[parts.count - 2]), ItemArgument.isPrice(parts[parts.count - 1]) {
            (sku, self.quantity, price) = (parts.dropLast(2).joined(separator: ":"), quantity, parts[parts.count - 1])
        } else if parts.count >= 2, let quantity = ItemArgument.quantity(parts[parts.count - 1]) {
            (sku, self.quantity, price) = (parts.dropLast().joined(separator: ":"), quantity, nil)
        } else {
            return nil
        }
        guard !sku.isEmpty else { return nil }
    }

    private static func quantity(_ text: String) -> Int64? { Int64(text).flatMap { $0 > 0 ? $0 : nil } }

    /// Digits with at most one point; how many decimals the currency has is the server's to say.
    private static func isPrice(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count) && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(\.isDigit) }
    }

    var item: NewOrder.Item { .init(sku: sku, quantity: quantity, price: price) }
}

/// `key=value` on the command line.
struct MetadataArgument: ExpressibleByArgument, Equatable, Sendable {
    let key: String
    let value: String

    init?(argument: String) {
        guard let end = argument.firstIndex(of: "="), end > argument.startIndex else { return nil }
        (key, value) = (String(argument[..<end]), String(argument[argument.index(after: end)...]))
    }
}

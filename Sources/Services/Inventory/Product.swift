import Contracts
import Wire

/// A product and its stock. Everything received is available, reserved or sold (promise S1).
struct Product: Sendable {
    static let maximumUnits: Int64 = 1_000_000_000_000

    let id: ProductID
    let sku: String
    var name: String
    var price: Money
    /// Units that can be ordered.
    var available: Int64
    /// Units held for orders that have not left the house.
    var reserved: Int64 = 0
    /// Units that left the house.
    var sold: Int64 = 0

    func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("sku", sku)
        json.member("name", name)
        json.member("price", price.amount)
        json.member("currency", price.currency.code)
        json.member("availableQuantity", available)
        json.member("reservedQuantity", reserved)
        json.member("soldQuantity", sold)
    }
}

import Contracts
import Web
import Wire

/// The catalogue's prices hold for everybody but programs of the house: a client's own price is what it believes that it pays, and is refused where that is wrong.
enum CataloguePrices {
    /// - Throws: ``Problem`` 409 that names the prices of today.
    static func check(_ items: [PlaceOrderInput.Item], against products: [ProductAvailability?]) throws(Problem) {
        let changed = zip(items, products).enumerated().compactMap { index, pair -> (Int, ProductAvailability)? in
            guard let price = pair.0.price, let product = pair.1, price != product.price else { return nil }
            return (index, product)
        }
        guard !changed.isEmpty else { return }
        let subject = changed.count == 1 ? "The price of a product is" : "The prices of \(changed.count) products are"
        throw Problem(.conflict, "price-changed", "\(subject) not the one that the order names; see \"prices\".") { json in
            json.key("prices")
            json.array(changed) { json, change in
                json.object { json in
                    json.member("pointer", "/items/\(change.0)/price")
                    json.member("productId", change.1.productID)
                    json.member("sku", change.1.sku)
                    json.member("price", change.1.price.amount)
                    json.member("currency", change.1.price.currency.code)
                }
            }
        }
    }
}

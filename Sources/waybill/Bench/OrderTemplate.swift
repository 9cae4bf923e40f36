import WaybillClient

/// Three-line orders over the bench's products, put together from prebuilt pieces.
struct OrderTemplate: Sendable {
    static let linesPerOrder = 3
    private let items: [[UInt8]]
    private let customers: Int
    private let head = Array("{\"customerId\":\"bench-".utf8)
    private let middle = Array(
        "\",\"currency\":\"GBP\",\"shippingCountry\":\"GB\",\"paymentMethod\":\"test_approve\",\"metadata\":{\"channel\":\"bench\"},\"items\":[".utf8)

    /// - Parameters:
    ///   - products: how many there are; at least ``linesPerOrder``.
    ///   - customers: how many there are, 1 to 1,000,000.
    init(products: Int, customers: Int = 1_000_000) {
        self.customers = customers
        items = (1...products).map { number in
            Array("{\"sku\":\"\(OrderTemplate.sku(number))\",\"quantity\":\(1 + number % 3),\"price\":\"\(OrderTemplate.price(number))\"}".utf8)
        }
    }

    /// The body of an order of different products.
    func body(using random: inout SplitMix64) -> [UInt8] { order(using: &random).body }

    /// The same, and the number of its customer.
    func order(using random: inout SplitMix64) -> (customer: Int, body: [UInt8]) {
        var body: [UInt8] = []
        body.reserveCapacity(384)
        let customer = Int(random.next() % UInt64(customers))
        body += head
        appendDigits(UInt64(customer), to: &body)
        body += middle
        let first = pick(random.next())
        var second = pick(random.next())
        while second == first { second = (second + 1) % items.count }
        var third = pick(random.next())
        while third == first || third == second { third = (third + 1) % items.count }
        body += items[first]
        body.append(UInt8(ascii: ","))
        body += items[second]
        body.append(UInt8(ascii: ","))
        body += items[third]
        body.append(UInt8(ascii: "]"))
        body.append(UInt8(ascii: "}"))
        return (customer, body)
    }

    private func pick(_ draw: UInt64) -> Int { Int(draw % UInt64(items.count)) }

    private func appendDigits(_ value: UInt64, to body: inout [UInt8]) {
        var divisor: UInt64 = 100_000
        while divisor > 0 {
            body.append(UInt8(48 + value / divisor % 10))
            divisor /= 10
        }
    }

    /// `bench-0001` ...
    static func sku(_ number: Int) -> String {
        let digits = String(number)
        return "bench-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Between 1.00 and 50.99.
    static func price(_ number: Int) -> String { MinorUnits.decimal(Int64(100 + number * 37 % 5000)) }

    /// The products with more stock than any run uses up.
    static func products(_ count: Int) -> [NewProduct] {
        (1...count).map { NewProduct(sku: sku($0), name: "Bench product \($0)", price: price($0), currency: "GBP", available: 1_000_000_000) }
    }
}

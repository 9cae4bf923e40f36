import Contracts
import Messaging
import Testing
import Wire

@testable import Analytics

@Suite struct ProductSharesTests {
    private func line(_ sku: String?, _ quantity: Int64, _ price: Int64, product: ProductID? = nil) throws -> OrderLine {
        OrderLine(productID: product, sku: sku, quantity: quantity, price: Money(minorUnits: price, currency: try #require(Currency("GBP"))))
    }

    @Test func `Lines of a product are taken together, letter case apart`() throws {
        let id = Identifier(high: 1, low: 2)
        let shares = try ProductShares([try line("a", 2, 150), try line("A", 1, 0), try line("a", 3, 100), try line(nil, 4, 5, product: id)])
        #expect(
            shares.shares == [
                .init(product: "a", lines: 2, units: 5, amount: 600), .init(product: "A", lines: 1, units: 1, amount: 0),
                .init(product: id.description, lines: 1, units: 4, amount: 20),
            ])
        #expect(shares.amount == 620)
    }

    @Test func `An amount beyond all bounds is refused, not trapped on`() throws {
        #expect(throws: ImplausibleOrder.self) { try ProductShares([try line("a", .max, 2)]) }
        #expect(throws: ImplausibleOrder.self) { try ProductShares([try line("a", .max, 0)]) }
        #expect(throws: ImplausibleOrder.self) { try ProductShares([try line("a", -1, 1)]) }
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>) func `Parts add up exactly, and the whole is divided as it was priced`(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let lines = try (0..<Int.random(in: 1...20, using: &random)).map { index in
            try line("sku-\(index)", Int64.random(in: 1...1000, using: &random), Int64.random(in: 0...100_000, using: &random))
        }
        let shares = try ProductShares(lines)
        #expect(ProductShares(bytes: shares.bytes) == shares)
        #expect(shares.division(of: shares.amount) == shares.shares.map(\.amount))
        for _ in 0..<10 {
            let amount = Int64.random(in: 0...Money.maximumMinorUnits, using: &random)
            #expect(shares.division(of: amount).reduce(0, +) == amount)
        }
    }

    @Test func `A free order can be divided too`() throws {
        let shares = try ProductShares([try line("a", 1, 0), try line("b", 1, 0)])
        #expect(shares.division(of: 0) == [0, 0])
        #expect(shares.division(of: 5) == [5, 0])
    }

    @Test func `Damaged bytes are noticed`() throws {
        let bytes = try ProductShares([try line("abc", 300, 99)]).bytes
        for count in 1..<bytes.count { #expect(ProductShares(bytes: Array(bytes.prefix(count))) == nil) }
        #expect(ProductShares(bytes: Array(repeating: 255, count: 40)) == nil)
    }
}

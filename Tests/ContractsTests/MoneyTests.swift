import Contracts
import Testing
import Wire

@Suite("Money")
struct MoneyTests {
    private func currency(_ code: String) throws -> Currency { try #require(Currency(code)) }

    @Test(
        "reads what is exact in the currency's digits",
        arguments: [
            ("GBP", "19.99", 1999), ("GBP", "19.9", 1990), ("GBP", "19", 1900), ("GBP", "19.990", 1999), ("GBP", "0", 0), ("GBP", "0.01", 1), ("GBP", "-0", 0),
            ("GBP", "-19.99", -1999), ("GBP", "007.50", 750), ("GBP", "1.5e2", 15_000), ("GBP", "1.5E+2", 15_000), ("GBP", "1999e-2", 1999),
            ("GBP", "1e10", 1_000_000_000_000),
            ("GBP", "10000000000.00", 1_000_000_000_000), ("GBP", "-10000000000", -1_000_000_000_000), ("GBP", "0e999", 0), ("GBP", "0.000", 0),
            ("JPY", "500", 500), ("JPY", "500.0", 500), ("JPY", "5e2", 500), ("JPY", "50000e-2", 500), ("KWD", "1.234", 1234), ("KWD", "1.2", 1200),
            ("KWD", "1", 1000),
        ])
    func reads(code: String, text: String, minorUnits: Int64) throws {
        #expect(try Money(text, currency(code))?.minorUnits == minorUnits)
    }

    @Test(
        "refuses what would need rounding, is too large or is no decimal number",
        arguments: [
            ("GBP", "19.999"), ("GBP", "0.001"), ("JPY", "0.5"), ("KWD", "1.2345"), ("GBP", "1e-3"), ("GBP", "10000000000.01"), ("GBP", "-10000000000.01"),
            ("GBP", "1e11"),
            ("GBP", "9223372036854775807"), ("GBP", "9223372036854775808"), ("GBP", "99999999999999999999999999999999"), ("GBP", "1e999"), ("GBP", "1e-999"),
            ("GBP", "1e9999"), ("GBP", "1e99999999999999999999"), ("JPY", "1000000000001"),
            ("GBP", ""), ("GBP", "-"), ("GBP", "+1"), ("GBP", "--1"), ("GBP", "1-"), ("GBP", "."), ("GBP", ".5"), ("GBP", "5."), ("GBP", "1.2.3"),
            ("GBP", "1,99"), ("GBP", " 1"),
            ("GBP", "1 "), ("GBP", "1e"), ("GBP", "e1"), ("GBP", "1e+"), ("GBP", "1e+-1"), ("GBP", "1e++1"), ("GBP", "1e--1"), ("GBP", "1e1.5"),
            ("GBP", "0x10"), ("GBP", "NaN"),
            ("GBP", "Infinity"), ("GBP", "1_000"), ("GBP", "\u{0661}"), ("GBP", "1\u{0}"), ("GBP", "5.e2"),
        ])
    func refuses(code: String, text: String) throws {
        #expect(try Money(text, currency(code)) == nil)
    }

    @Test(
        "writes the currency's digits",
        arguments: [
            ("GBP", 1999, "19.99"), ("GBP", 5, "0.05"), ("GBP", 0, "0.00"), ("GBP", -5, "-0.05"), ("GBP", -12_345, "-123.45"), ("JPY", 500, "500"),
            ("JPY", -5, "-5"), ("JPY", 0, "0"),
            ("KWD", 1, "0.001"), ("KWD", 1234, "1.234"), ("GBP", Int64.max, "92233720368547758.07"), ("GBP", Int64.min, "-92233720368547758.08"),
        ])
    func writes(code: String, minorUnits: Int64, text: String) throws {
        let money = Money(minorUnits: minorUnits, currency: try currency(code))
        #expect(money.amount == text)
        #expect(money.description == "\(text) \(code)")
    }

    @Test("what is written is read as the same amount, for every number of digits", arguments: ["JPY", "GBP", "KWD"])
    func roundTrip(code: String) throws {
        let currency = try currency(code)
        var random = SystemRandomNumberGenerator()
        var amounts: [Int64] = [0, 1, -1, 9, 10, 99, 100, 101, 999, 1000, Money.maximumMinorUnits, -Money.maximumMinorUnits]
        for bits in 1...39 { amounts += (0..<50).map { _ in Int64.random(in: -(1 << bits)...(1 << bits), using: &random) } }
        for amount in amounts where amount.magnitude <= Money.maximumMinorUnits.magnitude {
            let money = Money(minorUnits: amount, currency: currency)
            #expect(Money(money.amount, currency) == money, "\(amount)")
        }
    }

    @Test("no text makes it trap")
    func anyText() throws {
        let currency = try currency("GBP")
        let alphabet = Array("0123456789.-+eE ,x")
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let text = String((0..<Int.random(in: 0...24, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "0" })
            if let money = Money(text, currency) {
                #expect(money.minorUnits.magnitude <= Money.maximumMinorUnits.magnitude, "\(text)")
                #expect(Money(money.amount, currency) == money, "\(text)")
            }
        }
    }

    @Test("products and sums are exact, and nil beyond the bound instead of a trap")
    func arithmetic() throws {
        let (pounds, yen) = (try currency("GBP"), try currency("JPY"))
        func money(_ minorUnits: Int64, _ currency: Currency? = nil) -> Money { Money(minorUnits: minorUnits, currency: currency ?? pounds) }
        #expect(money(255).times(6) == money(1530))
        #expect(money(255).times(0) == money(0))
        #expect(money(-255).times(2) == money(-510))
        #expect(money(1_000_000).times(1_000_000) == money(Money.maximumMinorUnits))
        #expect(money(1_000_000).times(1_000_001) == nil)
        #expect(money(Int64.max).times(2) == nil)
        #expect(money(Int64.min).times(-1) == nil)
        #expect(money(Int64.min).times(1) == nil)
        #expect(money(1).plus(money(2)) == money(3))
        #expect(money(Money.maximumMinorUnits).plus(money(1)) == nil)
        #expect(money(Money.maximumMinorUnits).plus(money(0)) == money(Money.maximumMinorUnits))
        #expect(money(Int64.max).plus(money(Int64.max)) == nil)
        #expect(money(Int64.min).plus(money(Int64.min)) == nil)
        #expect(money(1).plus(money(1, yen)) == nil)
    }
}

@Suite("Currency")
struct CurrencyTests {
    @Test(
        "knows the digits of the codes",
        arguments: [("GBP", 2), ("EUR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("CLP", 0), ("KWD", 3), ("TND", 3), ("ZWG", 2)])
    func digits(code: String, digits: Int) throws {
        let currency = try #require(Currency(code))
        #expect(currency.digits == digits)
        #expect(currency.code == code)
    }

    @Test(
        "knows no other text, not even one that looks the same", arguments: ["", "gbp", "GB", "GBPP", " GBP", "XXX", "\u{212A}WD", "G\u{0392}P", "GBP\u{301}"])
    func unknown(code: String) { #expect(Currency(code) == nil) }
}

@Suite("Order status")
struct OrderStatusTests {
    @Test("codes in databases and names on the wire stay what they are")
    func codes() {
        let expected: [(OrderStatus, Int64, String)] = [
            (.created, 1, "CREATED"), (.reserved, 2, "RESERVED"), (.paid, 3, "PAID"), (.shipped, 4, "SHIPPED"), (.delivered, 5, "DELIVERED"),
            (.cancelling, 6, "CANCELLING"), (.cancelled, 7, "CANCELLED"), (.failed, 8, "FAILED"),
        ]
        #expect(expected.map(\.0) == OrderStatus.allCases)
        for (status, code, name) in expected {
            #expect(status.code == code)
            #expect(OrderStatus(code: code) == status)
            #expect(status.rawValue == name)
        }
        for code in [0, 9, -1, Int64.max] { #expect(OrderStatus(code: code) == nil) }
    }

    @Test("an order is settled in every status that nothing but a wish can end")
    func settled() { #expect(OrderStatus.allCases.filter { !$0.isSettled } == [.created, .reserved, .cancelling]) }
}

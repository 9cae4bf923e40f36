import Testing

@testable import waybill

@Suite("Retail file")
struct RetailFileTests {
    private let header = RetailFile.header.joined(separator: ",")

    private func file(_ lines: String...) throws -> RetailFile {
        try RetailFile(ByteArraySource(header + "\n" + lines.joined(separator: "\n")))
    }

    @Test("Lines of one invoice are one order, with the time of its first line")
    func order() throws {
        let file = try file(
            "536365,85123A, HEART ,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
            "536366,POST,,1,2010-12-01 08:28:00,0,,France",
            "536365,85123a,\"A \"\"B\"\", C\",2,2010-12-01 08:27:00,1.1,17850,United Kingdom")
        #expect(file.lineCount == 3 && file.setAside.isEmpty)
        #expect(
            file.orders == [
                RetailOrder(
                    invoice: "536365", customerID: "17850", country: "United Kingdom", placedAt: "2010-12-01T08:26:00Z",
                    lines: [
                        RetailLine(stockCode: "85123A", description: "HEART", quantity: 6, priceMinor: 255),
                        RetailLine(stockCode: "85123a", description: "A \"B\", C", quantity: 2, priceMinor: 110),
                    ]),
                RetailOrder(
                    invoice: "536366", customerID: nil, country: "France", placedAt: "2010-12-01T08:28:00Z",
                    lines: [RetailLine(stockCode: "POST", description: "", quantity: 1, priceMinor: 0)]),
            ])
        #expect(file.orders[0].totalMinor == 1750 && file.orders[0].units == 8)
    }

    @Test("A line that is no sale is counted under the first reason that fits")
    func setAside() throws {
        let file = try file(
            "C1,A,x,-1,2010-12-01 08:26:00,-2,,UK",
            "A2,A,x,-1,2010-12-01 08:26:00,-2,,UK",
            "3,A,x,0,2010-12-01 08:26:00,-2,,UK",
            "4,A,x,1,2010-12-01 08:26:00,-2.001,,UK",
            "5,A,x,1,2010-12-01 08:26:00,-0.01,,UK",
            "6,A,x,1,2010-12-01 08:26:00,0.001,,UK",
            "7,A,x,1,2010-12-01 08:26:00,0.500,,UK")
        #expect(file.setAside == [.cancellation: 1, .adjustment: 1, .nonPositiveQuantity: 1, .negativePrice: 2, .subPennyPrice: 1])
        #expect(file.orders.map(\.invoice) == ["7"] && file.orders[0].totalMinor == 50)
    }

    @Test("A product has the first description and price that say something, and all its units")
    func products() throws {
        let file = try file(
            "1,A,,1,2010-12-01 08:26:00,0,,UK", "1,B, ,5,2010-12-01 08:26:00,0,,UK", "2,A,First,2,2010-12-01 08:26:00,3,,UK",
            "3,A,Second,4,2010-12-01 08:26:00,4,,UK")
        #expect(
            file.products == [
                RetailProduct(stockCode: "A", description: "First", unitsNeeded: 7, priceMinor: 300),
                RetailProduct(stockCode: "B", description: "B", unitsNeeded: 5, priceMinor: 0),
            ])
    }

    @Test("A file that is something else is refused with words")
    func refusals() {
        #expect(throws: RetailFileError.wrongHeader(found: "")) { try RetailFile(ByteArraySource("")) }
        #expect(throws: RetailFileError.wrongHeader(found: "a,b")) { try RetailFile(ByteArraySource("a,b\n")) }
        #expect(throws: RetailFileError.wrongFieldCount(line: 2, count: 2)) { try file("1,2") }
        func malformed(_ field: String, _ value: String) -> RetailFileError { .malformedField(line: 2, field: field, value: value) }
        #expect(throws: malformed("Quantity", "1.5")) { try file("1,A,x,1.5,2010-12-01 08:26:00,1,,UK") }
        #expect(throws: malformed("UnitPrice", "1e3")) { try file("1,A,x,1,2010-12-01 08:26:00,1e3,,UK") }
        #expect(throws: malformed("InvoiceDate", "2010-13-01 08:26:00")) { try file("1,A,x,1,2010-13-01 08:26:00,1,,UK") }
        #expect(throws: malformed("InvoiceDate", "01/12/2010 08:26")) { try file("1,A,x,1,01/12/2010 08:26,1,,UK") }
        #expect(throws: malformed("StockCode", "")) { try file("1,,x,1,2010-12-01 08:26:00,1,,UK") }
        #expect(throws: RetailFileError.tooLarge(line: 2)) { try file("1,A,x,9999999999,2010-12-01 08:26:00,99999999.99,,UK") }
    }

    @Test(
        "Decimal text becomes pence without rounding",
        arguments: [
            ("0", .exact(0)), ("12", .exact(1200)), ("12.3", .exact(1230)), ("12.34", .exact(1234)), ("-0.05", .exact(-5)),
            ("8142.75", .exact(814275)), ("1.230", .exact(123)), ("0.001", .subPenny), ("", .malformed), ("-", .malformed), (".5", .malformed),
            ("5.", .malformed), ("1.2.3", .malformed), ("1,5", .malformed), ("+1", .malformed), ("100000000.01", .malformed),
            ("99999999999999999999", .malformed),
        ] as [(String, MinorUnits.Reading)])
    func decimals(text: String, expected: MinorUnits.Reading) {
        #expect(MinorUnits.read(text.utf8) == expected)
    }

    @Test("Pence are printed with two digits")
    func printedDecimals() {
        #expect([0, 5, 1234, -5, -1234, Int64.min].map(MinorUnits.decimal) == ["0.00", "0.05", "12.34", "-0.05", "-12.34", "-92233720368547758.08"])
    }

    @Test("A summary prints sorted JSON and names each figure that differs")
    func summary() throws {
        var summary = try file("1,A\t\\,x,2,2010-12-01 08:26:00,1.50,,\"E\"\"U\"").summary
        #expect(
            summary.json().split(separator: "\n").map { $0.drop { $0 == " " } }.joined() == """
                {"by_country": {"E\\"U": {"lines": 1,"orders": 1,"revenue": "3.00","units": 2}},\
                "by_month": {"2010-12": {"lines": 1,"orders": 1,"revenue": "3.00","units": 2}},\
                "top20_products_by_revenue": [{"lines": 1,"revenue": "3.00","sku": "A\\t\\\\","units": 2}],\
                "totals": {"lines": 1,"orders": 1,"revenue": "3.00","units": 2}}
                """)
        let same = summary
        #expect(summary.differences(from: same).isEmpty)
        summary.totals.revenueMinor += 1
        summary.byMonth["2011-01"] = .init()
        #expect(
            same.differences(from: summary).map { "\($0.field) \($0.expected) \($0.found)" } == [
                "by_month.2011-01.lines absent 0", "by_month.2011-01.orders absent 0", "by_month.2011-01.revenue absent 0.00",
                "by_month.2011-01.units absent 0", "totals.revenue 3.00 3.01",
            ])
    }

    @Test("The best products come first, equal ones by stock code, twenty at most")
    func top() {
        let products = (0..<30).map { SalesSummary.ProductFigures(sku: "P\(10 + $0)", revenueMinor: Int64($0 / 2)) }
        let top = SalesSummary.top(products.shuffled())
        #expect(top.count == 20 && top.prefix(4).map(\.sku) == ["P38", "P39", "P36", "P37"])
    }
}

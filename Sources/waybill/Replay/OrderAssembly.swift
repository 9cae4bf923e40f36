/// Puts the lines of a file together into orders.
struct OrderAssembly {
    private(set) var orders: [RetailOrder] = []
    private(set) var products: [RetailProduct] = []
    private(set) var setAside: [SetAsideReason: Int] = [:]
    private var orderIndex: [String: Int] = [:]
    private var productIndex: [String: Int] = [:]
    /// One copy of each description: the file repeats few of them many times.
    private var descriptions: Set<String> = []
    private var totalUnits: Int64 = 0
    private var totalMinor: Int64 = 0

    private enum Column: Int {
        case invoice, stockCode, description, quantity, date, price, customer, country
    }

    /// A line's outcome by the rules, in their order.
    private enum Verdict {
        case sale(quantity: Int64, priceMinor: Int64)
        case aside(SetAsideReason)
    }

    mutating func add(_ record: CSVReader<some ByteSource>) throws {
        guard record.count == RetailFile.header.count else {
            throw RetailFileError.wrongFieldCount(line: record.recordLine, count: record.count)
        }
        switch try judge(record) {
        case .aside(let reason): setAside[reason, default: 0] += 1
        case .sale(let quantity, let price): try addSale(record, quantity: quantity, price: price)
        }
    }

    private func judge(_ record: CSVReader<some ByteSource>) throws -> Verdict {
        let invoice = record.bytes(Column.invoice.rawValue)
        if invoice.first == UInt8(ascii: "C") { return .aside(.cancellation) }
        guard let first = invoice.first, first.isDigit else { return .aside(.adjustment) }
        guard let quantity = MinorUnits.wholeNumber(record.bytes(Column.quantity.rawValue)) else { throw malformed(.quantity, record) }
        if quantity <= 0 { return .aside(.nonPositiveQuantity) }
        let price = record.bytes(Column.price.rawValue)
        switch MinorUnits.read(price) {
        case .malformed: throw malformed(.price, record)
        case .exact(let amount) where amount < 0: return .aside(.negativePrice)
        case .exact(let amount): return .sale(quantity: quantity, priceMinor: amount)
        case .subPenny: return .aside(price.first == UInt8(ascii: "-") ? .negativePrice : .subPennyPrice)
        }
    }

    private mutating func addSale(_ record: CSVReader<some ByteSource>, quantity: Int64, price: Int64) throws {
        try addToTotals(quantity: quantity, price: price, line: record.recordLine)
        let text = try String(record.text(Column.description.rawValue).trimmingBlanks)
        let line = RetailLine(
            stockCode: try record.text(Column.stockCode.rawValue), description: descriptions.insert(text).memberAfterInsert,
            quantity: quantity, priceMinor: price)
        guard !line.stockCode.isEmpty else { throw malformed(.stockCode, record) }
        let date = record.bytes(Column.date.rawValue)
        guard Self.isTimestamp(date) else { throw malformed(.date, record) }
        addToProducts(line)

        let invoice = try record.text(Column.invoice.rawValue)
        if let last = orders.last, last.invoice == invoice {
            orders[orders.count - 1].lines.append(line)
        } else if let index = orderIndex[invoice] {
            orders[index].lines.append(line)
        } else {
            let placedAt = String(decoding: date.prefix(10), as: UTF8.self) + "T" + String(decoding: date.suffix(8), as: UTF8.self) + "Z"
            let customer = try record.text(Column.customer.rawValue)
            orderIndex[invoice] = orders.count
            orders.append(
                RetailOrder(
                    invoice: invoice, customerID: customer.isEmpty ? nil : customer, country: try record.text(Column.country.rawValue),
                    placedAt: placedAt, lines: [line]))
        }
    }

    /// All amounts are positive, so when the grand totals fit, every part of them does.
    private mutating func addToTotals(quantity: Int64, price: Int64, line: Int) throws {
        let (amount, tooLarge) = quantity.multipliedReportingOverflow(by: price)
        let (units, tooMany) = totalUnits.addingReportingOverflow(quantity)
        let (total, tooHigh) = totalMinor.addingReportingOverflow(amount)
        guard !tooLarge, !tooMany, !tooHigh else { throw RetailFileError.tooLarge(line: line) }
        totalUnits = units
        totalMinor = total
    }

    private mutating func addToProducts(_ line: RetailLine) {
        guard let index = productIndex[line.stockCode] else {
            productIndex[line.stockCode] = products.count
            products.append(
                RetailProduct(
                    stockCode: line.stockCode, description: line.description.isEmpty ? line.stockCode : line.description,
                    unitsNeeded: line.quantity, priceMinor: line.priceMinor))
            return
        }
        products[index].unitsNeeded += line.quantity
        if products[index].description == line.stockCode, !line.description.isEmpty { products[index].description = line.description }
        if products[index].priceMinor == 0 { products[index].priceMinor = line.priceMinor }
    }

    private func malformed(_ column: Column, _ record: CSVReader<some ByteSource>) -> RetailFileError {
        .malformedField(
            line: record.recordLine, field: RetailFile.header[column.rawValue],
            value: String(decoding: record.bytes(column.rawValue), as: UTF8.self))
    }

    /// `YYYY-MM-DD HH:MM:SS` with every part in its range; the month's length is not looked at.
    private static func isTimestamp(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count == 19 else { return false }
        let base = bytes.startIndex
        func number(_ offset: Int) -> Int? {
            let (tens, ones) = (bytes[base + offset], bytes[base + offset + 1])
            return tens.isDigit && ones.isDigit ? Int(tens - 48) * 10 + Int(ones - 48) : nil
        }
        let separators: [(Int, Unicode.Scalar)] = [(4, "-"), (7, "-"), (10, " "), (13, ":"), (16, ":")]
        guard separators.allSatisfy({ bytes[base + $0] == UInt8(ascii: $1) }), number(0) != nil, number(2) != nil else { return false }
        guard let month = number(5), let day = number(8), let hour = number(11), let minute = number(14), let second = number(17) else {
            return false
        }
        return (1...12).contains(month) && (1...31).contains(day) && hour < 24 && minute < 60 && second < 60
    }
}

extension String {
    /// Without blanks and tabs at both ends.
    fileprivate var trimmingBlanks: Substring {
        var part = self[...]
        while part.utf8.first == UInt8(ascii: " ") || part.utf8.first == UInt8(ascii: "\t") { part.removeFirst() }
        while part.utf8.last == UInt8(ascii: " ") || part.utf8.last == UInt8(ascii: "\t") { part.removeLast() }
        return part
    }
}

/// One order of the retail file: the lines of one invoice that are sales.
struct RetailOrder: Equatable, Sendable {
    let invoice: String
    /// Nil where the file names none.
    let customerID: String?
    let country: String
    /// The timestamp of the invoice's first order line, `YYYY-MM-DDTHH:MM:SSZ`; the file's wall clock is taken as UTC.
    let placedAt: String
    /// At least one, in the order of the file.
    var lines: [RetailLine]

    /// `YYYY-MM`.
    var month: String { String(placedAt.prefix(7)) }
    /// Units of all lines. Cannot overflow: ``RetailFile`` has checked the sum over the whole file.
    var units: Int64 { lines.reduce(0) { $0 + $1.quantity } }
    /// In pence; 0 for free goods. Cannot overflow, as ``units``.
    var totalMinor: Int64 { lines.reduce(0) { $0 + $1.totalMinor } }
}

/// One product of an order. The same product may stand in several lines of an order.
struct RetailLine: Equatable, Sendable {
    let stockCode: String
    /// Without blanks at its ends; may be empty.
    let description: String
    /// At least 1.
    let quantity: Int64
    /// Price of one unit in pence, 0 or more.
    let priceMinor: Int64

    /// In pence. Cannot overflow: ``RetailFile`` has checked it.
    var totalMinor: Int64 { quantity * priceMinor }
}

/// A product as the importer stocks it.
struct RetailProduct: Equatable, Sendable {
    /// Codes that differ only in letter case are different products.
    let stockCode: String
    /// The first description that is not empty, else the stock code.
    var description: String
    /// Units that all orders of the file need together.
    var unitsNeeded: Int64
    /// The first price above zero in pence, else 0.
    var priceMinor: Int64
}

/// Why a line of the file is no order line. The order of the cases is the order of the rules.
enum SetAsideReason: String, CaseIterable, Sendable {
    case cancellation
    case adjustment
    case nonPositiveQuantity = "non_positive_quantity"
    case negativePrice = "negative_price"
    case subPennyPrice = "sub_penny_price"
}

/// Why a file is not one of retail orders.
enum RetailFileError: Error, Equatable, CustomStringConvertible {
    case wrongHeader(found: String)
    case wrongFieldCount(line: Int, count: Int)
    case malformedField(line: Int, field: String, value: String)
    /// The sums of the file do not fit into 64 bits.
    case tooLarge(line: Int)

    var description: String {
        switch self {
        case .wrongHeader(let found):
            "The first line must be \"\(RetailFile.header.joined(separator: ","))\", but it is \"\(found.prefix(200))\"."
        case .wrongFieldCount(let line, let count): "Line \(line) has \(count) fields instead of \(RetailFile.header.count)."
        case .malformedField(let line, let field, let value): "Line \(line): \(field) is \"\(value.prefix(100))\", which cannot be read."
        case .tooLarge(let line): "Line \(line): the quantities or amounts up to here are too large to be added up."
        }
    }
}

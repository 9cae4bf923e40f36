import Contracts
import WaybillClient

/// Products in a CSV file with the header `sku,name,price,currency,availableQuantity`.
struct ProductFile {
    static let header = ["sku", "name", "price", "currency", "availableQuantity"]
    let products: [NewProduct]

    /// Why a file is not one of products.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case wrongHeader(found: String)
        case wrongFieldCount(line: Int, count: Int)
        case malformed(line: Int, field: String, value: String, expected: String)
        case repeated(line: Int, sku: String)
        case empty

        var description: String {
            switch self {
            case .wrongHeader(let found): "The first line must be \"\(header.joined(separator: ","))\", but it is \"\(found.prefix(200))\"."
            case .wrongFieldCount(let line, let count): "Line \(line) has \(count) fields instead of \(header.count)."
            case .malformed(let line, let field, let value, let expected): "Line \(line): \(field) is \"\(value.prefix(100))\"; it must be \(expected)."
            case .repeated(let line, let sku): "Line \(line): the SKU \"\(sku.prefix(100))\" stands in the file twice."
            case .empty: "The file has no product."
            }
        }
    }

    /// Reads everything before anything is sent, so that a mistake on the last line changes nothing.
    init(_ source: some ByteSource) throws {
        var reader = CSVReader(source)
        guard try reader.advance(), try reader.texts() == ProductFile.header else {
            throw Failure.wrongHeader(found: try reader.texts().joined(separator: ","))
        }
        var products: [NewProduct] = []
        var seen: Set<String> = []
        while try reader.advance() {
            guard reader.count == ProductFile.header.count else { throw Failure.wrongFieldCount(line: reader.recordLine, count: reader.count) }
            let product = try ProductFile.product(try reader.texts(), line: reader.recordLine)
            guard seen.insert(product.sku).inserted else { throw Failure.repeated(line: reader.recordLine, sku: product.sku) }
            products.append(product)
        }
        guard !products.isEmpty else { throw Failure.empty }
        self.products = products
    }

    private static func product(_ fields: [String], line: Int) throws(Failure) -> NewProduct {
        func malformed(_ index: Int, _ expected: String) -> Failure {
            .malformed(line: line, field: header[index], value: fields[index], expected: expected)
        }
        guard !fields[0].isEmpty, fields[0].count <= 64 else { throw malformed(0, "1 to 64 characters") }
        guard !fields[1].isEmpty, fields[1].count <= 200 else { throw malformed(1, "1 to 200 characters") }
        guard let currency = Currency(fields[3]) else { throw malformed(3, "an ISO 4217 code in capitals") }
        guard let price = Money(fields[2], currency), price.minorUnits >= 0 else { throw malformed(2, "an amount of \(currency.code), 0 or more") }
        guard let quantity = Int64(fields[4]), quantity >= 0 else { throw malformed(4, "a whole number, 0 or more") }
        return NewProduct(sku: fields[0], name: fields[1], price: price.amount, currency: currency.code, available: quantity)
    }
}

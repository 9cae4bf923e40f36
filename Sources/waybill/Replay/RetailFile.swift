/// The orders of a UCI Online Retail file (Chen, D. (2015), https://doi.org/10.24432/C5BW33, CC BY 4.0), by the rules of its README.
struct RetailFile: Sendable {
    /// The first line that such a file must have.
    static let header = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]

    /// One for each invoice that keeps a line, in the order of the file.
    let orders: [RetailOrder]
    /// In the order in which they first appear in an order.
    let products: [RetailProduct]
    /// Lines that are no order lines; a reason that never applied is absent.
    let setAside: [SetAsideReason: Int]
    /// All lines below the header.
    let lineCount: Int

    /// What the file says was sold: the truth that the platform's figures are compared with.
    var summary: SalesSummary { SalesSummary(orders: orders) }

    /// Reads a file, plain or gzip.
    ///
    /// - Throws: ``GzipFile/Failure``, ``CSVError`` or ``RetailFileError``, each with the line where reading ended.
    init(path: String) throws { try self.init(GzipFile(path: path)) }

    /// Reads from any source of bytes.
    init(_ source: some ByteSource) throws {
        var reader = CSVReader(source)
        guard try reader.advance(), try reader.texts() == Self.header else {
            throw RetailFileError.wrongHeader(found: try reader.texts().joined(separator: ","))
        }
        var assembly = OrderAssembly()
        var lines = 0
        while try reader.advance() {
            lines += 1
            try assembly.add(reader)
        }
        orders = assembly.orders
        products = assembly.products
        setAside = assembly.setAside
        lineCount = lines
    }
}

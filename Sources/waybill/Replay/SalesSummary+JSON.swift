extension SalesSummary {
    /// The summary as indented JSON with sorted keys and amounts as decimal strings: the same bytes for the same figures, so that two
    /// runs can be compared with `diff`.
    func json() -> String {
        let parts = [
            "  \"by_country\": \(Self.object(byCountry, indent: "  "))",
            "  \"by_month\": \(Self.object(byMonth, indent: "  "))",
            "  \"top20_products_by_revenue\": \(productsJSON)",
            "  \"totals\": \(Self.object(totals, indent: "  "))",
        ]
        return "{\n" + parts.joined(separator: ",\n") + "\n}"
    }

    private var productsJSON: String {
        let items = topProducts.map { product in
            "    "
                + Self.object(
                    [
                        ("lines", "\(product.lines)"), ("revenue", Self.quoted(MinorUnits.decimal(product.revenueMinor))),
                        ("sku", Self.quoted(product.sku)), ("units", "\(product.units)"),
                    ], indent: "    ")
        }
        return items.isEmpty ? "[]" : "[\n" + items.joined(separator: ",\n") + "\n  ]"
    }

    private static func object(_ groups: [String: Figures], indent: String) -> String {
        // By bytes, as other programs sort keys.
        let sorted = groups.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return object(sorted.map { ($0.key, object($0.value, indent: indent + "  ")) }, indent: indent)
    }

    private static func object(_ figures: Figures, indent: String) -> String {
        object(
            [
                ("lines", "\(figures.lines)"), ("orders", "\(figures.orders)"), ("revenue", quoted(MinorUnits.decimal(figures.revenueMinor))),
                ("units", "\(figures.units)"),
            ], indent: indent)
    }

    private static func object(_ members: [(String, String)], indent: String) -> String {
        guard !members.isEmpty else { return "{}" }
        let lines = members.map { "\(indent)  \(quoted($0.0)): \($0.1)" }
        return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    }

    /// A JSON string (RFC 8259, 7).
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

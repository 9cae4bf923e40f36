/// Rows as aligned columns, for people: text to the left, numbers to the right.
struct Table: Sendable {
    private let header: [String]
    private var rows: [[String]] = []
    /// Two blanks between columns: enough to see them, and easy to cut with other tools.
    private static let gap = "  "
    private static let narrowest = 8

    /// An empty table with its column titles.
    init(_ header: [String]) { self.header = header }

    /// Whether there is anything below the titles.
    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row. Missing cells are empty, surplus ones are dropped; line breaks and tabs become blanks.
    mutating func add(_ cells: [String]) {
        let padded = cells.prefix(header.count) + Array(repeating: "", count: max(0, header.count - cells.count))
        rows.append(padded.map { $0.contains(where: \.isLineBreakOrTab) ? String($0.map { $0.isLineBreakOrTab ? " " : $0 }) : $0 })
    }

    /// The table as lines, each ended by a line feed.
    ///
    /// - Parameter width: the terminal's columns; the widest text columns are cut with "…" to fit. Nil cuts nothing.
    func render(style: Style = .plain, width: Int? = nil) -> String {
        let isNumeric = header.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { Self.isNumber($0[column]) } && rows.contains { !$0[column].isEmpty }
        }
        let widths = columnWidths(limit: width, isNumeric: isNumeric)
        func line(_ cells: [String], _ role: Style.Role?) -> String {
            let padded = zip(header.indices, cells).map { column, cell in
                let text = Self.pad(cell, to: widths[column], right: isNumeric[column])
                return role.map { style($0, text) } ?? text
            }
            return padded.joined(separator: Self.gap).trimmingTrailingBlanks + "\n"
        }
        return line(header, .heading) + rows.map { line($0, nil) }.joined()
    }

    private func columnWidths(limit: Int?, isNumeric: [Bool]) -> [Int] {
        var widths = header.indices.map { column in
            rows.reduce(Style.visibleWidth(header[column])) { max($0, Style.visibleWidth($1[column])) }
        }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + Self.gap.count * max(0, widths.count - 1) - limit
        // A cut number would be a wrong number: only text columns give way, the widest first.
        while excess > 0 {
            let candidates = widths.indices.filter { !isNumeric[$0] && widths[$0] > Self.narrowest }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private static func pad(_ text: String, to width: Int, right: Bool) -> String {
        let length = Style.visibleWidth(text)
        if length > width {
            // A coloured cell is left whole, for a cut sequence would colour the rest of the screen.
            return text.unicodeScalars.contains("\u{1B}") ? text : text.prefix(max(0, width - 1)) + "…"
        }
        let blanks = String(repeating: " ", count: width - length)
        return right ? blanks + text : text + blanks
    }

    /// Digits with sign, separators, a decimal point or a unit sign; an empty cell or a dash stands for "no number".
    private static func isNumber(_ text: String) -> Bool {
        if text.isEmpty || text == "-" { return true }
        let allowed = text.allSatisfy { ("0"..."9").contains($0) || "+-.,% ".contains($0) }
        return allowed && text.contains { ("0"..."9").contains($0) }
    }
}

extension Character {
    fileprivate var isLineBreakOrTab: Bool { isNewline || self == "\t" }
}

extension String {
    fileprivate var trimmingTrailingBlanks: String {
        guard last == " " else { return self }
        var result = self
        while result.last == " " { result.removeLast() }
        return result
    }
}

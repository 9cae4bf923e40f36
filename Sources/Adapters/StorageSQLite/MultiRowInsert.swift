/// Several rows in one statement: `INSERT .. VALUES ($1, $2)` written for eight rows.
///
/// What a statement costs whatever it does, looking up and writing the counter of an `AUTOINCREMENT` table above all, is half of what a row costs; eight share it.
/// Only tables with such a counter gain by it, so it is used where keys are given or rows are only summed up, and nowhere else.
enum MultiRowInsert {
    /// How many rows one statement takes: a batch of ten orders fills it, and more would gain little.
    static let rows = 8

    /// The statement for ``rows`` rows; nil for one that is not an insert of one row of parameters in their order.
    static func text(of sql: String) -> String? {
        guard sql.hasPrefix("INSERT INTO "), let opening = sql.firstRange(of: " VALUES ("),
            let closing = sql[opening.upperBound...].firstIndex(of: ")")
        else { return nil }
        let end = sql[closing...].dropFirst()
        let count = sql[opening.upperBound..<closing].split(separator: ",").count
        guard count > 0, sql[opening.upperBound..<closing] == tuple(count, after: 0), !end.contains("$") else { return nil }
        let tuples = (0..<rows).map { "(\(tuple(count, after: $0 * count)))" }
        return "\(sql[..<opening.lowerBound]) VALUES \(tuples.joined(separator: ", "))\(end)"
    }

    private static func tuple(_ count: Int, after first: Int) -> String { (1...count).map { "$\(first + $0)" }.joined(separator: ", ") }
}

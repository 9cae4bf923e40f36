/// An `INSERT ... ON CONFLICT ... DO NOTHING` without its clause. Where none of its rows is there yet, both do the same, and the plain one costs the server half as much: for
/// the clause it looks every row up first, and locks and confirms each by itself.
///
/// It is trusted after a number of runs whose clause had nothing to do. Where it meets a row after all, its transaction is lost and is run again with every clause, and it has
/// to prove itself for four times as long as before. So what is a rare duplicate, an event that is delivered again, costs a transaction now and then, and where duplicates are
/// usual the clause stays.
///
/// Only where the clause names its columns, as those of events, payments and products do: the server writes the key that was met into its log, and the tables whose inserts name
/// none have names of people among their keys (promise S16).
final class PlainInsert {
    private static let longestTrial = 65_536

    private let text: String
    /// How many clean runs in a row it takes.
    private var trial = 8
    private var cleanRuns = 0
    private var statement: PreparedStatement?

    /// - Parameter text: any statement.
    /// - Returns: nil where it is not of this kind.
    init?(_ text: String) {
        let clause = "ON CONFLICT ("
        guard text.hasPrefix("INSERT INTO "), text.contains(" VALUES ("), text.split(whereSeparator: \.isWhitespace).suffix(2) == ["DO", "NOTHING"],
            let range = text.firstRange(of: clause), !text[range.upperBound...].contains(clause)
        else { return nil }
        self.text = String(text[..<range.lowerBound])
    }

    /// The plain statement, prepared at its first use; nil while it is not trusted.
    func trusted(prepare: (String) throws -> PreparedStatement) throws -> PreparedStatement? {
        guard cleanRuns >= trial else { return nil }
        if let statement { return statement }
        let new = try prepare(text)
        statement = new
        return new
    }

    /// Notes a run with the clause.
    func ran(wrote rows: Int, of sets: Int) { cleanRuns = rows == sets ? cleanRuns + 1 : 0 }

    /// Notes that the plain statement has met a row.
    func hasMet() { trial = min(PlainInsert.longestTrial, trial * 4) }

    /// Asks for another proof.
    func distrust() { cleanRuns = 0 }
}

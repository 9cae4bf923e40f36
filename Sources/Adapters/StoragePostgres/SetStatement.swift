import CPostgres
import Storage

/// A statement rewritten so that one run does what a run per set of parameters would: parameters come as arrays, and the server pays for starting a statement (parsing
/// its checks, opening its tables and indexes) once instead of once per row.
///
/// Only what is certain to mean the same is rewritten: inserts of values, updates and deletions that name their rows by equality, selections without an order. Where
/// two sets of one call may meet in one row, ``distinct`` says by which parameters that is seen.
struct SetStatement {
    /// The name by which rewritten statements know the sets, with a column per parameter, `p1`, `p2` ..., and `o`, the set's place counted from 1.
    private static let source = "waybill_sets"

    /// Takes an array per parameter.
    let text: String
    /// Parameters, counted from 0, in all of which no two sets of a run may agree; empty where sets may be alike.
    let distinct: [Int]
    /// How a run tells which of its sets changed something.
    let counting: Counting

    enum Counting: Equatable {
        /// It cannot.
        case none
        /// Each of them does, or the run fails.
        case every
        /// It returns the place of the set of every row that it changed.
        case places
        /// It returns these columns of every row that it wrote, which these parameters were written to.
        case columns([String], [Int])
    }

    /// What is to be added for a run whose counts are wanted.
    var countingText: String? {
        switch counting {
        case .none: nil
        case .every: text
        case .places: "\(text) RETURNING \(SetStatement.source).o"
        case .columns(let names, _): "\(text) RETURNING \(names.joined(separator: ", "))"
        }
    }

    /// Rewrites a statement; nil where that is not certain to mean the same.
    /// - Parameters:
    ///   - text: in PostgreSQL's words.
    ///   - types: what the server takes each parameter for.
    init?(_ text: String, types: [Oid]) {
        let arrays = types.compactMap(SetBuffer.arrayTypeName)
        guard !types.isEmpty, arrays.count == types.count, let text = SetStatement.normalized(text), !text.contains(" RETURNING ") else { return nil }
        let parameters = arrays.enumerated().map { "$\($0 + 1)::\($1)" }
        let columns = (1...types.count).map { "p\($0)" }
        let placed =
            "unnest(\(parameters.joined(separator: ", "))) WITH ORDINALITY AS \(SetStatement.source)(\(columns.joined(separator: ", ")), o)"
        if text.hasPrefix("INSERT INTO ") {
            // In a list of columns the arrays are read side by side; in FROM the server would first write each of them into a store of its own.
            let sets = zip(parameters, columns).map { "unnest(\($0)) AS \($1)" }.joined(separator: ", ")
            self.init(insert: text, sets: "(SELECT \(sets)) AS \(SetStatement.source)")
        } else if text.hasPrefix("UPDATE ") {
            guard let (head, condition) = SetStatement.split(text, " WHERE "), let key = SetStatement.key(condition) else { return nil }
            self.init("\(SetStatement.renamed(head)) FROM \(placed) WHERE \(SetStatement.renamed(condition))", distinct: key, .places)
        } else if text.hasPrefix("DELETE FROM ") {
            guard let (head, condition) = SetStatement.split(text, " WHERE "), let key = SetStatement.key(condition) else { return nil }
            self.init("\(head) USING \(placed) WHERE \(SetStatement.renamed(condition))", distinct: key, .places)
        } else if text.hasPrefix("SELECT "), !text.contains(" ORDER BY "), !text.contains(" LIMIT ") {
            self.init(
                "SELECT found.* FROM \(placed) CROSS JOIN LATERAL (\(SetStatement.renamed(text))) AS found ORDER BY \(SetStatement.source).o", distinct: [],
                .none)
        } else {
            return nil
        }
    }

    private init(_ text: String, distinct: [Int], _ counting: Counting) {
        (self.text, self.distinct, self.counting) = (text, distinct, counting)
    }

    /// `INSERT INTO table (columns) VALUES (expressions) [ON CONFLICT ...]`.
    private init?(insert text: String, sets: String) {
        guard let (head, rest) = SetStatement.split(text, " VALUES ("), let open = head.firstIndex(of: "("), head.hasSuffix(")"),
            let end = SetStatement.closing(rest)
        else { return nil }
        let names = SetStatement.list(head[head.index(after: open)..<head.index(before: head.endIndex)])
        let expressions = SetStatement.list(rest[..<end])
        let tail = rest[rest.index(after: end)...]
        guard names.count == expressions.count, tail.isEmpty || tail.hasPrefix(" ON CONFLICT "), !tail.contains("$") else { return nil }
        var key: [Int] = []
        var target: [String] = []
        if tail.hasPrefix(" ON CONFLICT ("), let closing = tail.firstIndex(of: ")") {
            target = SetStatement.list(tail.dropFirst(" ON CONFLICT (".count).prefix(upTo: closing))
            key = target.compactMap { name in names.firstIndex(of: name).flatMap { SetStatement.parameter(expressions[$0]) } }
        }
        let isKnown = !target.isEmpty && key.count == target.count
        // A row may not be written twice by one statement: the server refuses that.
        let updates = tail.contains(" DO UPDATE ")
        if updates, !isKnown { return nil }
        let values = expressions.map(SetStatement.renamed).joined(separator: ", ")
        self.init(
            "\(head) SELECT \(values) FROM \(sets)\(tail)", distinct: updates ? key : [],
            tail.isEmpty ? .every : isKnown ? .columns(target, key) : .none)
    }

    // MARK: Text

    /// One space between words; nil where a literal has spaces of its own.
    private static func normalized(_ text: String) -> String? {
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.contains(where: { $0.count(where: { $0 == "'" }) % 2 != 0 }) { return nil }
        return words.joined(separator: " ")
    }

    private static func split(_ text: String, _ separator: String) -> (head: String, rest: String)? {
        guard let range = text.firstRange(of: separator) else { return nil }
        return (String(text[..<range.lowerBound]), String(text[range.upperBound...]))
    }

    /// The parenthesis that closes one which was opened before the text begins.
    private static func closing(_ text: String) -> String.Index? {
        var depth = 1
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    /// The parts of a list that has no commas inside its parts; a part that has is no plain parameter and is put together again by whoever joins them.
    private static func list(_ text: Substring) -> [String] {
        text.split(separator: ",").map { $0.drop(while: \.isWhitespace) }.map(String.init)
    }

    /// The number of a parameter, counted from 0, if the expression is one and nothing else.
    private static func parameter(_ expression: String) -> Int? {
        guard expression.first == "$", let number = Int(expression.dropFirst()) else { return nil }
        return number - 1
    }

    /// The parameters that a condition compares columns with; nil where it does more than to compare.
    private static func key(_ condition: String) -> [Int]? {
        if ["(", " OR ", " SELECT ", " RETURNING "].contains(where: condition.contains) { return nil }
        var key: [Int] = []
        for words in condition.split(separator: " ").split(separator: "AND") {
            let words = words.map(String.init)
            if words.count == 3, words[1] == "=", let parameter = parameter(words[2]) { key.append(parameter) }
        }
        return key.isEmpty ? nil : key
    }

    /// Takes every parameter from the sets.
    private static func renamed(_ text: String) -> String { text.replacing("$", with: "\(source).p") }
}

import Storage

/// Statements of a transaction that nobody waits for, in the order in which they will be sent.
///
/// An insert of values joins the last one of the same text if nothing but inserts into other tables stands between them: inserts do not read what others wrote (there
/// are no foreign keys), so the later rows may go earlier. Two texts that write one table keep their order: the second may meet a row of the first, and the rows of an
/// outbox are numbered as they arrive. Everything else keeps its place.
struct GatheredStatements {
    struct Statement {
        let sql: SQL
        var sets: [[SQLValue]]
        /// Who is to be given the keys of how many sets, in order.
        var bodies: [(count: Int, body: ([Int64]) -> Void)] = []

        /// Gives everybody the keys of their sets.
        func deliver(_ keys: [Int64]) {
            var rest = keys[...]
            for (count, body) in bodies {
                body(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
        }
    }

    /// How many sets are kept back at most.
    private static let limit = 4_096

    private var statements: [Statement] = []
    /// Where an insert can be joined, by its number; those whose keys are asked for apart from the others.
    private var open: [Int: Int] = [:]
    /// The one insert into each table that can be joined, as ``open`` knows it.
    private var latest: [Substring: Int] = [:]
    private var count = 0

    var isFull: Bool { count >= GatheredStatements.limit }

    mutating func add(_ sql: SQL, _ sets: [[SQLValue]], _ keys: (([Int64]) -> Void)?) {
        count += sets.count
        let place = sql.id * 2 + (keys == nil ? 0 : 1)
        let index = open[place] ?? statements.count
        if index < statements.count {
            statements[index].sets += sets
        } else {
            statements.append(Statement(sql: sql, sets: sets))
            noteOpen(place, at: index, sql.text)
        }
        if let keys { statements[index].bodies.append((sets.count, keys)) }
    }

    /// Notes a statement that was just begun: what it closes, and whether others may join it.
    private mutating func noteOpen(_ place: Int, at index: Int, _ text: String) {
        guard let table = GatheredStatements.table(ofInsert: text) else { return close() }
        if let other = latest.updateValue(place, forKey: table) { open[other] = nil }
        open[place] = index
    }

    /// The table that a statement inserts values into; nil for every other statement.
    static func table(ofInsert text: String) -> Substring? {
        let start = "INSERT INTO "
        guard text.hasPrefix(start), text.contains("VALUES (") else { return nil }
        let table = text.dropFirst(start.count).prefix { $0 != " " && $0 != "(" && !$0.isNewline }
        return table.isEmpty ? nil : table
    }

    private mutating func close() {
        open.removeAll(keepingCapacity: true)
        latest.removeAll(keepingCapacity: true)
    }

    /// Hands everything over.
    mutating func take() -> [Statement] {
        if statements.isEmpty { return [] }
        defer {
            statements.removeAll(keepingCapacity: true)
            close()
            count = 0
        }
        return statements
    }
}

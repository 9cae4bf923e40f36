import Storage

/// Statements of a transaction that nobody waits for, in the order in which they will be sent.
///
/// An insert joins the last one of the same text if nothing but inserts stands between them: inserts do not read what others wrote (there are no foreign keys; an insert
/// that meets a row of its own table has the same text), so the later rows may go earlier. Everything else keeps its place.
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
    private var count = 0

    var isFull: Bool { count >= GatheredStatements.limit }

    mutating func add(_ sql: SQL, _ sets: [[SQLValue]], _ keys: (([Int64]) -> Void)?) {
        count += sets.count
        let isInsert = sql.text.hasPrefix("INSERT ")
        if !isInsert { open.removeAll(keepingCapacity: true) }
        let place = sql.id * 2 + (keys == nil ? 0 : 1)
        let index: Int
        if isInsert, let known = open[place] {
            index = known
            statements[index].sets += sets
        } else {
            index = statements.count
            statements.append(Statement(sql: sql, sets: sets))
            if isInsert { open[place] = index }
        }
        if let keys { statements[index].bodies.append((sets.count, keys)) }
    }

    /// Hands everything over.
    mutating func take() -> [Statement] {
        if statements.isEmpty { return [] }
        defer {
            statements.removeAll(keepingCapacity: true)
            open.removeAll(keepingCapacity: true)
            count = 0
        }
        return statements
    }
}

import Storage

/// A transaction on one connection. The write methods are only reachable through `any Transaction`, which readers are never given.
final class SQLiteTransaction: Transaction {
    private let connection: SQLiteConnection
    /// What to run once this is durable, in order.
    private(set) var commitActions: [@Sendable () -> Void] = []

    init(_ connection: SQLiteConnection) { self.connection = connection }

    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws {
        let statement = try connection.statement(sql)
        for values in parameters {
            try statement.bind(values, connection)
            defer { statement.reset() }
            while try statement.step(connection) { try row(statement) }
        }
    }

    func execute(_ sql: SQL, each parameters: [[SQLValue]]) throws {
        let statement = try connection.statement(sql)
        for values in parameters { try run(statement, values) }
    }

    func executeCounting(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int] {
        let statement = try connection.statement(sql)
        return try parameters.map {
            try run(statement, $0)
            return connection.changes
        }
    }

    func executeSumming(_ sql: SQL, each parameters: [[SQLValue]]) throws -> Int {
        var sum = 0
        try insertInPieces(sql, parameters) { _ in sum += connection.changes }
        return sum
    }

    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64] {
        var keys: [Int64] = []
        keys.reserveCapacity(parameters.count)
        try insertInPieces(sql, parameters) { count in
            guard connection.changes == count else { throw StorageError.failed("an insert that gives keys has left a row out: \(sql.text)") }
            // A statement numbers its rows one after the other.
            let last = connection.lastKey
            keys.append(contentsOf: last - Int64(count) + 1...last)
        }
        return keys
    }

    /// Runs an insert for several rows at once as far as there are enough of them, and one by one for the rest.
    /// - Parameter done: told after each run how many rows it was given.
    private func insertInPieces(_ sql: SQL, _ parameters: [[SQLValue]], _ done: (Int) throws -> Void) throws {
        var rest = parameters[...]
        if rest.count >= MultiRowInsert.rows, let several = try connection.multiple(sql) {
            while rest.count >= MultiRowInsert.rows {
                try several.bind(rows: rest.prefix(MultiRowInsert.rows), connection)
                try run(several)
                try done(MultiRowInsert.rows)
                rest = rest.dropFirst(MultiRowInsert.rows)
            }
        }
        let one = try connection.statement(sql)
        for values in rest {
            try run(one, values)
            try done(1)
        }
    }

    func onCommit(_ body: @escaping @Sendable () -> Void) { commitActions.append(body) }

    private func run(_ statement: SQLiteStatement, _ values: [SQLValue]) throws {
        try statement.bind(values, connection)
        try run(statement)
    }

    /// Runs a statement whose parameters are bound.
    private func run(_ statement: SQLiteStatement) throws {
        defer { statement.reset() }
        while try statement.step(connection) {}
    }
}

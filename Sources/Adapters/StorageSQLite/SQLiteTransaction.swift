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

    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64] {
        let statement = try connection.statement(sql)
        return try parameters.map {
            try run(statement, $0)
            return connection.lastKey
        }
    }

    func onCommit(_ body: @escaping @Sendable () -> Void) { commitActions.append(body) }

    private func run(_ statement: SQLiteStatement, _ values: [SQLValue]) throws {
        try statement.bind(values, connection)
        defer { statement.reset() }
        while try statement.step(connection) {}
    }
}

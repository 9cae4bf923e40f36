import CPostgres
import Storage

/// A transaction on one connection. What need not be waited for is queued; whatever is waited for takes the queue along. The write methods are only reachable
/// through `any Transaction`, which readers are never given.
///
/// Inserts that nobody waits for are kept back and gathered, also those of the transaction's other closures, so that a table's rows go to the server in one statement (see
/// ``SetStatement``). `BEGIN` travels with the first statement. A statement that nobody waits for may fail later, at the next wait or at the commit; the transaction is lost then in any
/// case, because PostgreSQL takes nothing more after an error, and whoever catches the error does not change that.
final class PostgresTransaction: Transaction {
    static let begin = SQL("BEGIN")
    static let beginReading = SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    static let commit = SQL("COMMIT")
    static let rollback = SQL("ROLLBACK")
    /// The transaction's number. It is given one even if it writes nothing; that costs no sync then.
    static let number = SQL("SELECT pg_current_xact_id()")
    /// What every connection prepares before it is used, so that no transaction waits for it.
    static let own = [begin, beginReading, commit, rollback, number]

    private let connection: PostgresConnection
    private let isReader: Bool
    private var hasBegun = false
    private var gathered = GatheredStatements()
    /// Comes with the first answers.
    private var number: Reply?
    /// Keys that nobody waits for, and who is to be given them.
    private var keys: [(reply: Reply, body: ([Int64]) -> Void)] = []
    /// Rows that were asked for and have not been handed over.
    private var questions: [(reply: Reply, row: (any Row) throws -> Void)] = []
    /// What to run once this is durable, in order.
    private(set) var commitActions: [@Sendable () -> Void] = []
    /// The transaction's number, when the connection was lost between `COMMIT` and its answer: whether it is durable, the server knows.
    private(set) var unsettledNumber: UInt64?

    init(_ connection: PostgresConnection, isReader: Bool = false) {
        (self.connection, self.isReader) = (connection, isReader)
    }

    // MARK: Statements

    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws {
        if parameters.isEmpty { return }
        let reply = try send(sql, parameters, .rows)
        try wait()
        try PostgresTransaction.handOver(reply, row)
    }

    func ask(_ sql: SQL, each parameters: [[SQLValue]], _ row: @escaping (any Row) throws -> Void) throws {
        if parameters.isEmpty { return }
        questions.append((try send(sql, parameters, .rows), row))
    }

    func awaitAnswers() throws { if !questions.isEmpty { try wait() } }

    private static func handOver(_ reply: Reply, _ row: (any Row) throws -> Void) throws {
        for result in reply.results {
            let current = PostgresRow(result)
            for number in 0..<PQntuples(result) {
                current.number = number
                try row(current)
            }
        }
    }

    func execute(_ sql: SQL, each parameters: [[SQLValue]]) throws {
        if parameters.isEmpty { return }
        gathered.add(sql, parameters, nil)
        if gathered.isFull { try sendGathered() }
    }

    func executeCounting(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int] {
        if parameters.isEmpty { return [] }
        let reply = try send(sql, parameters, .counts)
        try wait()
        return reply.counts
    }

    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64] {
        if parameters.isEmpty { return [] }
        let reply = try send(sql, parameters, .keys)
        try wait()
        return reply.keys
    }

    func insert(_ sql: SQL, each parameters: [[SQLValue]], _ keys: @escaping ([Int64]) -> Void) throws {
        if parameters.isEmpty { return }
        gathered.add(sql, parameters, keys)
        if gathered.isFull { try sendGathered() }
    }

    private func sendGathered() throws {
        for statement in gathered.take() {
            let reply = try sendNow(statement.sql, statement.sets, statement.bodies.isEmpty ? .nothing : .keys)
            if !statement.bodies.isEmpty { keys.append((reply, statement.deliver)) }
        }
    }

    func onCommit(_ body: @escaping @Sendable () -> Void) { commitActions.append(body) }

    /// Runs a statement that is not worth preparing, as those of migrations are.
    func executeOnce(_ text: String) throws {
        try sendGathered()
        try start()
        _ = try unwrapping { try connection.sendOnce(text) }
    }

    /// Lets statements take as long as they need, within a bound, until the transaction ends.
    func allowLongStatements(_ limit: Duration) throws {
        try executeOnce("SET LOCAL statement_timeout = \(limit.nanoseconds / 1_000_000)")
        connection.stallLimit = limit + .seconds(5)
    }

    private func send(_ sql: SQL, _ parameters: [[SQLValue]], _ kind: Reply.Kind) throws -> Reply {
        guard !parameters.isEmpty else { return Reply(kind, 0, "") }
        try sendGathered()
        return try sendNow(sql, parameters, kind)
    }

    private func sendNow(_ sql: SQL, _ parameters: [[SQLValue]], _ kind: Reply.Kind) throws -> Reply {
        try unwrapping {
            let statement = try connection.statement(sql, returnsKeys: kind == .keys, sample: parameters[0])
            try start()
            return try connection.send(statement, parameters, kind)
        }
    }

    private func start() throws {
        guard !hasBegun else { return }
        hasBegun = true
        let beginning = isReader ? PostgresTransaction.beginReading : PostgresTransaction.begin
        _ = try unwrapping { try connection.send(connection.statement(beginning), [[]], .nothing) }
    }

    private func wait() throws {
        try unwrapping { try waitWithNumber() }
        let answered = questions
        questions = []
        for (reply, row) in answered { try PostgresTransaction.handOver(reply, row) }
    }

    private func waitWithNumber() throws {
        // Before `BEGIN` the server would tell the number of another transaction, one that is durable whatever becomes of this one.
        if number == nil, !isReader, hasBegun { number = try connection.send(connection.statement(PostgresTransaction.number), [[]], .rows) }
        try connection.wait()
    }

    /// Shows the closures of services the errors of the port; the connection remembers what it was.
    private func unwrapping<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let failure as PostgresFailure { throw failure.storageError }
    }

    // MARK: The end

    /// Makes everything durable, in one round trip, or two where there has been none before.
    /// - Throws: ``PostgresFailure``; when ``unsettledNumber`` is set, whether it is durable is open.
    func commit() throws {
        try sendGathered()
        guard hasBegun else { return }
        if let failure = connection.failure { throw failure }
        // `COMMIT` goes out only when the transaction's number has come in: if the server is lost while it commits, it can be asked later what became of it. And a
        // connection that was dead before is found out here, where nothing can be in doubt.
        if number == nil { try waitWithNumber() }
        let commit = try connection.send(connection.statement(PostgresTransaction.commit), [[]], .tag)
        do { try connection.wait() } catch let failure as PostgresFailure {
            if commit.tag == "COMMIT" { return deliverKeys() }
            if case .lost = failure, let result = number?.results.first { unsettledNumber = UInt64(bitPattern: PostgresRow(result).integer(0)) }
            throw failure
        }
        guard commit.tag == "COMMIT" else { throw PostgresFailure.refused(.failed("the server rolled back instead: \(commit.tag ?? "no answer")")) }
        deliverKeys()
    }

    private func deliverKeys() { for (reply, body) in keys { body(reply.keys) } }

    /// Ends a transaction that only read: the answer is not waited for, ``PostgresConnection/receive()`` takes it in later.
    func endReading() throws {
        guard hasBegun else { return }
        try connection.send(connection.statement(PostgresTransaction.commit), [[]], .nothing)
        try connection.synchronize()
    }

    /// Undoes everything.
    /// - Returns: whether the connection can be used again.
    func rollBack() -> Bool {
        if connection.isLost { return false }
        guard hasBegun else {
            connection.forgetFailure()
            return true
        }
        // Where something queued fails on the way, the server leaves the first out.
        for _ in 0..<2 {
            connection.forgetFailure()
            guard let statement = try? connection.statement(PostgresTransaction.rollback), let reply = try? connection.send(statement, [[]], .tag) else {
                return false
            }
            try? connection.wait()
            if connection.isLost { return false }
            if reply.tag == "ROLLBACK" {
                connection.forgetFailure()
                return true
            }
        }
        return false
    }
}

import Wire

/// Reads that see one consistent state.
public protocol ReadTransaction {
    /// Runs a query once per set of parameters, in order, and hands every row to the closure: a loop over a prepared statement on SQLite, a pipeline or an array
    /// on PostgreSQL. So the statement is written for one key, and a batch still costs one round trip.
    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws
}

extension ReadTransaction {
    // Inlinable, so that each is compiled for the values that a service reads: otherwise every row is handled by what the runtime knows of its type.

    /// The rows of one query, each turned into a value.
    @inlinable
    public func query<T>(_ sql: SQL, _ parameters: [SQLValue] = [], _ row: (any Row) throws -> T) throws -> [T] {
        var values: [T] = []
        try fetch(sql, each: [parameters]) { values.append(try row($0)) }
        return values
    }

    /// The rows of a query per set of parameters, in order.
    @inlinable
    public func query<T>(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> T) throws -> [T] {
        var values: [T] = []
        values.reserveCapacity(parameters.count)
        try fetch(sql, each: parameters) { values.append(try row($0)) }
        return values
    }

    /// The first row of a query, or nil.
    @inlinable
    public func first<T>(_ sql: SQL, _ parameters: [SQLValue] = [], _ row: (any Row) throws -> T) throws -> T? {
        var value: T?
        try fetch(sql, each: [parameters]) { if value == nil { value = try row($0) } }
        return value
    }
}

/// Changes that become durable together, or not at all.
public protocol Transaction: ReadTransaction {
    /// Runs a statement once per set of parameters. An engine that is a network away need not wait for the answer before the next statement.
    func execute(_ sql: SQL, each parameters: [[SQLValue]]) throws
    /// The same, and how many rows each run changed: the answer of `INSERT .. ON CONFLICT DO NOTHING` and of conditional updates.
    func executeCounting(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int]
    /// The same, and how many rows all runs changed together: an engine may then do several of them at once, which spares it a good part of the work where a table
    /// has a `{serial}` column.
    func executeSumming(_ sql: SQL, each parameters: [[SQLValue]]) throws -> Int
    /// Runs an insert per set of parameters and returns the keys that a `{serial}` column was given.
    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64]
    /// The same without waiting for an engine that is a network away: the keys come later, at the latest before the first action of ``onCommit(_:)`` runs, and never if
    /// the transaction is rolled back.
    func insert(_ sql: SQL, each parameters: [[SQLValue]], _ keys: @escaping ([Int64]) -> Void) throws
    /// Asks for rows that are not needed at once: they are handed over with the next answer that is waited for, or by ``awaitAnswers()``, in the order in which they were
    /// asked for; what the closure throws comes out there. So several questions cost an engine that is a network away one round trip.
    func ask(_ sql: SQL, each parameters: [[SQLValue]], _ row: @escaping (any Row) throws -> Void) throws
    /// Waits for what was asked for and has not come yet.
    func awaitAnswers() throws
    /// Runs a closure once the transaction is durable, in the order of the commits, before the writer's caller is resumed; never if it is rolled back.
    /// It runs on the database's writer, so it must be quick and must not wait.
    func onCommit(_ body: @escaping @Sendable () -> Void)
}

extension Transaction {
    public func executeSumming(_ sql: SQL, each parameters: [[SQLValue]]) throws -> Int { try executeCounting(sql, each: parameters).reduce(0, +) }

    public func insert(_ sql: SQL, each parameters: [[SQLValue]], _ keys: @escaping ([Int64]) -> Void) throws {
        keys(try insert(sql, each: parameters))
    }

    public func ask(_ sql: SQL, each parameters: [[SQLValue]], _ row: @escaping (any Row) throws -> Void) throws { try fetch(sql, each: parameters, row) }
    public func awaitAnswers() throws {}

    /// Runs a statement once. An engine that is a network away need not wait for it.
    public func execute(_ sql: SQL, _ parameters: [SQLValue] = []) throws { try execute(sql, each: [parameters]) }

    /// Runs a statement once and returns how many rows it changed.
    public func executeCounting(_ sql: SQL, _ parameters: [SQLValue] = []) throws -> Int { try executeCounting(sql, each: [parameters]).first ?? 0 }
}

/// A service's own database.
///
/// Writes are closures, synchronous so that nothing can be awaited inside a transaction. One writer runs all that wait in one transaction and commits
/// once (group commit); each caller resumes when its effects are durable. If one throws, the batch is rolled back and each is run alone, so a closure
/// may run more than once and may have no effect but through the transaction.
public protocol Database: AnyObject, Sendable {
    /// The owning service's name, for metrics and messages.
    var name: String { get }
    /// Writes that wait for the writer; a gauge.
    var waitingWrites: Int { get }

    /// Whether transactions become visible one after the other, in the order in which `{serial}` columns gave them their numbers, and a number is not lost when a
    /// transaction is rolled back: where one writer does all the writing.
    var commitsInOrder: Bool { get }

    /// Runs a closure in a write transaction and returns when it is durable.
    /// - Throws: what the closure throws, or ``StorageError``.
    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T

    /// Runs a closure on a consistent state, beside the writer.
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T

    /// Brings the schema up to date; see ``Migration``.
    /// - Throws: ``MigrationError``.
    func migrate(_ migrations: [Migration], owner: String) async throws

    /// From now on nobody waits for a server that is away: what waits fails at once, and so does whatever comes. For a process that is ending.
    func endPatience()

    /// Finishes what is queued, then closes; later calls throw ``StorageError/closed``.
    func close() async
}

extension Database {
    /// Several writers commit in any order: an engine that can promise more says so.
    public var commitsInOrder: Bool { false }
    public var waitingWrites: Int { 0 }
    /// Nothing to do for an engine that is no server.
    public func endPatience() {}
}

/// What a closure throws that finds, while it writes, that another process has just written what it had found missing: a row that is not there cannot be locked.
/// The transaction is rolled back and the closure runs again, as after a deadlock; in an engine with one writer this never happens.
public struct TransactionConflict: Error {
    public init() {}
}

/// Failures of the infrastructure: never a refusal of the domain, always thrown.
public enum StorageError: Error, Equatable, CustomStringConvertible {
    /// A constraint of the schema was violated.
    case constraint(String)
    /// No room on the disk; the transaction was rolled back and may be tried again later.
    case full(String)
    /// Reading or writing the medium failed. Not retried: what is durable is unknown until the database has been recovered by a restart.
    case broken(String)
    /// The statement itself failed.
    case failed(String)
    /// More reads or writes wait than the bound allows, or they get in each other's way; try again later.
    case overloaded
    /// The server could not be reached for as long as a caller is to wait. Nothing was done; try again later.
    case away
    /// The connection to the server was lost while it committed, and whether that is durable cannot be found out. Whoever asks again must do so with the same key.
    case uncertain(String)
    /// The database has been closed.
    case closed

    public var description: String {
        switch self {
        case .constraint(let text): "constraint violated: \(text)"
        case .full(let text): "no space left: \(text)"
        case .broken(let text): "the database medium failed: \(text)"
        case .failed(let text): text
        case .overloaded: "the database has more to do than it can"
        case .away: "the database server is away"
        case .uncertain(let text): "whether it is durable is not known: \(text)"
        case .closed: "the database is closed"
        }
    }
}

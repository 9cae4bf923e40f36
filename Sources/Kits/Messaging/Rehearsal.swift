import Storage
import Wire

/// What a handler would do to an event: what it wrote in a transaction that was rolled back.
public struct Rehearsal: Sendable {
    /// One statement that was run, with how many rows it changed.
    public struct Write: Sendable {
        /// `INSERT`, `UPDATE` or `DELETE`.
        public let operation: String
        public let table: String
        /// The statement's text.
        public let statement: String
        /// The parameters of its runs, of the first 20 at most.
        public let values: [[SQLValue]]
        /// How many rows were inserted, changed or deleted.
        public let rows: Int
    }

    /// The error that the handler threw; nil if the event could be applied.
    public let error: String?
    /// In the order of the statements. Empty when the handler threw: then nothing would be written.
    public let writes: [Write]
    /// The JSON of the events that it would tell.
    public let events: [[UInt8]]
    /// The jobs that it would order.
    public let jobs: [Job]
}

/// Ends a rehearsal: thrown inside the transaction, so that the transaction is rolled back.
struct Rehearsed: Error {
    let rehearsal: Rehearsal
}

/// A transaction that writes down what is written through it.
final class RehearsalTransaction: Transaction {
    private static let shownValues = 20
    private let inner: any Transaction
    private var writes: [Rehearsal.Write] = []
    private var events: [[UInt8]] = []
    private var jobs: [Job] = []

    init(_ inner: any Transaction) { self.inner = inner }

    var rehearsal: Rehearsal { Rehearsal(error: nil, writes: writes, events: events, jobs: jobs) }

    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws { try inner.fetch(sql, each: parameters, row) }

    func execute(_ sql: SQL, each parameters: [[SQLValue]]) throws { _ = try executeCounting(sql, each: parameters) }

    func executeCounting(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int] {
        let counts = try inner.executeCounting(sql, each: parameters)
        note(sql, parameters, rows: counts.reduce(0, +))
        return counts
    }

    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64] {
        let keys = try inner.insert(sql, each: parameters)
        note(sql, parameters, rows: keys.count)
        return keys
    }

    /// Nothing of this is committed.
    func onCommit(_ body: @escaping @Sendable () -> Void) {}

    private func note(_ sql: SQL, _ parameters: [[SQLValue]], rows: Int) {
        for values in parameters {
            if sql.id == Outbox.insert.id, case .bytes(let body)? = values.last { events.append(body) }
            if sql.id == JobQueue.insert.id, let job = RehearsalTransaction.job(values) { jobs.append(job) }
        }
        guard !parameters.isEmpty else { return }
        let (operation, table) = RehearsalTransaction.target(of: sql.text)
        writes.append(
            .init(
                operation: operation, table: table, statement: sql.text, values: Array(parameters.prefix(RehearsalTransaction.shownValues)), rows: rows))
    }

    private static func job(_ values: [SQLValue]) -> Job? {
        guard values.count >= 4, case .id(let id) = values[0], case .text(let kind) = values[1], case .id(let key) = values[2],
            case .text(let payload) = values[3]
        else { return nil }
        return Job(id: id, kind: kind, key: key, payload: payload)
    }

    /// What a statement does, and to which table.
    private static func target(of text: String) -> (String, String) {
        let words = text.split(maxSplits: 4, whereSeparator: { $0.isWhitespace || $0 == "(" }).map(String.init)
        let operation = words.first?.uppercased() ?? ""
        let place = operation == "UPDATE" ? 1 : 2
        return (operation, words.indices.contains(place) ? words[place] : "")
    }
}

import CPostgres
import Glibc
import Storage

/// What is to come from the server for a statement that was sent once or several times.
final class Reply {
    enum Kind { case nothing, counts, keys, rows, tag, synchronization }

    let kind: Kind
    /// For messages: what was asked.
    let text: String
    /// How many results are still to come.
    var remaining: Int
    /// How many rows each run changed.
    private(set) var counts: [Int] = []
    /// The key that each run gave; 0 where it inserted nothing.
    private(set) var keys: [Int64] = []
    /// The rows of each run.
    private(set) var results: [OpaquePointer] = []
    /// What the server said that it did.
    private(set) var tag: String?
    /// Of each run, in order, how its answers tell of the sets that it took; nil for a run of one set.
    private var tallies: [SetTally?] = []
    private var taken = 0
    /// The insert that was run, and whether that was without its clause.
    private var insert: (statement: PlainInsert, isPlain: Bool)?

    init(_ kind: Kind, _ remaining: Int, _ text: String) { (self.kind, self.remaining, self.text) = (kind, remaining, text) }

    deinit { for result in results { PQclear(result) } }

    /// Announces a run.
    func answersInSets(_ tally: SetTally?) { tallies.append(tally) }

    /// Announces what kind of insert this is.
    func inserts(_ statement: PlainInsert, isPlain: Bool) { insert = (statement, isPlain) }

    /// What a result says that is an error.
    func failure(_ result: OpaquePointer) -> PostgresFailure {
        let failure = PostgresFailure(result, text)
        guard let insert, insert.isPlain, case .refused(.constraint(let text)) = failure else { return failure }
        insert.statement.hasMet()
        return .met(text)
    }

    func take(_ result: OpaquePointer) {
        let tally = taken < tallies.count ? tallies[taken] : nil
        taken += 1
        if let insert, !insert.isPlain { insert.statement.ran(wrote: Reply.rowCount(result), of: tally?.count ?? 1) }
        switch kind {
        case .rows: return results.append(result)
        case .counts where tally != nil: counts += tally?.counts(result) ?? []
        case .keys where tally != nil: for row in 0..<PQntuples(result) { keys.append(PostgresRow.integer(result, row, 0)) }
        case .counts: counts.append(Reply.rowCount(result))
        case .keys: keys.append(PQntuples(result) > 0 ? PostgresRow.integer(result, 0, 0) : 0)
        case .tag: tag = PostgresFailure.text(PQcmdStatus(result))
        case .nothing, .synchronization: break
        }
        PQclear(result)
    }

    private static func rowCount(_ result: OpaquePointer) -> Int { PQcmdTuples(result).flatMap { Int(atoll($0)) } ?? 0 }
}

/// A statement that the server has parsed.
final class PreparedStatement {
    /// What a GENERATED column was given: `lastval()` is evaluated row by row, after the row's defaults.
    static let returningKeys = " RETURNING lastval()"

    let name: UnsafeMutablePointer<CChar>?
    let text: String
    /// What the server takes each parameter for, as PostgreSQL numbers types.
    let types: [Oid]
    /// The same without `ON CONFLICT ... DO NOTHING`, where it has that.
    let plainInsert: PlainInsert?
    private lazy var rewritten = SetStatement(text.replacing(PreparedStatement.returningKeys, with: ""), types: types)
    private var forms: [Reply.Kind: SetForm] = [:]

    init(name: String, text: String, description: OpaquePointer) {
        self.name = strdup(name)
        self.text = text
        types = (0..<PQnparams(description)).map { PQparamtype(description, $0) }
        plainInsert = PlainInsert(text)
    }

    deinit { free(name) }

    /// The form that takes many sets at once, prepared at its first use; nil where there is none.
    func setForm(_ kind: Reply.Kind, prepare: (String) throws -> PreparedStatement) throws -> SetForm? {
        if let known = forms[kind] { return known }
        guard let rewritten, let text = rewritten.text(for: kind) else { return nil }
        let form = SetForm(try prepare(text), rewritten)
        forms[kind] = form
        return form
    }
}

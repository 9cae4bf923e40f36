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

    init(_ kind: Kind, _ remaining: Int, _ text: String) { (self.kind, self.remaining, self.text) = (kind, remaining, text) }

    deinit { for result in results { PQclear(result) } }

    func take(_ result: OpaquePointer) {
        switch kind {
        case .rows: return results.append(result)
        case .counts: counts.append(PQcmdTuples(result).flatMap { Int(atoll($0)) } ?? 0)
        case .keys: keys.append(PQntuples(result) > 0 ? PostgresRow.integer(result, 0, 0) : 0)
        case .tag: tag = PostgresFailure.text(PQcmdStatus(result))
        case .nothing, .synchronization: break
        }
        PQclear(result)
    }
}

/// A statement that the server has parsed.
final class PreparedStatement {
    let name: UnsafeMutablePointer<CChar>?
    let text: String
    /// What the server takes each parameter for, as PostgreSQL numbers types.
    let types: [Oid]

    init(name: String, text: String, description: OpaquePointer) {
        self.name = strdup(name)
        self.text = text
        types = (0..<PQnparams(description)).map { PQparamtype(description, $0) }
    }

    deinit { free(name) }
}

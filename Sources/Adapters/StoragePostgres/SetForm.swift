import CPostgres
import Storage

/// A ``SetStatement`` that a connection has prepared.
final class SetForm {
    private let statement: PreparedStatement
    private let rewritten: SetStatement

    init(_ statement: PreparedStatement, _ rewritten: SetStatement) { (self.statement, self.rewritten) = (statement, rewritten) }

    var name: UnsafeMutablePointer<CChar>? { statement.name }

    /// Whether no two of these sets can meet in one row.
    func admits(_ sets: [[SQLValue]]) -> Bool {
        if rewritten.distinct.isEmpty { return true }
        var seen: Set<[SQLValue]> = []
        return sets.allSatisfy { set in seen.insert(rewritten.distinct.map { set[$0] }).inserted }
    }

    /// How the answer to a run with these sets is read.
    func tally(_ sets: ArraySlice<[SQLValue]>, _ kind: Reply.Kind) -> SetTally {
        SetTally(count: sets.count, counting: kind == .counts ? rewritten.counting : .none, sets: sets)
    }
}

/// What is needed to tell from the rows that a run returned how many each of its sets changed.
struct SetTally {
    let count: Int
    let counting: SetStatement.Counting
    let sets: ArraySlice<[SQLValue]>

    /// How many rows each set changed, in the order of the sets.
    func counts(_ result: OpaquePointer) -> [Int] {
        var counts = Array(repeating: 0, count: count)
        switch counting {
        case .none: break
        case .every: counts = Array(repeating: 1, count: count)
        case .places:
            for row in 0..<PQntuples(result) {
                let place = Int(PostgresRow.integer(result, row, 0)) - 1
                if counts.indices.contains(place) { counts[place] += 1 }
            }
        case .columns(_, let parameters):
            // Of sets that are alike the first is the one that was written; the others met its row.
            var places: [[SQLValue]: Int] = [:]
            for (place, set) in sets.enumerated() {
                let key = parameters.map { set[$0] }
                if places[key] == nil { places[key] = place }
            }
            for row in 0..<PQntuples(result) {
                let key = parameters.indices.map { SetTally.value(result, row, Int32($0)) }
                if let place = places[key] { counts[place] += 1 }
            }
        }
        return counts
    }

    private static func value(_ result: OpaquePointer, _ row: Int32, _ column: Int32) -> SQLValue {
        let reader = PostgresRow(result)
        reader.number = row
        if reader.isNull(Int(column)) { return .null }
        switch PQftype(result, column) {
        case ParameterBuffer.TypeID.uuid: return .id(reader.id(Int(column)))
        case ParameterBuffer.TypeID.bytea: return .bytes(reader.bytes(Int(column)))
        case ParameterBuffer.TypeID.text, ParameterBuffer.TypeID.varchar: return .text(reader.text(Int(column)))
        default: return .integer(reader.integer(Int(column)))
        }
    }
}

extension SetStatement {
    /// The text whose answer has what is wanted; nil where it cannot have it.
    func text(for kind: Reply.Kind) -> String? {
        switch kind {
        case .nothing, .rows: text
        case .counts: countingText
        case .keys: text.contains(" ON CONFLICT ") || !text.hasPrefix("INSERT ") ? nil : text + PreparedStatement.returningKeys
        case .tag, .synchronization: nil
        }
    }
}

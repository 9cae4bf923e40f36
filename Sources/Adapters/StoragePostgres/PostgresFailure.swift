import CPostgres
import Storage

/// What can go wrong between us and the server, by what is to be done about it.
enum PostgresFailure: Error {
    /// The connection is gone, or never came about. Whatever was not committed is rolled back; it may be tried again on a new connection.
    case lost(String)
    /// The server is there and will not have us, or is not as it must be: a wrong password, a missing database, an old version. Somebody has to do something about it;
    /// until then it is an outage like any other.
    case misconfigured(String)
    /// The transaction met another one (a deadlock, a serialization failure): the same again will most likely work.
    case conflict(String)
    /// An insert that was run without its clause has met a row (``PlainInsert``), or broken another constraint: the same again, with the clause, will tell.
    case met(String)
    /// What the server had prepared does not fit any more: another process has changed the schema.
    case stale(String)
    /// The statement failed.
    case refused(StorageError)

    /// The failure that a result tells of.
    /// - Parameter context: the statement. Parameters are never in a message: they may be personal data (promise S16).
    init(_ result: OpaquePointer, _ context: String) {
        let state = PostgresFailure.text(PQresultErrorField(result, Int32(UInt8(ascii: "C"))))
        var text = PostgresFailure.text(PQresultErrorField(result, Int32(UInt8(ascii: "M"))))
        if text.isEmpty { text = PostgresFailure.text(PQresultErrorMessage(result)) }
        // A result without a state comes from libpq itself: it has lost the server.
        self = state.isEmpty ? .lost(text) : .init(state: state, context.isEmpty ? "\(text) [\(state)]" : "\(text) [\(state)] (\(context))")
    }

    /// By the SQLSTATE (PostgreSQL's manual, appendix A).
    init(state: String, _ text: String) {
        switch state {
        // The server says goodbye: shutdown, crash of a neighbour, starting up, an idle transaction cut off; and a primary that has become a standby.
        case "57P01", "57P02", "57P03", "57P05", "25P03", "25006": self = .lost(text)
        case "40001", "40P01": self = .conflict(text)
        case "26000": self = .stale(text)
        case "0A000" where text.contains("cached plan"): self = .stale(text)
        case "53100": self = .refused(.full(text))
        // Out of memory or connections, a lock not to be had. Not a statement that took too long (57014): whoever ran it would run it again for ever, so that is a
        // failure of its own.
        case "53200", "53300", "53400", "55P03": self = .refused(.overloaded)
        default:
            switch state.prefix(2) {
            case "08": self = .lost(text)
            case "23": self = .refused(.constraint(text))
            default: self = .refused(.failed(text))
            }
        }
    }

    /// What the caller of a transaction sees of it, where it cannot be made good.
    var storageError: StorageError {
        switch self {
        case .refused(let error): error
        case .lost, .misconfigured: .away
        case .conflict, .met, .stale: .overloaded
        }
    }

    var text: String {
        switch self {
        case .lost(let text), .misconfigured(let text), .conflict(let text), .met(let text), .stale(let text): text
        case .refused(let error): "\(error)"
        }
    }

    /// The text of a C string, in one line.
    static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer else { return "" }
        let lines = String(cString: pointer).split(whereSeparator: \.isNewline)
        return lines.map { line in line.drop { $0.isWhitespace } }.joined(separator: "; ")
    }
}

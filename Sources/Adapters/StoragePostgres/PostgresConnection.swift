import CPostgres
import Glibc
import Storage

/// One connection, in pipeline mode: statements are queued without waiting for their answers, and one round trip brings all answers that are due.
///
/// Confined to one thread at a time by its owner. The socket does not block: while statements are sent answers are taken in, so that neither side can wait for the
/// other with full buffers, and every wait has an end.
final class PostgresConnection {
    /// How many bytes of statements may gather before they are sent.
    private static let sendThreshold = 48 * 1024
    /// How many bytes of parameters one run of a ``SetStatement`` takes.
    private static let setLimit = 256 * 1024
    static let dialect = Dialect([
        "id": "uuid", "int": "bigint", "bytes": "bytea",
        // By bytes, whatever the database's own collation is: SQLite compares so, and lists must be in the same order on both.
        "text": "text COLLATE \"C\"",
        "serial": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "heap": "", "clustered": "", "forUpdate": "FOR UPDATE", "forShare": "FOR SHARE",
        "now": "(extract(epoch from clock_timestamp()) * 1000)::bigint",
    ])

    let handle: OpaquePointer
    /// The server's process, also when the connection has been lost; what an operator sees in `pg_stat_activity`.
    let backend: Int32
    var databaseName: String { PostgresFailure.text(PQdb(handle)) }
    /// The first failure since ``forgetFailure()``. Once there is one nothing more is sent: the server would refuse it.
    private(set) var failure: PostgresFailure?
    /// How long the server may be silent while an answer is due.
    var stallLimit: Duration

    private let normalStallLimit: Duration
    private var replies: [Reply] = []
    private var firstReply = 0
    private var statements: [Int: PreparedStatement] = [:]
    private var keyStatements: [Int: PreparedStatement] = [:]
    private var statementCount = 0
    private var unsentBytes = 0
    private var isAtEnd = false
    private let parameters = ParameterBuffer()
    private let sets = SetBuffer()

    /// Connects.
    /// - Throws: ``PostgresFailure/lost(_:)``.
    init(_ server: ServerAddress, connectTimeout: Duration, stallLimit: Duration) throws {
        guard let handle = server.connect(timeout: connectTimeout) else { throw PostgresFailure.lost("out of memory") }
        self.handle = handle
        backend = PQbackendPID(handle)
        (self.stallLimit, normalStallLimit) = (stallLimit, stallLimit)
        // A failed connection is finished by deinit, which runs because everything has been initialized by now.
        guard PQstatus(handle) == CONNECTION_OK else { throw PostgresFailure.lost(PostgresFailure.text(PQerrorMessage(handle))) }
        // Notices, such as those of IF NOT EXISTS, would go to standard error.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        PQsetnonblocking(handle, 1)
    }

    deinit { PQfinish(handle) }

    var isLost: Bool {
        if case .lost = failure { return true }
        return isAtEnd || PQstatus(handle) != CONNECTION_OK
    }

    /// Makes the connection usable after a failed statement whose transaction was rolled back.
    func forgetFailure() {
        failure = nil
        stallLimit = normalStallLimit
    }

    // MARK: Simple queries, before pipeline mode

    /// Runs statements without parameters, one after the other, and returns the last result's rows as text.
    @discardableResult
    func simple(_ text: String) throws -> [[String?]] {
        guard PQsendQuery(handle, text) == 1 else { throw lose() }
        var rows: [[String?]] = []
        var failed: PostgresFailure?
        while let result = try nextResult() {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK: rows = PostgresRow.texts(result)
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
            default: failed = failed ?? PostgresFailure(result, text)
            }
        }
        if let failed { throw failed }
        return rows
    }

    func enterPipelineMode() throws { guard PQenterPipelineMode(handle) == 1 else { throw lose() } }

    // MARK: Statements

    /// The prepared form of a statement, kept for the connection's life. The first use costs a round trip.
    /// - Parameters:
    ///   - returnsKeys: whether it is an insert whose given key is asked for.
    ///   - sample: parameters that it will get. What the server cannot tell from the statement, it takes for what these are.
    func statement(_ sql: SQL, returnsKeys: Bool = false, sample: [SQLValue] = []) throws -> PreparedStatement {
        if let known = returnsKeys ? keyStatements[sql.id] : statements[sql.id] { return known }
        let text = PostgresConnection.dialect.render(sql.text) + (returnsKeys ? PreparedStatement.returningKeys : "")
        let statement = try prepare(text, types: sample.map(ParameterBuffer.hint))
        if returnsKeys { keyStatements[sql.id] = statement } else { statements[sql.id] = statement }
        return statement
    }

    private func prepare(_ text: String, types: [Oid]) throws -> PreparedStatement {
        if let failure { throw failure }
        statementCount += 1
        let name = "w\(statementCount)"
        expect(Reply(.nothing, 1, text))
        guard PQsendPrepare(handle, name, text, Int32(types.count), types) == 1 else { throw lose() }
        let description = Reply(.rows, 1, text)
        expect(description)
        guard PQsendDescribePrepared(handle, name) == 1 else { throw lose() }
        try wait()
        guard let result = description.results.first else { throw note(.lost("a statement was not described")) }
        return PreparedStatement(name: name, text: text, description: result)
    }

    /// Queues a statement once per set of parameters, without waiting.
    @discardableResult
    func send(_ statement: PreparedStatement, _ sets: [[SQLValue]], _ kind: Reply.Kind) throws -> Reply {
        if let failure { throw failure }
        for set in sets where set.count != statement.types.count {
            throw StorageError.failed("a statement of \(statement.types.count) parameters was given \(set.count): \(statement.text)")
        }
        let reply = Reply(kind, 0, statement.text)
        var statement = statement
        if kind == .nothing || kind == .counts, let insert = statement.plainInsert {
            let plain = try insert.trusted { try prepare($0, types: statement.types) }
            reply.inserts(insert, isPlain: plain != nil)
            statement = plain ?? statement
        }
        if sets.count > 1, let form = try statement.setForm(kind, prepare: { try prepare($0, types: []) }), form.admits(sets) {
            try sendSets(statement, form, sets, reply)
        } else {
            for set in sets { try sendOne(statement, set, reply) }
        }
        return reply
    }

    /// Queues a statement that takes many sets at once, as often as their size demands.
    private func sendSets(_ statement: PreparedStatement, _ form: SetForm, _ all: [[SQLValue]], _ reply: Reply) throws {
        var rest = all[...]
        while !rest.isEmpty {
            guard let count = sets.encode(rest, for: statement.types, limit: PostgresConnection.setLimit) else {
                // A value that has to be read as text: the rest goes one by one.
                for set in rest { try sendOne(statement, set, reply) }
                break
            }
            let isSent = PQsendQueryPrepared(handle, form.name, Int32(statement.types.count), sets.values, sets.lengths, sets.formats, 1)
            guard isSent == 1 else { throw lose() }
            if reply.remaining == 0 { expect(reply) }
            reply.remaining += 1
            reply.answersInSets(form.tally(rest.prefix(count), reply.kind))
            unsentBytes += sets.size + 64
            if unsentBytes > PostgresConnection.sendThreshold { try flush() }
            rest = rest.dropFirst(count)
        }
    }

    private func sendOne(_ statement: PreparedStatement, _ set: [SQLValue], _ reply: Reply) throws {
        unsentBytes += parameters.encode(set, for: statement.types) + 64
        let isSent = PQsendQueryPrepared(handle, statement.name, Int32(set.count), parameters.values, parameters.lengths, parameters.formats, 1)
        guard isSent == 1 else { throw lose() }
        // It is expected from the moment that it is queued, also where a later set is refused.
        if reply.remaining == 0 { expect(reply) }
        reply.remaining += 1
        reply.answersInSets(nil)
        if unsentBytes > PostgresConnection.sendThreshold { try flush() }
    }

    /// Queues a statement that is not worth preparing.
    @discardableResult
    func sendOnce(_ text: String, _ kind: Reply.Kind = .nothing) throws -> Reply {
        if let failure { throw failure }
        let reply = Reply(kind, 1, text)
        guard PQsendQueryParams(handle, text, 0, nil, nil, nil, nil, 1) == 1 else { throw lose() }
        expect(reply)
        return reply
    }

    /// Runs a statement that is not worth preparing, waits, and returns the first whole number of its first row.
    @discardableResult
    func query(_ text: String) throws -> Int64? {
        let reply = try sendOnce(text, .rows)
        try wait()
        guard let result = reply.results.first, PQntuples(result) > 0, PQnfields(result) > 0, PQgetisnull(result, 0, 0) == 0 else { return nil }
        return PostgresRow.integer(result, 0, 0)
    }

    /// Ends a group of statements: after a failure the server leaves out the rest of the group.
    func synchronize() throws {
        expect(Reply(.synchronization, 1, ""))
        guard PQpipelineSync(handle) == 1 else { throw lose() }
    }

    /// Sends what is queued and takes in all answers that are due: the round trip.
    /// - Throws: the first failure of any statement since the last failure was forgotten.
    func wait() throws {
        try synchronize()
        try receive()
    }

    /// Takes in all answers that are due.
    func receive() throws {
        while firstReply < replies.count { try receiveOne() }
        if let failure { throw failure }
    }

    private func expect(_ reply: Reply) { replies.append(reply) }

    private func receiveOne() throws {
        let reply = replies[firstReply]
        guard let result = try nextResult() else { throw note(.lost("the server's answers do not match what it was asked")) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: reply.take(result)
        // The end of a group; or not run, because something before it in its group failed.
        case PGRES_PIPELINE_SYNC, PGRES_PIPELINE_ABORTED: PQclear(result)
        default:
            let failure = reply.failure(result)
            PQclear(result)
            // What is run again is to meet nothing more of this kind.
            if case .met = failure { for statement in statements.values { statement.plainInsert?.distrust() } }
            note(failure)
            if isLost { throw self.failure ?? .lost("") }
        }
        // A statement's results end with an empty one; a synchronization stands for itself.
        if reply.kind != .synchronization { while let extra = try nextResult() { PQclear(extra) } }
        reply.remaining -= 1
        if reply.remaining > 0 { return }
        firstReply += 1
        if firstReply == replies.count {
            replies.removeAll(keepingCapacity: true)
            firstReply = 0
        }
    }

    // MARK: The socket

    /// Sends all that is queued. Meanwhile answers are taken in: a server that cannot get rid of them would not read on.
    private func flush() throws {
        unsentBytes = 0
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1:
                try poll(forWriting: true)
                while firstReply < replies.count, PQisBusy(handle) == 0, !isAtEnd { try receiveOne() }
            default: throw lose()
            }
        }
    }

    private func nextResult() throws -> OpaquePointer? {
        while PQisBusy(handle) != 0 {
            // What had arrived before the connection broke has been read by now.
            if isAtEnd { throw lose() }
            let flushed = PQflush(handle)
            if flushed < 0 {
                // What the server said before it hung up may still be there to be read.
                PQconsumeInput(handle)
                isAtEnd = true
            } else {
                try poll(forWriting: flushed == 1)
            }
        }
        return PQgetResult(handle)
    }

    /// Waits until there is something to read, or room to write, and reads.
    private func poll(forWriting: Bool) throws {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN | (forWriting ? POLLOUT : 0)), revents: 0)
        let milliseconds = Int32(clamping: stallLimit.nanoseconds / 1_000_000)
        let ready = Glibc.poll(&descriptor, 1, max(1, milliseconds))
        if ready == 0 { throw note(.lost("the server has not answered for \(stallLimit)")) }
        if ready < 0 {
            guard errno == EINTR else { throw note(.lost("poll: error \(errno)")) }
            return
        }
        if descriptor.revents & Int16(POLLIN | POLLERR | POLLHUP | POLLNVAL) != 0 { isAtEnd = PQconsumeInput(handle) == 0 }
    }

    private func lose() -> PostgresFailure { note(.lost(PostgresFailure.text(PQerrorMessage(handle)))) }

    @discardableResult
    private func note(_ new: PostgresFailure) -> PostgresFailure {
        // A lost connection outweighs what a statement on it said before.
        if case .lost = new { failure = new } else if failure == nil { failure = new }
        return failure ?? new
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

import CSQLite
import Storage
import Wire

/// One connection and its prepared statements. Confined to one thread at a time by its owner.
final class SQLiteConnection {
    private var handle: OpaquePointer?
    private var statements: [SQLiteStatement?] = []
    /// The same for several rows at once, by the number of the statement for one; nil inside for those that cannot be written so.
    private var multiples: [Int: SQLiteStatement?] = [:]
    static let dialect = Dialect([
        "id": "BLOB", "int": "INTEGER", "text": "TEXT", "bytes": "BLOB", "serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "heap": "STRICT",
        "clustered": "STRICT, WITHOUT ROWID", "forUpdate": "", "forShare": "", "now": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    ])

    /// Settings of the library as a whole, made once before the first connection; a later attempt is refused by it and changes nothing.
    private static let library: Int32 = waybill_sqlite_configure()

    private static let begin = SQL("BEGIN")
    private static let beginWriting = SQL("BEGIN IMMEDIATE")
    private static let end = SQL("COMMIT")

    /// Opens a file, or a private database in memory for the path `:memory:`.
    /// - Parameter gathers: whether what goes to the log is written in one piece per commit; only where every commit is synced, see ``GatheringVFS``.
    init(path: String, isReader: Bool, gathers: Bool = false) throws {
        _ = SQLiteConnection.library
        let flags = isReader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let vfs = gathers && GatheringVFS.isRegistered ? GatheringVFS.name : nil
        let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, vfs)
        guard code == SQLITE_OK else {
            let error = StorageError.failed("cannot open \(path): \(message)")
            sqlite3_close_v2(handle)
            throw error
        }
        sqlite3_extended_result_codes(handle, 1)
    }

    deinit { close() }

    func close() {
        statements.removeAll()
        multiples.removeAll()
        sqlite3_close_v2(handle)
        handle = nil
    }

    private var message: String { handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory" }

    /// The error of a result code: the classes of ``StorageError`` decide what the caller may do.
    func error(_ code: Int32, _ context: String = "") -> StorageError {
        let text = context.isEmpty ? message : "\(message) (\(context))"
        switch code & 0xFF {
        case SQLITE_CONSTRAINT: return .constraint(text)
        case SQLITE_FULL: return .full(text)
        // Another process, a backup tool perhaps, held the lock for longer than the busy timeout: it says nothing about what was to be written.
        case SQLITE_BUSY, SQLITE_LOCKED: return .overloaded
        case SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CANTOPEN: return .broken(text)
        default: return .failed(text)
        }
    }

    /// Runs statements that have no parameters and whose rows nobody needs.
    func run(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code, sql) }
    }

    /// Begins a transaction that reads.
    func beginReading() throws { try step(SQLiteConnection.begin) }
    /// Begins a transaction that writes, with the lock from the start: one that read first could fail at its first write.
    func beginWriting() throws { try step(SQLiteConnection.beginWriting) }
    /// Ends a transaction that failed, unless the failure has ended it.
    func rollBack() {
        GatheringVFS.forget(handle)
        if !isIdle { try? run("ROLLBACK") }
    }
    /// Makes a transaction durable.
    func commit() throws { try step(SQLiteConnection.end) }

    /// The same as ``run(_:)`` for a statement that comes again and again.
    private func step(_ sql: SQL) throws {
        let statement = try statement(sql)
        defer { statement.reset() }
        while try statement.step(self) {}
    }

    /// The first column of the first row of a pragma, as text.
    func pragma(_ name: String) throws -> String {
        let statement = try SQLiteStatement(prepare("PRAGMA \(name)"))
        guard try statement.step(self) else { return "" }
        return statement.text(0)
    }

    private func prepare(_ sql: String) throws -> OpaquePointer {
        var pointer: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
        guard code == SQLITE_OK, let pointer else { throw error(code, sql) }
        return pointer
    }

    /// The prepared form of a statement, kept for the connection's life.
    func statement(_ sql: SQL) throws -> SQLiteStatement {
        if sql.id < statements.count, let statement = statements[sql.id] { return statement }
        let statement = SQLiteStatement(try prepare(SQLiteConnection.dialect.render(sql.text)))
        while statements.count <= sql.id { statements.append(nil) }
        statements[sql.id] = statement
        return statement
    }

    /// The prepared form of an insert for ``MultiRowInsert/rows`` rows; nil for a statement that cannot be written so.
    func multiple(_ sql: SQL) throws -> SQLiteStatement? {
        if let known = multiples[sql.id] { return known }
        let statement = try MultiRowInsert.text(of: SQLiteConnection.dialect.render(sql.text)).map { SQLiteStatement(try prepare($0)) }
        multiples.updateValue(statement, forKey: sql.id)
        return statement
    }

    /// Rows changed by the last statement.
    var changes: Int { Int(sqlite3_changes(handle)) }
    /// The key given to the last inserted row.
    var lastKey: Int64 { sqlite3_last_insert_rowid(handle) }
    /// Whether no transaction is open; a failed statement may have ended it.
    var isIdle: Bool { sqlite3_get_autocommit(handle) != 0 }
}

/// A prepared statement, which is also the row it stands on.
final class SQLiteStatement: Row {
    private let pointer: OpaquePointer
    /// SQLite numbers `$n` by first appearance, we by n.
    private let positions: [Int32]
    /// Texts and bytes are copied here and bound without another copy: SQLite would allocate for each of them.
    private var arena: UnsafeMutableRawBufferPointer = .init(start: nil, count: 0)
    /// How much of the arena is taken.
    private var used = 0
    /// Arenas that were too small for this set of parameters. What is bound may not move until the statement has run, so they stay until the next.
    private var outgrown: [UnsafeMutableRawBufferPointer] = []

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        let count = sqlite3_bind_parameter_count(pointer)
        positions = count == 0 ? [] : (1...count).map { sqlite3_bind_parameter_index(pointer, "$\($0)") }
    }

    deinit {
        sqlite3_finalize(pointer)
        for arena in outgrown + [arena] { arena.deallocate() }
    }

    func bind(_ values: [SQLValue], _ connection: SQLiteConnection) throws {
        try check(values.count)
        clear()
        try put(values, from: 0, connection)
    }

    /// Binds several rows, one after the other.
    func bind(rows: ArraySlice<[SQLValue]>, _ connection: SQLiteConnection) throws {
        for values in rows { try check(values.count * rows.count) }
        clear()
        var place = 0
        for values in rows {
            try put(values, from: place, connection)
            place += values.count
        }
    }

    private func check(_ count: Int) throws {
        guard count == positions.count else {
            throw StorageError.failed("a statement of \(positions.count) parameters was given \(count): \(String(cString: sqlite3_sql(pointer)))")
        }
    }

    private func put(_ values: [SQLValue], from place: Int, _ connection: SQLiteConnection) throws {
        for index in values.indices {
            let position = positions[place + index]
            let code: Int32
            switch values[index] {
            case .null: code = sqlite3_bind_null(pointer, position)
            case .integer(let value): code = sqlite3_bind_int64(pointer, position, value)
            case .text(var text):
                code = text.withUTF8 { utf8 in
                    let copy = store(UnsafeRawBufferPointer(utf8))
                    return sqlite3_bind_text(pointer, position, copy.assumingMemoryBound(to: CChar.self), Int32(utf8.count), nil)
                }
            case .bytes(let bytes): code = bytes.withUnsafeBytes { sqlite3_bind_blob(pointer, position, store($0), Int32($0.count), nil) }
            case .id(let id):
                code = withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { sqlite3_bind_blob(pointer, position, store($0), 16, nil) }
            }
            guard code == SQLITE_OK else { throw connection.error(code) }
        }
    }

    /// Forgets the parameters before.
    private func clear() {
        used = 0
        guard !outgrown.isEmpty else { return }
        for arena in outgrown { arena.deallocate() }
        outgrown = []
    }

    /// Copies bytes into the arena. Never nil, also for none: SQLite takes a null pointer for NULL.
    private func store(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer {
        if used + bytes.count >= arena.count {
            if used > 0 { outgrown.append(arena) } else { arena.deallocate() }
            arena = .allocate(byteCount: max(256, (arena.count + bytes.count) * 2), alignment: 16)
            used = 0
        }
        let target = UnsafeMutableRawBufferPointer(rebasing: arena[used...])
        target.copyMemory(from: bytes)
        used += bytes.count
        return UnsafeRawPointer(target.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 16) ?? .init(pointer))
    }

    /// Moves to the next row; false at the end.
    func step(_ connection: SQLiteConnection) throws -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let error = connection.error(code, String(cString: sqlite3_sql(pointer)))
            sqlite3_reset(pointer)
            throw error
        }
    }

    func reset() { sqlite3_reset(pointer) }

    func isNull(_ column: Int) -> Bool { sqlite3_column_type(pointer, Int32(column)) == SQLITE_NULL }
    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(pointer, Int32(column)) }
    func text(_ column: Int) -> String {
        guard let text = sqlite3_column_text(pointer, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(pointer, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }
    func bytes(_ column: Int) -> [UInt8] {
        guard let start = sqlite3_column_blob(pointer, Int32(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, Int32(column)))))
    }
    func id(_ column: Int) -> Identifier {
        let start = sqlite3_column_blob(pointer, Int32(column))
        return Identifier(bytes: UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, Int32(column))))) ?? Identifier(high: 0, low: 0)
    }
}

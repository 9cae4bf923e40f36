import CSQLite
import Glibc

/// SQLite's way to files, with one difference: what is written to a write-ahead log is gathered and goes to the file in one piece when the log is synced.
///
/// SQLite writes each page of a transaction by two system calls, one for the frame's header of 24 bytes and one for the page: some forty for a transaction here, a
/// tenth of what an order costs. Nothing is taken for written before it is: SQLite syncs the log before it tells other connections of a commit
/// (`synchronous=FULL`, without which this must not be used), and whatever looks at the file through this connection before that writes first what was gathered. What
/// a failing write leaves behind is what it always was: frames without a commit, which SQLite does not read. What is left of a transaction that was rolled back must be
/// forgotten, see ``forget(_:)``: another connection may by then have written a commit at the same place.
enum GatheringVFS {
    /// The name by which a connection asks for it.
    static let name = "waybill-gathering"
    /// The most that is gathered, 31 pages; a larger transaction is written in pieces. SQLite's own files on Unix keep 17 bits of a write's length and drop the others.
    fileprivate static let capacity = 0x1_FFFF

    /// Makes it known to SQLite, once; false where there is nothing to build upon.
    static let isRegistered: Bool = {
        guard let real, let name = strdup(name) else { return false }
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        vfs.initialize(to: real.pointee)
        vfs.pointee.pNext = nil
        vfs.pointee.zName = UnsafePointer(name)
        vfs.pointee.szOsFile += Int32(GatheringFile.size)
        vfs.pointee.xOpen = { _, path, file, flags, outFlags in GatheringVFS.open(path, file, flags, outFlags) }
        return sqlite3_vfs_register(vfs, 0) == SQLITE_OK
    }()

    /// Forgets what a connection has gathered of a transaction that comes to nothing. To be called at every rollback, whoever caused it.
    static func forget(_ connection: OpaquePointer?) {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK, let file, file.pointee.pMethods == methods else {
            return
        }
        GatheringFile.forget(file)
    }

    /// The one for this operating system. Lives as long as the process.
    private nonisolated(unsafe) static let real = sqlite3_vfs_find(nil)

    /// Opens a log with our methods before the real file's, and any other file as ever.
    private static func open(
        _ path: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32, _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let file, let real, let open = real.pointee.xOpen else { return SQLITE_CANTOPEN }
        guard flags & SQLITE_OPEN_WAL != 0 else { return open(real, path, file, flags, outFlags) }
        file.pointee.pMethods = nil
        let code = open(real, path, GatheringFile.inner(file), flags, outFlags)
        guard code == SQLITE_OK else { return code }
        UnsafeMutableRawPointer(file).initializeMemory(as: GatheringFile.self, to: GatheringFile(base: sqlite3_file(pMethods: methods)))
        return SQLITE_OK
    }

    /// What SQLite calls for a log.
    private nonisolated(unsafe) static let methods: UnsafePointer<sqlite3_io_methods> = {
        var methods = sqlite3_io_methods()
        // Version 1: what came later is for shared memory and mapped files, which a log is not.
        methods.iVersion = 1
        methods.xClose = { GatheringFile.close($0) }
        methods.xRead = { file, bytes, count, offset in GatheringFile.flushed(file) { $0.xRead?($1, bytes, count, offset) } }
        methods.xWrite = { file, bytes, count, offset in GatheringFile.write(file, bytes, count, offset) }
        methods.xTruncate = { file, size in GatheringFile.flushed(file) { $0.xTruncate?($1, size) } }
        methods.xSync = { file, flags in GatheringFile.flushed(file) { $0.xSync?($1, flags) } }
        methods.xFileSize = { file, size in GatheringFile.flushed(file) { $0.xFileSize?($1, size) } }
        methods.xLock = { file, level in GatheringFile.forward(file) { $0.xLock?($1, level) } }
        methods.xUnlock = { file, level in GatheringFile.forward(file) { $0.xUnlock?($1, level) } }
        methods.xCheckReservedLock = { file, result in GatheringFile.forward(file) { $0.xCheckReservedLock?($1, result) } }
        methods.xFileControl = { file, operation, argument in GatheringFile.forward(file) { $0.xFileControl?($1, operation, argument) } }
        methods.xSectorSize = { file in GatheringFile.forward(file) { $0.xSectorSize?($1) } }
        methods.xDeviceCharacteristics = { file in GatheringFile.forward(file) { $0.xDeviceCharacteristics?($1) } }
        let pointer = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        pointer.initialize(to: methods)
        return UnsafePointer(pointer)
    }()
}

/// An open log in the memory that SQLite provides: this, and behind it the real file. Used by the connection's thread only, as every file of SQLite's is.
private struct GatheringFile {
    /// Must come first: SQLite finds the methods here.
    var base: sqlite3_file
    /// What was written and is not in the file yet.
    var bytes: UnsafeMutableRawPointer?
    var room = 0
    var count = 0
    /// Where in the file it belongs.
    var offset: Int64 = 0

    typealias Methods = sqlite3_io_methods

    /// Bytes before the real file, which must be aligned as any object of C is.
    static let size = (MemoryLayout<GatheringFile>.size + 15) & ~15

    static func inner(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<sqlite3_file> {
        (UnsafeMutableRawPointer(file) + size).assumingMemoryBound(to: sqlite3_file.self)
    }

    private static func outer(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<GatheringFile> {
        UnsafeMutableRawPointer(file).assumingMemoryBound(to: GatheringFile.self)
    }

    /// Asks the real file.
    static func forward(_ file: UnsafeMutablePointer<sqlite3_file>?, _ call: (Methods, UnsafeMutablePointer<sqlite3_file>) -> Int32?) -> Int32 {
        guard let file, let methods = inner(file).pointee.pMethods else { return SQLITE_IOERR }
        return call(methods.pointee, inner(file)) ?? SQLITE_IOERR
    }

    /// Asks the real file once everything is in it.
    static func flushed(_ file: UnsafeMutablePointer<sqlite3_file>?, _ call: (Methods, UnsafeMutablePointer<sqlite3_file>) -> Int32?) -> Int32 {
        let code = flush(file)
        return code == SQLITE_OK ? forward(file, call) : code
    }

    static func write(_ file: UnsafeMutablePointer<sqlite3_file>?, _ bytes: UnsafeRawPointer?, _ count: Int32, _ offset: Int64) -> Int32 {
        guard let file, let bytes else { return SQLITE_IOERR }
        let (log, size) = (outer(file), Int(count))
        if log.pointee.count > 0, offset != log.pointee.offset + Int64(log.pointee.count) || log.pointee.count + size > GatheringVFS.capacity {
            let code = flush(file)
            guard code == SQLITE_OK else { return code }
        }
        guard log.pointee.reserve(size), let target = log.pointee.bytes else {
            return flushed(file) { $0.xWrite?($1, bytes, count, offset) }
        }
        if log.pointee.count == 0 { log.pointee.offset = offset }
        (target + log.pointee.count).copyMemory(from: bytes, byteCount: size)
        log.pointee.count += size
        return SQLITE_OK
    }

    /// Makes room for so many bytes more; false where there is none, or more than may be gathered.
    private mutating func reserve(_ size: Int) -> Bool {
        if count + size <= room { return true }
        guard count + size <= GatheringVFS.capacity else { return false }
        let wanted = min(GatheringVFS.capacity, max(32 << 10, (count + size) * 2))
        guard let larger = realloc(bytes, wanted) else { return false }
        (bytes, room) = (larger, wanted)
        return true
    }

    /// Writes what was gathered. If that fails it is forgotten: SQLite rolls the transaction back and writes from there again.
    private static func flush(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Int32 {
        guard let file else { return SQLITE_IOERR }
        let log = outer(file)
        guard log.pointee.count > 0 else { return SQLITE_OK }
        let (bytes, count, offset) = (log.pointee.bytes, Int32(log.pointee.count), log.pointee.offset)
        log.pointee.count = 0
        return forward(file) { $0.xWrite?($1, bytes, count, offset) }
    }

    static func forget(_ file: UnsafeMutablePointer<sqlite3_file>) { outer(file).pointee.count = 0 }

    /// Closes the file. What was committed is in it; anything else is part of a transaction that was not.
    static func close(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Int32 {
        guard let file else { return SQLITE_IOERR }
        forget(file)
        free(outer(file).pointee.bytes)
        outer(file).pointee.bytes = nil
        return forward(file) { $0.xClose?($1) }
    }
}

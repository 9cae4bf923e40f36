import Foundation
import Storage
import StorageConformance
import Testing
import Wire

@testable import StorageSQLite

@Suite("SQLite database", .timeLimit(.minutes(2)))
struct SQLiteDatabaseTests {
    private static let schema = [
        Migration(version: 1, name: "numbers", statements: ["CREATE TABLE numbers (number {int} PRIMARY KEY, value {int} NOT NULL) {clustered}"])
    ]
    private static let insert = SQL("INSERT INTO numbers (number, value) VALUES ($1, 0)")
    private static let read = SQL("SELECT value FROM numbers WHERE number = 1")
    private static let write = SQL("UPDATE numbers SET value = $1 WHERE number = 1")
    private static let all = SQL("SELECT number FROM numbers ORDER BY number")
    private static let synchronous = SQL("PRAGMA synchronous")
    private static let journal = SQL("PRAGMA journal_mode")
    private static let secureDelete = SQL("PRAGMA secure_delete")
    private static let foreignKeys = SQL("PRAGMA foreign_keys")

    private func open(_ path: String, _ change: (inout SQLiteDatabase.Configuration) -> Void = { _ in }) async throws -> SQLiteDatabase {
        var configuration = SQLiteDatabase.Configuration()
        configuration.commitInterval = .zero
        change(&configuration)
        let database = try SQLiteDatabase(name: "test", path: path, configuration: configuration)
        try await database.migrate(Self.schema, owner: "test")
        return database
    }

    @Test("a file is in WAL mode with synchronous=FULL, also when it is opened again")
    func settings() async throws {
        let folder = try TemporaryFolder()
        for _ in 0..<2 {
            let database = try await open(folder.path("a.db"))
            let found = try await database.write { transaction in
                (
                    try transaction.first(Self.synchronous) { $0.integer(0) }, try transaction.first(Self.journal) { $0.text(0) },
                    try transaction.first(Self.secureDelete) { $0.integer(0) }, try transaction.first(Self.foreignKeys) { $0.integer(0) }
                )
            }
            #expect(found.0 == 2, "2 is FULL: a power cut takes nothing back that was acknowledged")
            #expect(found.1 == "wal")
            #expect(found.2 == 0)
            #expect(found.3 == 1)
            #expect(try await database.read { try $0.first(Self.journal) { $0.text(0) } } == "wal")
            await database.close()
        }
        folder.remove()
    }

    @Test("what was acknowledged is in a copy of the files that was made while the database was open, as after a crash")
    func abruptCopy() async throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        let database = try await open(folder.path("a.db"))
        for number in 1...50 { _ = try await database.write { try $0.execute(Self.insert, [.integer(Int64(number))]) } }
        for name in ["a.db", "a.db-wal"] { try folder.copy(name, to: other) }
        let copy = try await open(other.path("a.db"))
        #expect(try await copy.read { try $0.query(Self.all) { $0.integer(0) } } == Array(1...50))
        await copy.close()
        await database.close()
        folder.remove()
        other.remove()
    }

    @Test("a transaction of more pages than go to the log at once is whole or not there: for readers, in a copy, and after one that was rolled back")
    func largeTransactions() async throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        // A cache of a few pages, so that pages go to the log long before the commit.
        let database = try await open(folder.path("a.db")) { $0.cacheKiB = 40 }
        func write(_ numbers: ClosedRange<Int64>, fails: Bool = false) async throws {
            try await database.write { transaction in
                try transaction.execute(Self.insert, each: numbers.map { [.integer($0)] })
                // Reads back what has left the cache.
                #expect(try transaction.query(Self.all) { $0.integer(0) }.last == numbers.upperBound)
                if fails { throw StorageError.failed("as planned") }
            }
        }
        try await write(1...30_000)
        await #expect(throws: StorageError.failed("as planned")) { try await write(30_001...60_000, fails: true) }
        #expect(try await database.read { try $0.query(Self.all) { $0.integer(0) } } == Array(1...30_000))
        try await write(30_001...30_002)
        #expect(try await database.read { try $0.query(Self.all) { $0.integer(0) } } == Array(1...30_002))
        for name in ["a.db", "a.db-wal"] { try folder.copy(name, to: other) }
        let copy = try await open(other.path("a.db"))
        #expect(try await copy.read { try $0.query(Self.all) { $0.integer(0) } } == Array(1...30_002))
        await copy.close()
        await database.close()
        folder.remove()
        other.remove()
    }

    @Test("what is left of a transaction that was rolled back is never written over what another connection has committed since")
    func rolledBackBesideAnother() async throws {
        let folder = try TemporaryFolder()
        let (one, two) = (try await open(folder.path("a.db")) { $0.cacheKiB = 40 }, try await open(folder.path("a.db")))
        for round in 0..<4 as Range<Int64> {
            await #expect(throws: StorageError.failed("as planned")) {
                try await one.write { transaction in
                    try transaction.execute(Self.insert, each: (1_000_000...1_020_000 + round).map { [.integer($0)] })
                    throw StorageError.failed("as planned")
                }
            }
            let numbers = (round * 10_000..<round * 10_000 + 5_000).map { $0 }
            try await two.write { try $0.execute(Self.insert, each: numbers.map { [.integer($0)] }) }
            #expect(try await one.write { try $0.query(Self.all) { $0.integer(0) } }.suffix(5_000) == numbers[...])
        }
        try await one.write { try $0.execute(Self.insert, [.integer(-1)]) }
        for database in [one, two] {
            #expect(try await database.read { try $0.query(Self.all) { $0.integer(0) } }.count == 20_001)
            #expect(try await database.read { try $0.first(SQL("PRAGMA integrity_check")) { $0.text(0) } } == "ok")
            await database.close()
        }
        folder.remove()
    }

    @Test("a common pace lengthens a database's interval and never shortens it")
    func pace() {
        let pace = CommitPace()
        #expect(pace.interval(of: 3_000_000) == 3_000_000)
        pace.least = .milliseconds(20)
        #expect(pace.interval(of: 3_000_000) == 20_000_000)
        #expect(pace.interval(of: 90_000_000) == 90_000_000)
        pace.least = .milliseconds(-1)
        #expect(pace.least == .zero && pace.interval(of: 3_000_000) == 3_000_000)
    }

    @Test("what was written is there when the file is opened again")
    func reopening() async throws {
        let folder = try TemporaryFolder()
        for number in 1...3 as ClosedRange<Int64> {
            let database = try await open(folder.path("a.db"))
            _ = try await database.write { try $0.execute(Self.insert, [.integer(number)]) }
            #expect(try await database.read { try $0.query(Self.all) { $0.integer(0) } } == Array(1...number))
            await database.close()
        }
        folder.remove()
    }

    @Test("two writers on one file that read before they write take turns instead of failing, because a transaction begins with the lock")
    func immediateTransactions() async throws {
        let folder = try TemporaryFolder()
        let databases = [try await open(folder.path("a.db")), try await open(folder.path("a.db"))]
        _ = try await databases[0].write { try $0.execute(Self.insert, [.integer(1)]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for database in databases {
                group.addTask {
                    for _ in 0..<40 {
                        try await database.write { transaction in
                            let value = try transaction.first(Self.read) { $0.integer(0) } ?? -1000
                            try transaction.execute(Self.write, [.integer(value + 1)])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await databases[0].read { try $0.first(Self.read) { $0.integer(0) } } == 80)
        for database in databases { await database.close() }
        folder.remove()
    }

    @Test("a batch has at most as many writes as configured")
    func boundedBatches() async throws {
        let database = try await open(":memory:") { $0.maximumBatch = 4 }
        let gate = DispatchSemaphore(value: 0)
        let (began, isBegun) = AsyncStream<Void>.makeStream()
        async let holder: Void = database.write { _ in
            isBegun.yield()
            gate.wait()
        }
        for await _ in began { break }
        let steps = Notes<Int>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10 as Range<Int64> {
                group.addTask {
                    try await database.write { transaction in
                        steps.add(1)
                        try transaction.execute(Self.insert, [.integer(number)])
                        transaction.onCommit { steps.add(-1) }
                    }
                }
            }
            while database.waitingWrites < 10 { await Task.yield() }
            gate.signal()
            try await group.waitForAll()
        }
        try await holder
        var open = 0
        let widest = steps.all.map { step -> Int in
            open += step
            return open
        }.max()
        #expect(widest == 4)
        await database.close()
    }

    @Test("a medium that fails stops the database: the writer is told once, and nothing is tried again")
    func brokenMedium() async throws {
        let told = Notes<StorageError>()
        let database = try await open(":memory:") { $0.onBroken = { error in told.add(error) } }
        let failure = StorageError.broken("disk I/O error")
        for _ in 0..<2 {
            await #expect(throws: failure) {
                try await database.write { transaction in
                    try transaction.execute(Self.insert, [.integer(1)])
                    throw failure
                }
            }
        }
        await #expect(throws: failure) { try await database.write { _ in } }
        await #expect(throws: failure) { try await database.read { _ in } }
        #expect(told.all == [failure])
        await database.close()
    }

    @Test("a file that is no database, or cannot be opened, is an error and no trap")
    func badFiles() async throws {
        let folder = try TemporaryFolder()
        #expect(throws: StorageError.self) { try SQLiteDatabase(name: "x", path: folder.path("missing/a.db")) }
        try Data("This is not a database, but it is long enough to be taken for one.".utf8 + [UInt8](repeating: 65, count: 8192)).write(
            to: folder.url.appendingPathComponent("a.db"))
        #expect(throws: StorageError.self) { try SQLiteDatabase(name: "x", path: folder.path("a.db")) }
        folder.remove()
    }

    @Test("an insert of one row is written for several, and nothing else is")
    func severalRows() throws {
        let written = try #require(MultiRowInsert.text(of: "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING"))
        #expect(written.hasPrefix("INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6), "))
        #expect(written.hasSuffix(", ($15, $16) ON CONFLICT (a) DO NOTHING"))
        let others = [
            "UPDATE t SET a = $1", "INSERT INTO t (a, b) VALUES ($2, $1)", "INSERT INTO t (a, b) VALUES ($1, 0)", "INSERT INTO t (a) SELECT $1",
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = $1", "INSERT INTO t (a) VALUES (",
        ]
        for other in others { #expect(MultiRowInsert.text(of: other) == nil, "\(other)") }
    }

    @Test("a row with too few parameters among many fails, and traps nobody")
    func raggedRows() async throws {
        let database = try await open(":memory:")
        var rows: [[SQLValue]] = (0..<9).map { [.integer($0)] }
        rows[3] = []
        rows[4] = [.integer(3), .integer(4)]
        let ragged = rows
        await #expect(throws: StorageError.self) { try await database.write { try $0.insert(Self.insert, each: ragged) } }
        #expect(try await database.read { try $0.query(Self.all) { $0.integer(0) } } == [])
        await database.close()
    }

    @Test("a read cannot write, even if its statement does")
    func readersOnlyRead() async throws {
        let folder = try TemporaryFolder()
        let database = try await open(folder.path("a.db"))
        await #expect(throws: StorageError.self) { try await database.read { try $0.fetch(Self.insert, each: [[.integer(1)]]) { _ in } } }
        #expect(try await database.read { try $0.query(Self.all) { $0.integer(0) } } == [])
        await database.close()
        folder.remove()
    }
}

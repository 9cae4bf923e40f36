import Foundation
import Storage
import StorageConformance
import StoragePostgres
import Synchronization
import Testing

@Suite("PostgreSQL in trouble", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(3)))
struct PostgresTroubleTests {
    @Test("once the process is ending nobody waits for a server that is away")
    func endOfPatience() async throws {
        var configuration = PostgresDatabase.Configuration(connection: "postgres://waybill@127.0.0.1:1/nobody")
        configuration.patience = .seconds(3600)
        let database = try PostgresDatabase(name: "test", configuration: configuration)
        @Sendable func failure(isRead: Bool) async -> StorageError? {
            do {
                if isRead {
                    _ = try await database.read { try $0.first(SQL("SELECT 1")) { $0.integer(0) } }
                } else {
                    try await database.write { try $0.execute(SQL("SELECT 1")) }
                }
                return nil
            } catch { return error as? StorageError }
        }
        let failures = await withTaskGroup(of: StorageError?.self) { group in
            for isRead in [true, false] { group.addTask { await failure(isRead: isRead) } }
            database.endPatience()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(failures == [.away, .away])
        // Nor does anybody who comes later.
        #expect(await failure(isRead: false) == .away)
        await database.close()
    }

    @Test("a deadlock between two processes is resolved by running one of them again")
    func deadlock() async throws {
        let schema = TestServer.unusedName()
        let databases = [try TestServer.database(schema: schema), try TestServer.database(schema: schema)]
        try await databases[0].migrate(Accounts.migrations, owner: "test")
        try await databases[0].write { try $0.execute(Accounts.insert, each: [Accounts.row(0), Accounts.row(1)]) }
        let holding = Meeting(parties: 2)
        let runs = Notes<Int>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2 {
                group.addTask {
                    try await databases[number].write { transaction in
                        runs.add(number)
                        _ = try transaction.executeCounting(Accounts.add, each: [[.integer(Int64(number)), .integer(1)]])
                        // Both hold one row now and want the other's; whoever is run again meets nobody any more.
                        holding.arrive()
                        _ = try transaction.executeCounting(Accounts.add, each: [[.integer(Int64(1 - number)), .integer(1)]])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(runs.all.count == 3)
        for id in 0..<2 { #expect(try await Accounts.amount(id, in: databases[0]) == 2) }
        for database in databases { await database.close() }
        try await TestServer.remove(schema)
    }

    @Test("many processes that migrate at once apply each step once")
    func migrationsAtOnce() async throws {
        let schema = TestServer.unusedName()
        let databases = try (0..<6).map { _ in try TestServer.database(schema: schema) }
        let steps = Accounts.migrations + (2...5).map { Migration(version: $0, name: "step \($0)", statements: ["CREATE TABLE t\($0) (a {int})"]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for database in databases { group.addTask { try await database.migrate(steps, owner: "test") } }
            try await group.waitForAll()
        }
        let applied = SQL("SELECT count(*), max(version) FROM schema_migrations")
        let count = try await databases[0].read { try $0.first(applied) { [$0.integer(0), $0.integer(1)] } }
        #expect(count == [5, 5])
        for database in databases { await database.close() }
        try await TestServer.remove(schema)
    }

    @Test(
        "a statement that takes too long is ended as a failure of its own, not as an outage that would be waited for, and the database is as usable as before")
    func statementTimeout() async throws {
        try await withAccounts(changed { $0.statementTimeout = .milliseconds(200) }) { database in
            let endless: [SQLValue] = [.integer(60)]
            for isWrite in [true, false] {
                let error = await #expect(throws: StorageError.self) {
                    if isWrite { _ = try await database.write { try $0.first(Accounts.sleep, endless) { _ in } } }
                    _ = try await database.read { try $0.first(Accounts.sleep, endless) { _ in } }
                }
                guard case .failed(let words) = error, words.contains("57014") else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(1)]) }
            #expect(try await Accounts.all(in: database) == [1])
        }
    }

    /// Runs a write whose first run stops in the middle until something has been done about its connection.
    /// - Returns: the server's processes that it ran on.
    private func interrupted(
        _ database: PostgresDatabase, _ meanwhile: (_ backend: Int64, _ other: PostgresDatabase) async throws -> Void
    ) async throws -> [Int64] {
        let other = try TestServer.database()
        let runs = Notes<Int64>()
        let gate = DispatchSemaphore(value: 0)
        let (stops, stop) = AsyncStream<Int64>.makeStream()
        async let written: Void = database.write { transaction in
            let backend = try transaction.first(Accounts.backend) { $0.integer(0) } ?? 0
            runs.add(backend)
            try transaction.execute(Accounts.insert, each: [Accounts.row(1)])
            if runs.all.count == 1 {
                stop.yield(backend)
                gate.wait()
            }
            try transaction.execute(Accounts.add, each: [[.integer(1), .integer(5)]])
        }
        for await backend in stops {
            do { try await meanwhile(backend, other) } catch { Issue.record(error) }
            gate.signal()
            break
        }
        try await written
        await other.close()
        return runs.all
    }

    @Test("a connection that is killed in the middle of a transaction costs the caller nothing but time")
    func killedConnection() async throws {
        try await withAccounts { database in
            let runs = try await interrupted(database) { backend, other in
                _ = try await other.read { try $0.first(Accounts.terminate, [.integer(backend)]) { $0.bool(0) } }
            }
            #expect(runs.count == 2 && Set(runs).count == 2)
            #expect(try await Accounts.amount(1, in: database) == 5)
        }
    }

    @Test("a transaction that stands still is ended by the server, and run again")
    func idleTransaction() async throws {
        try await withAccounts(changed { $0.idleInTransactionTimeout = .milliseconds(100) }) { database in
            let count = SQL("SELECT count(*) FROM pg_stat_activity WHERE pid = $1")
            let runs = try await interrupted(database) { backend, other in
                try await eventually("the server did not end the transaction") {
                    try await other.read { try $0.first(count, [.integer(backend)]) { $0.integer(0) } } == 0
                }
            }
            #expect(runs.count == 2)
            #expect(try await Accounts.amount(1, in: database) == 5)
        }
    }

    @Test("another process may change the schema under prepared statements")
    func changedSchema() async throws {
        try await withAccounts { database in
            let all = SQL("SELECT * FROM accounts")
            let schema = try #require(try await database.read { try $0.first(SQL("SELECT current_schema()")) { $0.text(0) } })
            try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(1)]) }
            for _ in 0..<2 {
                #expect(try await database.read { try $0.query(all) { $0.integer(0) } } == [1])
                #expect(try await database.write { try $0.query(all) { $0.integer(0) } } == [1])
                let other = try TestServer.database(schema: schema)
                try await other.write { try $0.execute(SQL("ALTER TABLE accounts ADD COLUMN x\(Int.random(in: 0..<1_000_000)) bigint"), each: [[]]) }
                await other.close()
            }
        }
    }

    @Test("what is wrong with the connection is said at once and in words")
    func misconfigured() async throws {
        func message(_ connection: String) async -> String {
            do {
                let database = try PostgresDatabase(name: "test", configuration: .init(connection: connection))
                do { try await database.open() } catch {
                    await database.close()
                    return "\(error)"
                }
                await database.close()
                return "no error"
            } catch { return "\(error)" }
        }
        let (encrypted, missing) = (try TestServer.uri(database: "postgres", query: "sslmode=require"), try TestServer.uri(database: "no_such_database"))
        #expect(await message(encrypted).contains("SSL"))
        #expect(await message(missing).contains("\"no_such_database\" does not exist"))
        #expect(await message("postgres://waybill:secret@[").contains("neither a URI"))
        #expect(await !message("postgres://waybill:secret@[").contains("secret"))
    }

    @Test("a database that is missing is made where that is asked for, also by several processes at once")
    func madeDatabase() async throws {
        let name = TestServer.unusedName()
        let databases = try (0..<3).map { _ in
            var configuration = PostgresDatabase.Configuration(connection: try TestServer.uri(database: name))
            configuration.createIfMissing = true
            return try PostgresDatabase(name: "test", configuration: configuration)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for database in databases { group.addTask { try await database.open() } }
            try await group.waitForAll()
        }
        let facts = SQL("SELECT datcollate || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()")
        #expect(try await databases[0].read { try $0.first(facts) { $0.text(0) } } == "C UTF8")
        let findings = await databases[0].examine(Accounts.migrations, owner: "test")
        #expect(findings.count == 6)
        #expect(findings.allSatisfy { $0.verdict != .fail }, "\(findings)")
        #expect(findings.last?.verdict == .warn && findings.last?.words == "no migration has been applied yet")
        for database in databases { await database.close() }
        try TestServer.drop(database: name)
    }

    @Test("an address where nobody answers is an outage with an end: writes and reads wait for it, and then say so")
    func nobodyThere() async throws {
        var configuration = PostgresDatabase.Configuration(connection: "postgres://waybill@127.0.0.1:1/x")
        configuration.patience = .milliseconds(300)
        let database = try PostgresDatabase(name: "test", configuration: configuration)
        let begin = ContinuousClock.now
        await #expect(throws: StorageError.away) { try await database.write { _ in } }
        await #expect(throws: StorageError.away) { try await database.read { _ in } }
        let error = await #expect(throws: StorageError.self) { try await database.open() }
        #expect(error.map { "\($0)".contains("127.0.0.1:1") } == true)
        #expect(ContinuousClock.now - begin < .seconds(30))
        #expect(await database.examine([], owner: "test").map(\.verdict) == [.fail])
        await #expect(throws: StorageError.self) { try await database.schemaState() }
        await database.close()
        await #expect(throws: StorageError.closed) { try await database.write { _ in } }
    }
}

/// Lets threads that may block go on when all have come, and whoever comes later at once.
final class Meeting: Sendable {
    private let missing: Mutex<Int>
    private let gate = DispatchSemaphore(value: 0)
    private let parties: Int

    init(parties: Int) {
        missing = Mutex(parties)
        self.parties = parties
    }

    func arrive() {
        let left = missing.withLock { missing in
            missing -= 1
            return missing
        }
        if left < 0 { return }
        if left == 0 { for _ in 1..<parties { gate.signal() } } else { gate.wait() }
    }
}

import Foundation
import Storage
import StorageConformance
import StoragePostgres
import Testing
import Wire

/// One schema per test, removed afterwards.
func withAccounts(_ configuration: PostgresDatabase.Configuration? = nil, _ body: (PostgresDatabase) async throws -> Void) async throws {
    let configuration = try configuration ?? TestServer.configuration()
    let schema = try #require(configuration.schema)
    let database = try PostgresDatabase(name: "test", configuration: configuration)
    try await database.migrate(Accounts.migrations, owner: "test")
    try await body(database)
    await database.close()
    try await TestServer.remove(schema)
}

/// A configuration for a schema of its own, and something else in it.
func changed(_ change: (inout PostgresDatabase.Configuration) -> Void) throws -> PostgresDatabase.Configuration {
    try TestServer.configuration(change)
}

private struct Deliberate: Error, Equatable {}

@Suite("PostgreSQL database", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct PostgresDatabaseTests {
    /// Holds the writer while the writes queue up, so that they share a transaction.
    private func together<T: Sendable>(
        _ database: PostgresDatabase, _ writes: [@Sendable (any Transaction) throws -> T]
    ) async throws -> [Result<T, any Error>] {
        let gate = DispatchSemaphore(value: 0)
        let (began, isBegun) = AsyncStream<Void>.makeStream()
        async let holder: Void = database.write { _ in
            isBegun.yield()
            gate.wait()
        }
        for await _ in began { break }
        let results = await withTaskGroup(of: (Int, Result<T, any Error>).self) { group in
            for (index, write) in writes.enumerated() {
                group.addTask { do { return (index, .success(try await database.write(write))) } catch { return (index, .failure(error)) } }
                while database.waitingWrites <= index { await Task.yield() }
            }
            gate.signal()
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
        try await holder
        return results
    }

    @Test("a statement that nobody waits for and that fails in the middle of a batch fails the guilty closure, and no other")
    func guiltyStatement() async throws {
        try await withAccounts { database in
            let writes: [@Sendable (any Transaction) throws -> Void] = (0..<20).map { number in
                { transaction in
                    try transaction.execute(Accounts.insert, each: [Accounts.row(number, number % 7 == 3 ? -1 : 1)])
                    try transaction.execute(Accounts.insertEntry, each: [[.integer(Int64(number))]])
                }
            }
            for (number, result) in try await together(database, writes).enumerated() {
                if number % 7 == 3 {
                    guard case .failure(StorageError.constraint(let text)) = result else {
                        Issue.record("\(result)")
                        continue
                    }
                    #expect(text.contains("accounts") && text.contains("INSERT INTO accounts"), "the error names the table and the statement")
                    #expect(!text.contains("-1"), "and no values, which may be personal data")
                } else {
                    #expect(throws: Never.self) { try result.get() }
                }
            }
            #expect(try await Accounts.all(in: database) == (0..<20).filter { $0 % 7 != 3 })
        }
    }

    @Test("a closure that hides the failure of a statement fails all the same, and so does not the one beside it")
    func hiddenFailure() async throws {
        try await withAccounts { database in
            let writes: [@Sendable (any Transaction) throws -> Void] = [
                { transaction in
                    try transaction.execute(Accounts.insert, each: [Accounts.row(1, -5)])
                    _ = try? transaction.first(Accounts.get, [.integer(1)]) { $0.integer(0) }
                }, { try $0.execute(Accounts.insert, each: [Accounts.row(2)]) },
            ]
            let results = try await together(database, writes)
            guard case .failure(StorageError.constraint) = results[0] else {
                Issue.record("\(results[0])")
                return
            }
            #expect(throws: Never.self) { try results[1].get() }
            #expect(try await Accounts.all(in: database) == [2])
        }
    }

    @Test("keys that nobody waits for are there when the commit actions run, in order, and only if it is committed")
    func laterKeys() async throws {
        try await withAccounts { database in
            let told = Notes<[Int64]>()
            try await database.write { transaction in
                let box = Notes<Int64>()
                for account in 1...3 as ClosedRange<Int64> {
                    try transaction.insert(Accounts.insertEntry, each: [[.integer(account)], [.integer(account * 10)]]) { for key in $0 { box.add(key) } }
                }
                #expect(box.all == [])
                transaction.onCommit { told.add(box.all) }
            }
            let rows = try await database.read { try $0.query(Accounts.entries) { [$0.integer(0), $0.integer(1)] } }
            #expect(rows.map { $0[1] } == [1, 10, 2, 20, 3, 30])
            #expect(told.all == [rows.map { $0[0] }])
            await #expect(throws: Deliberate.self) {
                try await database.write { transaction in
                    try transaction.insert(Accounts.insertEntry, each: [[.integer(9)]]) { _ in told.add([-1]) }
                    throw Deliberate()
                }
            }
            #expect(told.all.count == 1)
        }
    }

    @Test("ten thousand rows of a kilobyte go both ways in one batch: neither side waits for the other with full buffers")
    func largeBatches() async throws {
        try await withAccounts { database in
            let rows = (0..<10_000).map { number -> [SQLValue] in
                [.integer(Int64(number)), .bytes((0..<1024).map { UInt8(truncatingIfNeeded: number &+ $0) })]
            }
            try await database.write { try $0.execute(Accounts.insertData, each: rows) }
            let echo = SQL("SELECT $1::bytea, $2::bigint")
            let (count, isEqual) = try await database.write { transaction in
                var (count, isEqual) = (0, true)
                try transaction.fetch(echo, each: rows.map { [$0[1], $0[0]] }) { row in
                    if case .bytes(let bytes) = rows[count][1] { isEqual = isEqual && row.bytes(0) == bytes && row.integer(1) == Int64(count) }
                    count += 1
                }
                return (count, isEqual)
            }
            #expect(count == 10_000)
            #expect(isEqual)
            let total = try await database.read { transaction in
                try transaction.query(Accounts.getData, each: (0..<10_000).map { [.integer(Int64($0))] }) { $0.bytes(0).count }.reduce(0, +)
            }
            #expect(total == 10_000 * 1024)
        }
    }

    @Test("numbers of every kind come back: sums, counts, truths, small ones, and what does not fit as the largest that does")
    func numbers() async throws {
        let expressions: [(String, Int64)] = [
            ("(SELECT sum(v) FROM (VALUES (9000000000000000000::bigint), (1)) AS t(v))", 9_000_000_000_000_000_001),
            ("(SELECT sum(v) FROM (VALUES ((-9223372036854775808)::bigint)) AS t(v))", .min), ("sum(9223372036854775807::bigint)", .max),
            ("(SELECT sum(v) FROM (VALUES (9223372036854775807::bigint), (1)) AS t(v))", .max),
            ("(SELECT sum(v) FROM (VALUES ((-9223372036854775808)::bigint), (-1)) AS t(v))", .min), ("sum(0::bigint)", 0),
            ("sum(10000::bigint)", 10_000), ("sum(100000000::bigint)", 100_000_000), ("sum(-123456789::bigint)", -123_456_789), ("1.99::numeric", 1),
            ("0.5::numeric", 0), ("-0.5::numeric", 0), ("'NaN'::numeric", 0), ("10000000000::numeric", 10_000_000_000), ("count(*)", 1), ("1", 1),
            ("true", 1), ("EXISTS (SELECT 1 WHERE false)", 0), ("-2::smallint", -2), ("'17'::text", 17), ("NULL::bigint", 0),
        ]
        try await withAccounts { database in
            for (expression, expected) in expressions {
                let found = try await database.read { try $0.first(SQL("SELECT \(expression)")) { $0.integer(0) } }
                #expect(found == expected, "\(expression)")
            }
            let others = SQL("SELECT 12::bigint, '00000000-0000-0007-0000-000000000001'::uuid")
            let text = try await database.read { try $0.first(others) { $0.text(0) + $0.text(1) } }
            #expect(text == "1200000000-0000-0007-0000-000000000001")
        }
    }

    @Test("values go where the server wants another type of them, as a literal would; what cannot go fails and traps nobody")
    func conversions() async throws {
        try await withAccounts { database in
            let ok = SQL("SELECT $1::int + 0, $2::text, $3::numeric, $4::int::boolean, $5::uuid, $6::text, $7::smallint")
            let id = Identifier(high: 1, low: 2)
            try await database.read { transaction in
                try transaction.fetch(ok, each: [[.integer(5), .integer(6), .integer(7), .integer(1), .text("\(id)"), .id(id), .integer(8)]]) { row in
                    #expect(row.integer(0) == 5 && row.text(1) == "6" && row.integer(2) == 7 && row.bool(3) && row.id(4) == id && row.text(5) == "\(id)")
                    #expect(row.integer(6) == 8)
                }
            }
            for bad in [[SQLValue.integer(.max)], [.text("no number")]] {
                await #expect(throws: StorageError.self) { try await database.read { try $0.first(SQL("SELECT $1::int"), bad) { $0.integer(0) } } }
            }
            await #expect(throws: StorageError.self) { try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(1, 0, "a\0b")]) } }
            #expect(try await Accounts.all(in: database) == [])
        }
    }

    @Test("settings are in force: durable commits, locks that are not held for ever, texts compared by their bytes")
    func settings() async throws {
        let schema = TestServer.unusedName()
        let database = try TestServer.database(schema: schema) { $0.statementTimeout = .milliseconds(1500) }
        let show = SQL("SELECT current_setting($1)")
        let names = [
            "synchronous_commit", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_isolation", "search_path", "application_name",
        ]
        let inWriter = try await database.write { try $0.query(show, each: names.map { [.text($0)] }) { $0.text(0) } }
        #expect(inWriter == ["on", "1500ms", "30s", "read committed", schema, "waybill-tests/test"])
        let ofReader: [[SQLValue]] = [[.text("transaction_isolation")], [.text("transaction_read_only")]]
        let inReader = try await database.read { try $0.query(show, each: ofReader) { $0.text(0) } }
        #expect(inReader == ["repeatable read", "on"])
        try await database.migrate(Accounts.migrations, owner: "test")
        let words = ["a", "B", "Z", "é", "~", "-", "aa", "Aa"]
        try await database.write { try $0.execute(Accounts.insert, each: words.enumerated().map { Accounts.row($0, 0, $1) }) }
        let sorted = try await database.read { try $0.query(SQL("SELECT note FROM accounts ORDER BY note")) { $0.text(0) } }
        #expect(sorted == words.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
        await database.close()
        try await TestServer.remove(schema)
    }

    @Test("a read cannot write, even if its statement does")
    func readersOnlyRead() async throws {
        try await withAccounts { database in
            await #expect(throws: StorageError.self) { try await database.read { try $0.fetch(Accounts.insert, each: [Accounts.row(1)]) { _ in } } }
            let stored = try await Accounts.all(in: database)
            #expect(stored == [])
        }
    }

    @Test("several writers share what waits, and all of it is done")
    func severalWriters() async throws {
        try await withAccounts(changed { $0.writers = 3 }) { database in
            try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(0)]) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...600 {
                    group.addTask {
                        try await database.write { transaction in
                            try transaction.execute(Accounts.insert, each: [Accounts.row(number)])
                            try transaction.execute(Accounts.add, each: [[.integer(0), .integer(1)]])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await Accounts.amount(0, in: database) == 600)
            #expect(try await Accounts.all(in: database).count == 601)
        }
    }

    @Test("two services share a database, each in a schema of its own")
    func schemas() async throws {
        try await withAccounts { one in
            try await withAccounts { other in
                try await one.write { try $0.execute(Accounts.insert, each: [Accounts.row(1)]) }
                #expect(try await Accounts.all(in: one) == [1])
                #expect(try await Accounts.all(in: other) == [])
            }
        }
    }
}

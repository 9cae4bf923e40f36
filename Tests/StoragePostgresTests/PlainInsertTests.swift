import Storage
import StorageConformance
import Testing

@testable import StoragePostgres

@Suite("Inserts without their clause")
struct PlainInsertTests {
    private static let text = "INSERT INTO inbox (id)\n VALUES ($1)\n ON CONFLICT (id) DO NOTHING"

    @Test func `only an insert of values that may do nothing where it meets certain columns is one`() {
        #expect(PlainInsert(Self.text) != nil)
        for other in [
            "INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING\n",
            "INSERT INTO inbox (id) VALUES ($1)", "INSERT INTO inbox (id) SELECT id FROM old ON CONFLICT DO NOTHING",
            "INSERT INTO sums (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
            "INSERT INTO log (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING lastval()", "DELETE FROM inbox WHERE note = 'ON CONFLICT DO NOTHING'",
        ] { #expect(PlainInsert(other) == nil, "\(other)") }
    }

    @Test func `it is trusted after clean runs, and after four times as many when it has met a row`() throws {
        struct Prepared: Error { let text: String }
        let insert = try #require(PlainInsert(Self.text))
        /// Lets it prove itself, and tells how many clean runs that took.
        func runsUntilTrusted() -> Int {
            for runs in 0...100 {
                do { if try insert.trusted(prepare: { throw Prepared(text: $0) }) == nil { insert.ran(wrote: 3, of: 3) } } catch {
                    #expect((error as? Prepared)?.text == "INSERT INTO inbox (id)\n VALUES ($1)\n ")
                    return runs
                }
            }
            return .max
        }
        for _ in 0..<7 { insert.ran(wrote: 3, of: 3) }
        // One duplicate, and the runs before it prove nothing.
        insert.ran(wrote: 2, of: 3)
        #expect(runsUntilTrusted() == 8)
        #expect(runsUntilTrusted() == 0)
        insert.distrust()
        #expect(runsUntilTrusted() == 8)
        insert.hasMet()
        insert.distrust()
        #expect(runsUntilTrusted() == 32)
    }
}

@Suite("Inserts without their clause on a server", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct PlainInsertRunTests {
    private static let migrations = [
        Migration(
            version: 1, name: "plain inserts",
            statements: [
                "CREATE TABLE inbox (id {int} PRIMARY KEY, n {int} NOT NULL CHECK (n >= 0)) {clustered}",
                "CREATE TABLE seen (id {int} PRIMARY KEY) {clustered}",
                "CREATE TABLE effects (number {serial}, id {int} NOT NULL) {heap}",
            ])
    ]
    private static let admit = SQL("INSERT INTO inbox (id, n) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
    private static let see = SQL("INSERT INTO seen (id) VALUES ($1) ON CONFLICT (id) DO NOTHING")
    private static let note = SQL("INSERT INTO effects (id) VALUES ($1)")
    private static let effects = SQL("SELECT id FROM effects ORDER BY number")

    /// A database whose one connection trusts ``admit`` and ``see``: the rows -1 ... -8 have proved them.
    private func withTrust(_ body: (PostgresDatabase) async throws -> Void) async throws {
        let schema = TestServer.unusedName()
        let database = try TestServer.database(schema: schema)
        try await database.migrate(Self.migrations, owner: "test")
        for id in 1...8 {
            try await database.write { transaction in
                try transaction.execute(Self.admit, [.integer(Int64(-id)), .integer(0)])
                try transaction.execute(Self.see, [.integer(Int64(-id))])
            }
        }
        try await body(database)
        await database.close()
        try await TestServer.remove(schema)
    }

    /// Applies ids that are new, as a consumer does, and returns which were.
    private func apply(_ ids: [Int64], n: Int64 = 0, _ runs: Notes<[Int64]>, in database: PostgresDatabase) async throws -> [Int] {
        try await database.write { transaction in
            runs.add(ids)
            let counts = try transaction.executeCounting(Self.admit, each: ids.map { [.integer($0), .integer(n)] })
            try transaction.execute(Self.note, each: zip(ids, counts).filter { $0.1 == 1 }.map { [.integer($0.0)] })
            return counts
        }
    }

    private func effects(_ database: PostgresDatabase) async throws -> [Int64] { try await database.read { try $0.query(Self.effects) { $0.integer(0) } } }

    @Test func `what is delivered again is found out and has no second effect`() async throws {
        try await withTrust { (database) async throws in
            let runs = Notes<[Int64]>()
            #expect(try await apply([1, 2, 3], runs, in: database) == [1, 1, 1])
            #expect(try await apply([4], runs, in: database) == [1])
            #expect(runs.all == [[1, 2, 3], [4]])
            // The plain insert meets 3, and the closure is run again with the clause.
            #expect(try await apply([3, 5, 4, 6], runs, in: database) == [0, 1, 0, 1])
            #expect(runs.all.suffix(2) == [[3, 5, 4, 6], [3, 5, 4, 6]])
            // From then on the clause stays.
            #expect(try await apply([6, 7], runs, in: database) == [0, 1])
            #expect(try await apply([7], runs, in: database) == [0])
            #expect(runs.all.count == 6)
            #expect(try await effects(database) == [1, 2, 3, 4, 5, 6, 7])
        }
    }

    @Test func `a transaction in which several inserts meet rows is run again once`() async throws {
        try await withTrust { (database) async throws in
            let runs = Notes<Int>()
            let counts = try await database.write { transaction in
                runs.add(1)
                let admitted = try transaction.executeCounting(Self.admit, each: [-1, 1].map { [.integer($0), .integer(0)] })
                return [admitted, try transaction.executeCounting(Self.see, each: [1, -2].map { [.integer($0)] })]
            }
            #expect(counts == [[0, 1], [1, 0]])
            #expect(runs.all.count == 2)
        }
    }

    @Test func `of ids that are alike in one call the first counts`() async throws {
        try await withTrust { (database) async throws in
            let runs = Notes<[Int64]>()
            #expect(try await apply([1, 2, 1], runs, in: database) == [1, 1, 0])
            #expect(runs.all.count == 2)
            #expect(try await effects(database) == [1, 2])
        }
    }

    @Test func `an insert that nobody waits for may meet a row as late as at the commit`() async throws {
        try await withTrust { (database) async throws in
            try await database.write { transaction in
                try transaction.execute(Self.note, [.integer(1)])
                try transaction.execute(Self.admit, each: [[.integer(-1), .integer(9)], [.integer(1), .integer(9)]])
            }
            #expect(try await effects(database) == [1])
            let sum = try await database.read { try $0.first(SQL("SELECT sum(n)::bigint FROM inbox")) { $0.integer(0) } }
            #expect(sum == 9)
        }
    }

    @Test func `those who share a transaction with a duplicate are all served`() async throws {
        try await withTrust { (database) async throws in
            let runs = Notes<[Int64]>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<40 {
                    group.addTask { _ = try await apply([Int64(id / 2)], runs, in: database) }
                }
                try await group.waitForAll()
            }
            #expect(try await effects(database).sorted() == Array(0..<20))
        }
    }

    @Test func `another constraint that is broken is told as with the clause`() async throws {
        try await withTrust { (database) async throws in
            let runs = Notes<[Int64]>()
            await #expect {
                _ = try await apply([1, 2], n: -1, runs, in: database)
            } throws: { error in
                guard case StorageError.constraint = error else { return false }
                return true
            }
            #expect(try await apply([2, 3], runs, in: database) == [1, 1])
            #expect(try await effects(database) == [2, 3])
        }
    }
}

import CPostgres
import Storage
import StorageConformance
import Testing
import Wire

@testable import StoragePostgres

@Suite("Statements that take many sets at once")
struct SetStatementTests {
    private static let (number, text, id) = (ParameterBuffer.TypeID.int8, ParameterBuffer.TypeID.text, ParameterBuffer.TypeID.uuid)

    @Test func `an insert of values selects them from arrays, and knows by which columns it counts`() throws {
        let statement = try #require(
            SetStatement("INSERT INTO jobs (id, kind, attempts)\n VALUES ($1, $2, 0) ON CONFLICT (id) DO NOTHING", types: [Self.id, Self.text]))
        #expect(
            statement.text == "INSERT INTO jobs (id, kind, attempts) SELECT waybill_sets.p1, waybill_sets.p2, 0"
                + " FROM (SELECT unnest($1::uuid[]) AS p1, unnest($2::text[]) AS p2) AS waybill_sets ON CONFLICT (id) DO NOTHING")
        #expect(statement.distinct.isEmpty)
        #expect(statement.counting == .columns(["id"], [0]))
        #expect(SetStatement("INSERT INTO jobs (id) VALUES ($1)", types: [Self.id])?.counting == .every)
    }

    @Test func `an insert that may update needs sets that differ in its key`() throws {
        let statement = try #require(
            SetStatement(
                "INSERT INTO sums (bucket, kind, n) VALUES ($2, $1, $3) ON CONFLICT (kind, bucket) DO UPDATE SET n = sums.n + excluded.n",
                types: [Self.text, Self.number, Self.number]))
        #expect(statement.distinct == [0, 1])
    }

    @Test func `updates, deletions and selections meet their sets by equality`() throws {
        let update = try #require(SetStatement("UPDATE jobs SET due_at = $3 WHERE id = $1 AND due_at <= $2", types: [Self.id, Self.number, Self.number]))
        #expect(
            update.text
                == "UPDATE jobs SET due_at = waybill_sets.p3 FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS waybill_sets(p1, p2, p3, o)"
                + " WHERE id = waybill_sets.p1 AND due_at <= waybill_sets.p2")
        #expect(update.distinct == [0])
        #expect(update.counting == .places)
        #expect(SetStatement("DELETE FROM jobs WHERE id = $1", types: [Self.id])?.distinct == [0])
        #expect(SetStatement("SELECT id FROM jobs WHERE id = $1 FOR UPDATE", types: [Self.id])?.text.hasSuffix("ORDER BY waybill_sets.o") == true)
    }

    @Test(arguments: [
        "SELECT id FROM jobs WHERE due_at <= $1 ORDER BY due_at", "DELETE FROM jobs WHERE due_at <= $1", "UPDATE jobs SET due_at = 0 WHERE id = $1 OR key = $1",
        "INSERT INTO sums (n) VALUES ($1) ON CONFLICT DO UPDATE SET n = $1", "INSERT INTO sums (n) VALUES ($1) ON CONFLICT (m) DO UPDATE SET n = excluded.n",
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE id = $1)", "SELECT 1 FROM jobs WHERE kind = 'two words' AND id = $1",
    ])
    func `what is not certain to mean the same is left as it is`(_ text: String) { #expect(SetStatement(text, types: [Self.number]) == nil) }

    @Test func `what has no binary form is left as it is`() {
        #expect(SetStatement("DELETE FROM jobs WHERE id = $1", types: [ParameterBuffer.TypeID.numeric]) == nil)
    }
}

@Suite("Many sets on a server", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct SetRunTests {
    private static let migrations = [
        Migration(
            version: 1, name: "sets",
            statements: [
                "CREATE TABLE sums (kind {text} NOT NULL, bucket {int} NOT NULL, n {int} NOT NULL CHECK (n >= 0), note {bytes}, PRIMARY KEY (kind, bucket)) {clustered}",
                "CREATE TABLE log (sequence {serial}, key {id} NOT NULL, body {bytes}) {heap}",
            ])
    ]
    private static let add = SQL(
        "INSERT INTO sums (kind, bucket, n) VALUES ($1, $2, $3) ON CONFLICT (kind, bucket) DO UPDATE SET n = sums.n + excluded.n")
    private static let admit = SQL("INSERT INTO sums (kind, bucket, n, note) VALUES ($1, $2, 0, $3) ON CONFLICT (kind, bucket) DO NOTHING")
    private static let raise = SQL("UPDATE sums SET n = n + $3 WHERE kind = $1 AND bucket = $2 AND n < $4")
    private static let remove = SQL("DELETE FROM sums WHERE kind = $1 AND bucket = $2")
    private static let find = SQL("SELECT bucket, n, note FROM sums WHERE kind = $1 AND bucket = $2")
    private static let all = SQL("SELECT bucket, n FROM sums ORDER BY kind, bucket")
    private static let log = SQL("INSERT INTO log (key, body) VALUES ($1, $2)")
    private static let keys = SQL("SELECT key FROM log ORDER BY sequence")

    private func with(_ body: (PostgresDatabase) async throws -> Void) async throws {
        let schema = TestServer.unusedName()
        let database = try TestServer.database(schema: schema)
        try await database.migrate(Self.migrations, owner: "test")
        try await body(database)
        await database.close()
        try await TestServer.remove(schema)
    }

    private func row(_ bucket: Int64, _ n: Int64) -> [SQLValue] { [.text("é"), .integer(bucket), .integer(n)] }

    @Test func `counts are told set by set, also of sets that are alike`() async throws {
        try await with { database in
            let counts = try await database.write { transaction in
                try [
                    transaction.executeCounting(
                        Self.admit, each: [1, 2, 1, 3].map { [.text("é"), .integer($0), $0 == 2 ? .null : .bytes([0, 255])] }),
                    transaction.executeCounting(Self.admit, each: [3, 4].map { [.text("é"), .integer($0), .null] }),
                    transaction.executeCounting(Self.raise, each: [9, 2, 4].map { [.text("é"), .integer($0), .integer(5), .integer(5)] }),
                    // The second of these sets sees what the first has done.
                    transaction.executeCounting(Self.raise, each: [1, 1, 2].map { [.text("é"), .integer($0), .integer(5), .integer(5)] }),
                    transaction.executeCounting(Self.remove, each: [3, 8].map { [.text("é"), .integer($0)] }),
                ]
            }
            #expect(counts == [[1, 1, 0, 1], [0, 1], [0, 1, 1], [1, 0, 0], [1, 0]])
            let found = try await database.read { transaction in
                try transaction.query(Self.find, each: [4, 7, 1].map { [.text("é"), .integer($0)] }) {
                    [$0.integer(0), $0.integer(1), Int64($0.bytes(2).count)]
                }
            }
            #expect(found == [[4, 5, 0], [1, 5, 2]])
        }
    }

    @Test func `sums of sets that are alike are those of one after the other`() async throws {
        try await with { database in
            try await database.write { transaction in
                try transaction.execute(Self.add, each: [row(1, 1), row(2, 10)])
                try transaction.execute(Self.add, each: [row(1, 2), row(1, 3)])
                try transaction.execute(Self.add, each: [row(2, 20), row(1, 4)])
            }
            let sums = try await database.read { try $0.query(Self.all) { [$0.integer(0), $0.integer(1)] } }
            #expect(sums == [[1, 10], [2, 30]])
        }
    }

    @Test func `keys go to who asked for them, in the order of the inserts, however many are sent at once`() async throws {
        try await with { database in
            let ids = (0..<1_500).map { Identifier(high: 7, low: UInt64($0)) }
            let given = Notes<[Int64]>()
            try await database.write { transaction in
                for id in ids.prefix(700) { try transaction.insert(Self.log, each: [[.id(id), .bytes(Array(repeating: 1, count: 1_000))]]) { given.add($0) } }
                try transaction.insert(Self.log, each: ids.dropFirst(700).map { [.id($0), .null] }) { given.add($0) }
            }
            let keys = given.all.flatMap { $0 }
            #expect(keys == Array(1...1_500))
            #expect(given.all.last?.count == 800)
            let stored = try await database.read { try $0.query(Self.keys) { $0.id(0) } }
            #expect(stored == ids)
        }
    }

    @Test func `an insert is seen by what comes after it, and fails whoever made it`() async throws {
        try await with { database in
            let seen = try await database.write { transaction in
                try transaction.execute(Self.add, row(1, 1))
                try transaction.execute(Self.log, [.id(Identifier(high: 1, low: 1)), .null])
                try transaction.execute(Self.raise, [.text("é"), .integer(1), .integer(1), .integer(9)])
                try transaction.execute(Self.add, row(1, 5))
                return try transaction.query(Self.all) { $0.integer(1) }
            }
            #expect(seen == [7])
            await #expect(throws: StorageError.self) {
                try await database.write { transaction in
                    try transaction.execute(Self.add, row(2, 1))
                    try transaction.execute(Self.add, row(3, -1))
                }
            }
            let left = try await database.read { try $0.query(Self.all) { $0.integer(0) } }
            #expect(left == [1])
        }
    }
}

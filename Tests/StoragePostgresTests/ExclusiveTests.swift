import Storage
import StorageConformance
import StoragePostgres
import Testing

@Suite("PostgreSQL in exclusive possession", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct ExclusiveTests {
    private func database(_ schema: String, told: Notes<StorageError> = Notes()) throws -> PostgresDatabase {
        try TestServer.database(schema: schema) {
            $0.isExclusive = true
            $0.onBroken = { told.add($0) }
        }
    }

    @Test("a second process is refused in words, and let in when the first has gone")
    func second() async throws {
        let schema = TestServer.unusedName()
        let told = Notes<StorageError>()
        let (first, second, third) = (try database(schema), try database(schema, told: told), try database(schema))
        try await first.migrate(Accounts.migrations, owner: "test")
        let error = await #expect(throws: StorageError.self) { try await second.open() }
        #expect(error.map { "\($0)".contains("another process") } == true)
        #expect(told.all == [], "whoever asked to open it is told, nobody else")
        try await first.write { try $0.execute(Accounts.insert, each: [Accounts.row(1)]) }
        await first.close()
        try await third.open()
        #expect(try await Accounts.all(in: third) == [1])
        for database in [second, third] { await database.close() }
        try await TestServer.remove(schema)
    }

    @Test("a process that waits takes over as soon as the first has gone")
    func takeOver() async throws {
        let schema = TestServer.unusedName()
        let (first, second) = (try database(schema), try database(schema))
        try await first.migrate(Accounts.migrations, owner: "test")
        async let opened: Void = second.open()
        await first.close()
        try await opened
        await second.close()
        try await TestServer.remove(schema)
    }

    @Test("the possession survives a lost connection")
    func lostConnection() async throws {
        let schema = TestServer.unusedName()
        let told = Notes<StorageError>()
        let (database, other) = (try database(schema, told: told), try TestServer.database(schema: schema))
        try await database.migrate(Accounts.migrations, owner: "test")
        for number in 0..<3 {
            let backend = try await database.write { try $0.first(Accounts.backend) { $0.integer(0) } } ?? 0
            _ = try await other.read { try $0.first(Accounts.terminate, [.integer(backend)]) { $0.bool(0) } }
            try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(number)]) }
        }
        #expect(try await Accounts.all(in: database) == [0, 1, 2])
        #expect(told.all == [])
        for database in [database, other] { await database.close() }
        try await TestServer.remove(schema)
    }

    @Test("whoever finds that another process had it meanwhile stops")
    func takenOver() async throws {
        let schema = TestServer.unusedName()
        let told = Notes<StorageError>()
        let (first, second, other) = (try database(schema, told: told), try database(schema), try TestServer.database(schema: schema))
        try await first.migrate(Accounts.migrations, owner: "test")
        let backend = try await first.write { try $0.first(Accounts.backend) { $0.integer(0) } } ?? 0
        // The first does not notice before it writes again; the second may be let in by then.
        async let opened: Void = second.open()
        _ = try await other.read { try $0.first(Accounts.terminate, [.integer(backend)]) { $0.bool(0) } }
        try await opened
        try await second.write { try $0.execute(Accounts.insert, each: [Accounts.row(1)]) }
        await second.close()
        await #expect(throws: StorageError.self) { try await first.write { try $0.execute(Accounts.insert, each: [Accounts.row(2)]) } }
        guard case .broken = told.all.first, told.all.count == 1 else {
            Issue.record("\(told.all)")
            return
        }
        await #expect(throws: StorageError.self) { try await first.read { _ in } }
        #expect(try await Accounts.all(in: other) == [1])
        for database in [first, other] { await database.close() }
        try await TestServer.remove(schema)
    }
}

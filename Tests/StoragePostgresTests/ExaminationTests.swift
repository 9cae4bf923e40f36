import Foundation
import Storage
import StoragePostgres
import Testing

@Suite("PostgreSQL under examination", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(1)))
struct ExaminationTests {
    @Test("a database that is missing is named by an examination, which does not make it, whether or not it may be made", arguments: [true, false])
    func missingDatabase(isMade: Bool) async throws {
        let name = TestServer.unusedName()
        var configuration = PostgresDatabase.Configuration(connection: try TestServer.uri(database: name))
        configuration.createIfMissing = isMade
        configuration.patience = .milliseconds(100)
        let database = try PostgresDatabase(name: "test", configuration: configuration)
        let findings = await database.examine(Accounts.migrations, owner: "test")
        #expect(findings.map(\.verdict) == [isMade ? .warn : .fail])
        #expect(findings.allSatisfy { $0.words.contains(name) && $0.advice.contains("create_databases") })
        #expect(try await database.schemaState() == .noDatabase)
        await #expect(throws: StorageError.away, "who only reads makes nothing") { try await database.read { _ in } }
        let other = try TestServer.database()
        let there = SQL("SELECT count(*) FROM pg_database WHERE datname = $1")
        #expect(try await other.read { try $0.first(there, [.text(name)]) { $0.integer(0) } } == 0)
        for database in [database, other] { await database.close() }
    }

    @Test("an examination compares the schema with what the program knows")
    func schema() async throws {
        try await withAccounts { database in
            func finding(_ migrations: [Migration], owner: String = "test") async -> EngineFinding? { await database.examine(migrations, owner: owner).last }
            let later = Migration(version: 2, name: "notes", statements: ["CREATE TABLE notes (a {int})"])
            let fine = await finding(Accounts.migrations)
            #expect(fine?.verdict == .ok && fine?.name == "postgresql test schema")
            let behind = await finding(Accounts.migrations + [later])
            #expect(behind?.verdict == .warn && behind?.words.contains("2 (notes)") == true && behind?.advice.contains("waybill migrate") == true)
            let foreign = await finding(Accounts.migrations, owner: "orders")
            #expect(foreign?.verdict == .fail && foreign?.words.contains("\"test\"") == true)
            let newer = await finding([])
            #expect(newer?.verdict == .fail && newer?.words.contains("knows up to 0") == true)
            let edited = await finding([Migration(version: 1, name: "accounts", statements: [])])
            #expect(edited?.verdict == .fail && edited?.advice.isEmpty == false)
            let state = try await database.schemaState()
            #expect(state.version == 1)
        }
    }

    @Test("an account that may not read the tables is told so, and everything else that can be seen")
    func withoutRights() async throws {
        let configuration = try TestServer.configuration()
        let (schema, role) = (try #require(configuration.schema), TestServer.unusedName())
        try await withAccounts(configuration) { database in
            try await database.write { transaction in
                try transaction.execute(SQL("CREATE ROLE \(role) LOGIN"))
                try transaction.execute(SQL("GRANT USAGE ON SCHEMA \(schema) TO \(role)"))
            }
            var own = configuration
            own.connection = try TestServer.uri(user: role)
            let stranger = try PostgresDatabase(name: "test", configuration: own)
            let findings = await stranger.examine(Accounts.migrations, owner: "test")
            #expect(findings.count == 6 && findings.last?.verdict == .fail && findings.last?.advice.contains("account") == true, "\(findings)")
            let error = await #expect(throws: StorageError.self) { try await stranger.schemaState() }
            #expect(error.map { "\($0)".contains("42501") && !"\($0)".contains("cannot connect") } == true)
            await stranger.close()
            try await database.write { transaction in
                try transaction.execute(SQL("DROP OWNED BY \(role)"))
                try transaction.execute(SQL("DROP ROLE \(role)"))
            }
        }
    }
}

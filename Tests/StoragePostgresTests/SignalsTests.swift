import Storage
import StorageConformance
import StoragePostgres
import Testing

@Suite("PostgreSQL's signals", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct SignalsTests {
    private static let listening = SQL("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%'")

    private func heard(_ application: String, by other: PostgresDatabase) async throws {
        try await eventually("nobody listens") {
            try await other.read { try $0.first(Self.listening, [.text("\(application)/test")]) { $0.integer(0) } } == 1
        }
    }

    @Test("a signal reaches whoever listens to its channel, in every process, and nobody else")
    func delivery() async throws {
        let schema = TestServer.unusedName()
        let name = TestServer.unusedName()
        let databases = [try TestServer.database(schema: schema) { $0.applicationName = name }, try TestServer.database(schema: schema)]
        let stranger = try TestServer.database()
        let (here, there, elsewhere) = (Notes<Int>(), Notes<Int>(), Notes<Int>())
        databases[0].listen("outbox \"it's\"") { here.add(1) }
        try await heard(name, by: databases[1])
        databases[1].listen("outbox \"it's\"") { there.add(1) }
        databases[1].listen("jobs") { elsewhere.add(1) }
        stranger.listen("outbox \"it's\"") { elsewhere.add(2) }
        try await eventually("a signal was not heard") {
            databases[1].notify("outbox \"it's\"")
            return !here.all.isEmpty && !there.all.isEmpty
        }
        databases[0].notify("jobs")
        try await eventually("the other channel was not heard") { !elsewhere.all.isEmpty }
        #expect(elsewhere.all.allSatisfy { $0 == 1 })
        for database in databases + [stranger] { await database.close() }
        for schema in [schema] { try await TestServer.remove(schema) }
    }

    @Test("many signals in a short time become few")
    func coalescing() async throws {
        let name = TestServer.unusedName()
        let database = try TestServer.database { $0.applicationName = name }
        let other = try TestServer.database()
        let calls = Notes<Int>()
        database.listen("outbox") { calls.add(1) }
        try await heard(name, by: other)
        let begin = ContinuousClock.now
        for _ in 0..<10_000 { database.notify("outbox") }
        try await eventually("no signal came") { !calls.all.isEmpty }
        let most = Int((ContinuousClock.now - begin) / .milliseconds(5)) + 2
        #expect(calls.all.count <= most)
        for database in [database, other] { await database.close() }
    }

    @Test("whoever listens is called when a lost connection is back, because something may have been missed")
    func reconnection() async throws {
        let name = TestServer.unusedName()
        let database = try TestServer.database { $0.applicationName = name }
        let other = try TestServer.database()
        let calls = Notes<Int>()
        database.listen("outbox") { calls.add(1) }
        try await heard(name, by: other)
        #expect(calls.all == [])
        let kill = SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1")
        _ = try await other.read { try $0.query(kill, [.text("\(name)/test")]) { $0.bool(0) } }
        try await eventually("nobody was called") { calls.all.count == 1 }
        try await eventually("a signal was not heard after that") {
            other.notify("nothing")
            database.notify("outbox")
            return calls.all.count > 1
        }
        for database in [database, other] { await database.close() }
    }
}

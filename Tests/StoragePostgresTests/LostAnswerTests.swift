import Foundation
import Storage
import StorageConformance
import StoragePostgres
import Testing

/// The connection is lost between COMMIT and its answer. A trigger that runs at the commit and waits for a lock makes that moment as long as the test needs it.
@Suite("PostgreSQL, a commit whose answer is lost", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(2)))
struct LostAnswerTests {
    private static let trigger = [
        Migration(
            version: 1, name: "accounts",
            statements: Accounts.migrations[0].statements + [
                """
                CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.note = 'wait' THEN PERFORM pg_advisory_xact_lock(NEW.amount); END IF; RETURN NULL; END $$
                """,
                "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON accounts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()",
            ])
    ]

    /// A database behind a proxy, and one that sees the same tables without it.
    private struct Scene {
        let proxy: TestProxy
        let database: PostgresDatabase
        let direct: PostgresDatabase
        let broken: Notes<StorageError>
        let schema: String
        /// The number of the lock that commits wait for.
        let key = Int64.random(in: 1 << 40..<1 << 41)

        init(_ change: (inout PostgresDatabase.Configuration) -> Void = { _ in }) async throws {
            proxy = try TestProxy(to: TestServer.port())
            let broken = Notes<StorageError>()
            schema = TestServer.unusedName()
            var configuration = try TestServer.configuration(schema: schema, change)
            configuration.connection = try TestServer.uri(host: "127.0.0.1", port: proxy.port)
            configuration.onBroken = { broken.add($0) }
            database = try PostgresDatabase(name: "test", configuration: configuration)
            direct = try TestServer.database(schema: schema) { $0.statementTimeout = .seconds(60) }
            self.broken = broken
            try await database.migrate(LostAnswerTests.trigger, owner: "test")
            // Its statements are prepared and its commit runs straight through.
            try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(0)]) }
        }

        func waiting() async throws -> Int64 {
            let sql = SQL("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND ((classid::bigint << 32) | objid::bigint) = $1")
            return try await direct.read { try $0.first(sql, [.integer(key)]) { $0.integer(0) } } ?? 0
        }

        func end() async throws {
            await database.close()
            await direct.close()
            proxy.close()
            try await TestServer.remove(schema)
        }
    }

    /// Holds the lock that commits wait for.
    private struct HeldLock {
        private let scene: Scene
        private let gate = DispatchSemaphore(value: 0)
        private let held = AsyncStream<Void>.makeStream()

        init(_ scene: Scene) { self.scene = scene }

        func hold() async throws {
            try await scene.direct.write { [key = scene.key, gate, held] transaction in
                try transaction.fetch(SQL("SELECT pg_advisory_xact_lock($1)"), each: [[.integer(key)]]) { _ in }
                held.continuation.yield()
                gate.wait()
            }
        }
        func isHeld() async { for await _ in held.stream { return } }
        func release() { gate.signal() }
    }

    /// Writes a row whose commit waits for the lock the first time.
    private func write(_ scene: Scene, _ runs: Notes<Int>, _ told: Notes<Int>) async throws {
        try await scene.database.write { [key = scene.key] transaction in
            runs.add(1)
            // A question about nothing comes before the transaction has begun; it must not be given the number of another one.
            try transaction.fetch(Accounts.insert, each: []) { _ in }
            try transaction.execute(Accounts.insert, each: [Accounts.row(1, key, runs.all.count == 1 ? "wait" : nil)])
            transaction.onCommit { told.add(runs.all.count) }
        }
    }

    @Test("a commit that came through is reported as done, once, and its actions run")
    func durable() async throws {
        let scene = try await Scene()
        let (runs, told, lock) = (Notes<Int>(), Notes<Int>(), HeldLock(scene))
        async let held: Void = lock.hold()
        await lock.isHeld()
        async let written: Void = write(scene, runs, told)
        try await eventually("the commit did not begin") { try await scene.waiting() == 1 }
        scene.proxy.hold(true)
        lock.release()
        try await held
        try await eventually("the commit did not end") { try await Accounts.amount(1, in: scene.direct) == scene.key }
        scene.proxy.cut()
        try await written
        #expect(runs.all.count == 1)
        #expect(told.all == [1])
        #expect(scene.broken.all == [])
        try await scene.end()
    }

    @Test("a commit that did not come through is run again")
    func undone() async throws {
        let scene = try await Scene()
        let (runs, told, lock) = (Notes<Int>(), Notes<Int>(), HeldLock(scene))
        async let held: Void = lock.hold()
        await lock.isHeld()
        async let written: Void = write(scene, runs, told)
        try await eventually("the commit did not begin") { try await scene.waiting() == 1 }
        scene.proxy.cut()
        // Whoever looks after the commit ends the server's process that still waits.
        try await written
        lock.release()
        try await held
        #expect(runs.all.count == 2)
        #expect(told.all == [2])
        #expect(try await Accounts.amount(1, in: scene.direct) == scene.key)
        try await scene.end()
    }

    @Test(
        "while it cannot be found out the caller hears just that; later commits wait, and the actions run in the order of the commits",
        arguments: [false, true])
    func uncertain(isExclusive: Bool) async throws {
        let scene = try await Scene {
            $0.isExclusive = isExclusive
            $0.patience = .milliseconds(500)
        }
        let (runs, told, lock) = (Notes<Int>(), Notes<Int>(), HeldLock(scene))
        async let held: Void = lock.hold()
        await lock.isHeld()
        async let written: Void = write(scene, runs, told)
        try await eventually("the commit did not begin") { try await scene.waiting() == 1 }
        scene.proxy.hold(true)
        lock.release()
        try await held
        try await eventually("the commit did not end") { try await Accounts.amount(1, in: scene.direct) == scene.key }
        scene.proxy.refuse(true)
        scene.proxy.cut()
        do {
            try await written
            Issue.record("it was reported as done")
        } catch StorageError.uncertain {}
        await #expect(throws: StorageError.away) { try await scene.database.write { _ in } }
        #expect(told.all == [])
        scene.proxy.refuse(false)
        try await scene.database.write { $0.onCommit { told.add(2) } }
        #expect(told.all == [1, 2], "the first was durable, so its actions had to run, and before the second's")
        #expect(runs.all.count == 1)
        #expect(scene.broken.all == [])
        try await scene.end()
    }

    @Test("a server that is silent is given up after a while, and all is well when it can be heard again")
    func silence() async throws {
        let scene = try await Scene {
            $0.statementTimeout = .milliseconds(500)
            $0.connectTimeout = .seconds(2)
            $0.patience = .seconds(1)
        }
        scene.proxy.hold(true)
        await #expect(throws: StorageError.away) {
            try await scene.database.write { try $0.executeCounting(Accounts.insert, each: [Accounts.row(1)]) }
        }
        scene.proxy.hold(false)
        try await scene.database.write { try $0.execute(Accounts.insert, each: [Accounts.row(2)]) }
        #expect(try await Accounts.all(in: scene.direct) == [0, 2])
        try await scene.end()
    }
}

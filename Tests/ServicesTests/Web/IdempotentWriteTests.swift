import Foundation
import HTTPTypes
import Messaging
import Storage
import StorageSQLite
import Synchronization
import Testing
import Wire

@testable import Web

@Suite("Idempotent write", .timeLimit(.minutes(1)))
struct IdempotentWriteTests {
    private let fixture: ServiceFixture
    private let writes: IdempotentWrite
    private static let add = SQL("INSERT INTO work (note) VALUES ($1)")
    private static let count = SQL("SELECT count(*) FROM work")
    private static let migration = Migration(
        version: 1, name: "web", statements: MessagingSchema.statements + ["CREATE TABLE work (number {serial}, note {text} NOT NULL) {heap}"])

    init() async throws {
        fixture = try ServiceFixture("web")
        writes = IdempotentWrite(database: fixture.database, context: fixture.context)
        try await fixture.database.migrate([IdempotentWriteTests.migration], owner: "web")
    }

    private func request(_ body: String, key: String?, path: String = "/things", as principal: Principal = .open) -> WebRequest {
        var headers: HTTPFields = [:]
        headers[.idempotencyKey] = key
        return WebRequest(method: .post, path: path, headers: headers, body: Array(body.utf8), id: Identifier(high: 0, low: 0), principal: principal)
    }

    private func run(_ request: WebRequest, on writes: IdempotentWrite? = nil) async throws -> WebResponse {
        try await (writes ?? self.writes).run(request) { transaction in
            let number = try transaction.insert(IdempotentWriteTests.add, each: [[.text("x")]])[0]
            return .success(.json(.created, headers: [.location: "/things/\(number)"]) { $0.member("number", number) })
        }
    }
    private func done() async throws -> Int64? { try await fixture.database.read { try $0.first(IdempotentWriteTests.count) { $0.integer(0) } } }
    private func refusal(_ body: () async throws -> WebResponse) async -> String? {
        do { _ = try await body() } catch let problem as Problem { return "\(problem.status.code) \(problem.type)" } catch { return "\(error)" }
        return nil
    }

    @Test("the same key and body is done once and answered alike, also after a restart")
    func once() async throws {
        let first = try await run(request("a", key: "k"))
        let again = try await run(request("a", key: "k"))
        let restarted = try await run(request("a", key: "k"), on: IdempotentWrite(database: fixture.database, context: fixture.context))
        for answer in [again, restarted] {
            #expect(answer.status == .created)
            #expect(try answer.json == first.json)
            #expect(answer.headers[.location] == "/things/1")
            #expect(answer.headers[.idempotencyReplayed] == "true")
        }
        #expect(first.headers[.idempotencyReplayed] == nil)
        #expect(try await done() == 1)
        #expect(try await writes.earlierAnswer(request("a", key: "k"))?.status == .created)
        #expect(try await writes.earlierAnswer(request("a", key: "other"))?.status == nil)
    }

    @Test("another body is refused, another path or key is another request, and without a key everything is done")
    func apart() async throws {
        _ = try await run(request("a", key: "k"))
        #expect(await refusal { try await run(request("b", key: "k")) } == "422 idempotency-key-reused")
        #expect(await refusal { try await run(request("", key: "k")) } == "422 idempotency-key-reused")
        _ = try await run(request("a", key: "K"))
        _ = try await run(request("a", key: "k", path: "/others"))
        for _ in 0..<2 { _ = try await run(request("a", key: nil)) }
        #expect(try await done() == 5)
    }

    @Test("whoever guesses another's key does not get his answer")
    func owners() async throws {
        let (alice, bob) = (Principal(subject: "alice", roles: [.customer]), Principal(subject: "bob", roles: [.customer]))
        let first = try await run(request("a", key: "k", as: alice))
        let other = try await run(request("a", key: "k", as: bob))
        #expect(try other.json != first.json && other.headers[.idempotencyReplayed] == nil)
        #expect(try await run(request("a", key: "k", as: alice)).headers[.idempotencyReplayed] == "true")
        _ = try await run(request("b", key: "k"))
        #expect(try await done() == 3)
    }

    @Test("while a request is being worked on, its repetition is told to come again")
    func inFlight() async throws {
        let (began, isBegun) = AsyncStream<Void>.makeStream()
        let (goOn, mayGoOn) = AsyncStream<Void>.makeStream()
        let database = HeldDatabase(fixture.database, began: isBegun, until: goOn)
        let writes = IdempotentWrite(database: database, context: fixture.context)
        async let first = run(request("a", key: "k"), on: writes)
        for await _ in began { break }
        #expect(await refusal { try await run(request("a", key: "k"), on: writes) } == "409 idempotency-key-in-flight")
        mayGoOn.finish()
        #expect(try await first.status == .created)
        #expect(try await run(request("a", key: "k"), on: writes).headers[.idempotencyReplayed] == "true")
        #expect(try await done() == 1)
    }

    @Test("a refusal is not remembered, and neither is what was undone")
    func refusals() async throws {
        let refused = Problem(.conflict, "no", "No.")
        #expect(await refusal { try await writes.run(request("a", key: "k")) { _ in .failure(refused) } } == "409 no")
        await #expect(throws: StorageError.full("disk")) {
            try await writes.run(request("a", key: "k")) { transaction in
                try transaction.execute(IdempotentWriteTests.add, [.text("x")])
                throw StorageError.full("disk")
            }
        }
        #expect(try await done() == 0)
        #expect(try await run(request("a", key: "k")).headers[.idempotencyReplayed] == nil)
        #expect(try await done() == 1)
    }

    @Test("a key is remembered for 24 hours to the millisecond, whether or not it has been pruned by then")
    func expiry() async throws {
        _ = try await run(request("a", key: "k"))
        fixture.clock.advance(by: .milliseconds(IdempotentWrite.keyAgeMilliseconds))
        #expect(try await run(request("a", key: "k")).headers[.idempotencyReplayed] == "true")
        #expect(await refusal { try await run(request("b", key: "k")) } == "422 idempotency-key-reused")
        fixture.clock.advance(by: .milliseconds(1))
        #expect(try await writes.earlierAnswer(request("a", key: "k"))?.status == nil)
        let renewed = try await run(request("b", key: "k"))
        #expect(renewed.headers[.idempotencyReplayed] == nil && renewed.headers[.location] == "/things/2")
        // The renewed key lives as long as a new one.
        fixture.clock.advance(by: .milliseconds(IdempotentWrite.keyAgeMilliseconds))
        #expect(try await run(request("b", key: "k")).headers[.location] == "/things/2")
        #expect(try await done() == 2)
    }

    @Test("a key that expires while it is being used is used once")
    func expiryInUse() async throws {
        _ = try await run(request("a", key: "k"))
        let (began, isBegun) = AsyncStream<Void>.makeStream()
        let (goOn, mayGoOn) = AsyncStream<Void>.makeStream()
        let writes = IdempotentWrite(database: HeldDatabase(fixture.database, began: isBegun, until: goOn), context: fixture.context)
        async let late = run(request("a", key: "k"), on: writes)
        for await _ in began { break }
        fixture.clock.advance(by: .milliseconds(IdempotentWrite.keyAgeMilliseconds + 1))
        #expect(await refusal { try await run(request("a", key: "k"), on: writes) } == "409 idempotency-key-in-flight")
        mayGoOn.finish()
        #expect(try await late.headers[.location] == "/things/2")
        #expect(try await run(request("a", key: "k")).headers[.location] == "/things/2")
        #expect(try await done() == 2)
    }

    @Test("when another process takes the key meanwhile, what was done here is undone and its answer is given")
    func rival() async throws {
        let attempts = Mutex(0)
        let rival = SQL("INSERT INTO idempotency_keys (scope, key, fingerprint, status, location, body, created_at) VALUES ($1, $2, $3, 201, NULL, $4, $5)")
        let now = fixture.clock.now()
        let answer = try await writes.run(request("a", key: "k")) { transaction in
            try transaction.execute(IdempotentWriteTests.add, [.text("x")])
            // The other's row becomes visible between the look and the insert, as it does in a database with several writers.
            if attempts.withLock({
                $0 += 1
                return $0
            }) == 1 {
                try transaction.execute(rival, [.text("POST /things"), .text("k"), .bytes([1]), .bytes([]), .time(now)])
            }
            return .success(.json(.created) { $0.member("number", 1) })
        }
        #expect(answer.status == .created)
        #expect(attempts.withLock { $0 } == 2)
        #expect(try await done() == 1)
    }

    @Test("what was done under the same key meanwhile is answered as it was, not refused because it is done")
    func refusedByItself() async throws {
        let rival = SQL("INSERT INTO idempotency_keys (scope, key, fingerprint, status, location, body, created_at) VALUES ($1, $2, $3, 201, '/x', $4, $5)")
        let now = fixture.clock.now()
        let print = try await fingerprint(of: "a")
        let done = Problem(.conflict, "done", "It is done.")
        let answer = try await writes.run(request("a", key: "k")) { transaction in
            // The other's rows become visible between the look for the key and the look at the work.
            try transaction.execute(rival, [.text("POST /things"), .text("k"), .bytes(print), .bytes(Array("{}".utf8)), .time(now)])
            return .failure(done)
        }
        #expect(answer.status == .created && answer.headers[.location] == "/x" && answer.headers[.idempotencyReplayed] == "true")
        #expect(await refusal { try await writes.run(request("a", key: "other")) { _ in .failure(done) } } == "409 done")
    }

    /// What is stored to know a body by.
    private func fingerprint(of body: String) async throws -> [UInt8] {
        _ = try await run(request(body, key: "print"))
        return try #require(
            try await fixture.database.read { try $0.first(SQL("SELECT fingerprint FROM idempotency_keys WHERE key = 'print'")) { $0.bytes(0) } })
    }

    @Test("fifty requests at once with one key, through two processes, are done once; the others get the same answer or are told to come again")
    func crowd() async throws {
        try await withDatabases(2) { databases in
            let writers = databases.map { IdempotentWrite(database: $0, context: fixture.context) }
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let request = request("a", key: "k")
                        do { return try await run(request, on: writers[number % 2]).headers[.location] ?? "" } catch let problem as Problem {
                            return "\(problem.status.code) \(problem.type)"
                        }
                    }
                }
                return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(Set(answers.keys).isSubset(of: ["/things/1", "409 idempotency-key-in-flight"]), "\(answers)")
            #expect(answers["/things/1", default: 0] >= 1)
            #expect(try await databases[0].read { try $0.first(IdempotentWriteTests.count) { $0.integer(0) } } == 1)
            #expect(try await run(request("a", key: "k"), on: writers[1]).headers[.idempotencyReplayed] == "true")
        }
    }

    @Test("a process that dies before the commit leaves the key free, one that dies after it leaves its answer", arguments: [true, false])
    func crash(isBefore: Bool) async throws {
        let medium = try MemoryMedium()
        let first = SteppedDatabase(name: "web", medium: medium, isImmediate: true)
        try await first.migrate([IdempotentWriteTests.migration], owner: "web")
        let dying = SteppedDatabase(
            name: "web", medium: medium,
            reached: { point in
                switch (point, isBefore) {
                case (.beforeCommit, true), (.afterCommit, false): throw SteppedDatabase.Death()
                default: break
                }
            })
        let request = request("a", key: "k")
        // Nobody is resumed when a process dies: this task is never heard of again.
        Task.immediate { try await run(request, on: IdempotentWrite(database: dying, context: fixture.context)) }
        #expect(dying.waiting == 1)
        #expect(throws: SteppedDatabase.Death.self) { try dying.commit(first: 1) }

        let next = SteppedDatabase(name: "web", medium: medium, isImmediate: true)
        let answer = try await run(request, on: IdempotentWrite(database: next, context: fixture.context))
        #expect(answer.status == .created && answer.headers[.location] == "/things/1")
        #expect(answer.headers[.idempotencyReplayed] == (isBefore ? nil : "true"))
        #expect(try medium.read { try $0.first(IdempotentWriteTests.count) { $0.integer(0) } } == 1)
    }

    @Test("what cannot be one transaction is done once per key as well, and anew when it failed")
    func repeatable() async throws {
        let count = Mutex(0)
        @Sendable func work() async throws -> WebResponse {
            .json {
                $0.member(
                    "count",
                    count.withLock {
                        $0 += 1
                        return $0
                    })
            }
        }
        await #expect(throws: StorageError.closed) { try await writes.runRepeatable(request("a", key: "k")) { throw StorageError.closed } }
        let first = try await writes.runRepeatable(request("a", key: "k"), work)
        let again = try await writes.runRepeatable(request("a", key: "k"), work)
        #expect(try first.json == again.json && again.headers[.idempotencyReplayed] == "true")
        #expect(await refusal { try await writes.runRepeatable(request("b", key: "k"), work) } == "422 idempotency-key-reused")
        for _ in 0..<2 { _ = try await writes.runRepeatable(request("a", key: nil), work) }
        #expect(count.withLock { $0 } == 3)
    }

    /// Several openings of one file, as several processes have it.
    private func withDatabases(_ count: Int, _ body: ([any Database]) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let databases = try (0..<count).map { _ in try SQLiteDatabase(name: "web", path: folder.appendingPathComponent("web.sqlite").path) }
        try await databases[0].migrate([IdempotentWriteTests.migration], owner: "web")
        try await body(databases)
        for database in databases { await database.close() }
    }

    @Test("a key has 1 to 255 visible ASCII characters", arguments: ["", " ", "a b", "\u{E9}", String(repeating: "k", count: 256)])
    func badKeys(key: String) async throws {
        #expect(await refusal { try await run(request("a", key: key)) } == "400 bad-idempotency-key")
        #expect(try await done() == 0)
    }
}

/// A database whose writes wait, after they have been announced, until they may go on.
private final class HeldDatabase: Database {
    private let inner: any Database
    private let began: AsyncStream<Void>.Continuation
    private let until: AsyncStream<Void>
    var name: String { inner.name }

    init(_ inner: any Database, began: AsyncStream<Void>.Continuation, until: AsyncStream<Void>) {
        (self.inner, self.began, self.until) = (inner, began, until)
    }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        began.yield()
        for await _ in until {}
        return try await inner.write(body)
    }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T { try await inner.read(body) }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async { await inner.close() }
}

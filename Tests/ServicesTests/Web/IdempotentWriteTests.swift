import HTTPTypes
import Messaging
import Storage
import Testing
import Wire

@testable import Web

@Suite("Idempotent write", .timeLimit(.minutes(1)))
struct IdempotentWriteTests {
    private let fixture: ServiceFixture
    private let writes: IdempotentWrite
    private static let add = SQL("INSERT INTO work (note) VALUES ($1)")
    private static let count = SQL("SELECT count(*) FROM work")

    init() async throws {
        fixture = try ServiceFixture("web")
        writes = IdempotentWrite(database: fixture.database, context: fixture.context)
        let migration = Migration(
            version: 1, name: "web", statements: MessagingSchema.statements + ["CREATE TABLE work (number {serial}, note {text} NOT NULL) {heap}"])
        try await fixture.database.migrate([migration], owner: "web")
    }

    private func request(_ body: String, key: String?, path: String = "/things") -> WebRequest {
        var headers: HTTPFields = [:]
        headers[.idempotencyKey] = key
        return WebRequest(method: .post, path: path, headers: headers, body: Array(body.utf8), id: Identifier(high: 0, low: 0))
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

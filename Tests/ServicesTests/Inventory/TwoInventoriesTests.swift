import HTTPTypes
import Inventory
import Logging
import Messaging
import Storage
import Synchronization
import TestDatabases
import Testing
import Web
import Wire

/// Two processes of Inventory on one database, which are asked for the same thing at the same time.
@Suite("Two processes of Inventory", .timeLimit(.minutes(1)))
struct TwoInventoriesTests {
    private static let staged: any TestTrait = .disabled(
        if: TestDatabase.isPostgres, "PostgreSQL's adapter repeats a conflict by itself, so that none can be staged; `pairs` has two real processes")

    private func inventory(on database: any Database, seed: UInt64 = 1) -> InventoryService {
        let role = ProcessRole(isAlone: false, jobClaimMilliseconds: 0, isInCharge: { false })
        return InventoryService(
            ServiceEnvironment(
                database: database, context: ServiceContext(service: "inventory", clock: ManualClock(), seed: seed), outbox: Outbox(sink: Nowhere()),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, role: role))
    }

    private struct Answer: Sendable, Equatable {
        let status: Int
        let json: JSONObject
    }

    private func send(_ service: InventoryService, _ method: HTTPRequest.Method, _ body: String, key: String? = nil) async throws -> Answer {
        let route = try #require(service.routes.first { $0.method == method && $0.path == "/inventory/products" })
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.idempotencyKey] = key
        let request = WebRequest(
            method: method, path: "/api/v1/inventory/products", headers: headers, body: Array(body.utf8), id: Identifier(high: 1, low: 2))
        let response: WebResponse
        do { response = try await route.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        return Answer(status: response.status.code, json: try response.json)
    }

    private func product(_ sku: String, price: String = "1.00") -> String {
        #"{"sku":"\#(sku)","name":"\#(sku)","price":"\#(price)","currency":"GBP","availableQuantity":5}"#
    }
    private func bulk(_ skus: [String], price: String = "1.00") -> String {
        #"{"products":[\#(skus.map { product($0, price: price) }.joined(separator: ","))]}"#
    }

    /// Two services on one SQLite database; the first one's next insert finds that the second has been quicker.
    private func withRival(
        _ body: (_ slow: InventoryService, _ race: (@escaping @Sendable (InventoryService) async throws -> Void) -> Void) async throws -> Void
    )
        async throws
    {
        let database = try TestDatabase.open("inventory")
        let raced = RacedDatabase(database, at: "INSERT INTO products")
        let (slow, quick) = (inventory(on: raced), inventory(on: database, seed: 2))
        try await database.migrate(slow.migrations, owner: slow.name)
        try await body(slow) { rival in raced.race { try await rival(quick) } }
        await database.close()
    }

    @Test("a product that another process has made meanwhile is there already", staged)
    func create() async throws {
        try await withRival { slow, race in
            race { quick in _ = try await send(quick, .post, product("A")) }
            let answer = try await send(slow, .post, product("A"))
            #expect(answer.status == 409 && answer.json["type"]?.string?.hasSuffix("sku-exists") == true)
        }
    }

    @Test("the same request under the same key has the same answer from both", staged)
    func keyed() async throws {
        try await withRival { slow, race in
            let first = Mutex<Answer?>(nil)
            race { quick in
                let answer = try await send(quick, .post, product("A"), key: "k")
                first.withLock { $0 = answer }
            }
            let second = try await send(slow, .post, product("A"), key: "k")
            #expect(second.status == 201 && second == first.withLock { $0 })
        }
    }

    @Test("an import that meets another one updates what that has made", staged)
    func imports() async throws {
        try await withRival { slow, race in
            race { quick in _ = try await send(quick, .put, bulk(["B", "C"])) }
            let answer = try await send(slow, .put, bulk(["A", "B", "C"], price: "2.00"))
            #expect(answer.status == 200 && answer.json["created"]?.integer == 1 && answer.json["updated"]?.integer == 2)
        }
    }

    @Test("on a server, pairs of the same requests at the same moment are never answered 500", .enabled(if: TestDatabase.hasServer))
    func pairs() async throws {
        let databases = try TestDatabase.openings("inventory", count: 2)
        let services = databases.enumerated().map { inventory(on: $0.element, seed: UInt64($0.offset)) }
        try await databases[0].migrate(services[0].migrations, owner: "inventory")
        func both(_ method: HTTPRequest.Method, _ body: String, key: String? = nil) async throws -> [Answer] {
            async let first = send(services[0], method, body, key: key)
            async let second = send(services[1], method, body, key: key)
            return try await [first, second]
        }
        for number in 0..<40 {
            let made = try await both(.post, product("a\(number)"))
            #expect(made.map(\.status).sorted() == [201, 409])
            let keyed = try await both(.post, product("b\(number)"), key: "k\(number)")
            #expect(keyed.map(\.status) == [201, 201] && keyed[0] == keyed[1])
            let imported = try await both(.put, bulk((0..<8).map { "c\(number)-\($0)" }))
            #expect(imported.map(\.status) == [200, 200])
            #expect(imported.compactMap { $0.json["created"]?.integer }.reduce(0, +) == 8)
        }
        for database in databases { await database.close() }
    }
}

private struct Nowhere: EventSink {
    func committed(_ events: [Envelope], from source: String) {}
}

/// A database that is not the only one: once, just before a certain statement, another process turns out to have written something. Since SQLite has one writer, the
/// transaction is told so, rolled back and run again after the other's.
private final class RacedDatabase: Database {
    private let inner: any Database
    private let statement: String
    private let rival = Mutex<(@Sendable () async throws -> Void)?>(nil)
    var name: String { inner.name }

    init(_ inner: any Database, at statement: String) { (self.inner, self.statement) = (inner, statement) }

    func race(_ rival: @escaping @Sendable () async throws -> Void) { self.rival.withLock { $0 = rival } }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        let quicker: (@Sendable () async throws -> Void)? = self.rival.withLock { rival in
            defer { rival = nil }
            return rival
        }
        guard let quicker else { return try await inner.write(body) }
        let statement = self.statement
        do {
            return try await inner.write { try body(RacedTransaction(inner: $0, statement: statement)) }
        } catch is TransactionConflict {
            try await quicker()
            return try await inner.write(body)
        }
    }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T { try await inner.read(body) }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async { await inner.close() }
}

/// A transaction in which a statement finds its rows there: what it counts is nothing, and without `ON CONFLICT` it fails.
private struct RacedTransaction: Transaction {
    let inner: any Transaction
    let statement: String

    private func meet(_ sql: SQL) throws -> Bool {
        guard sql.text.contains(statement) else { return false }
        guard sql.text.contains("ON CONFLICT") else { throw StorageError.constraint("another process was quicker") }
        return true
    }

    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws { try inner.fetch(sql, each: parameters, row) }
    func execute(_ sql: SQL, each parameters: [[SQLValue]]) throws { if try !meet(sql) { try inner.execute(sql, each: parameters) } }
    func executeCounting(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int] {
        try meet(sql) ? parameters.map { _ in 0 } : inner.executeCounting(sql, each: parameters)
    }
    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64] { try inner.insert(sql, each: parameters) }
    func onCommit(_ body: @escaping @Sendable () -> Void) { inner.onCommit(body) }
}

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

/// What Orders asks before it accepts, answered by a process that is not the only one of its database and so keeps nothing in memory.
@Suite("What is available", .timeLimit(.minutes(1)))
struct CheckAvailabilityTests {
    private let service: InventoryService
    private let database: CountedDatabase

    init() async throws {
        database = CountedDatabase(try TestDatabase.open("inventory"))
        service = InventoryService(
            ServiceEnvironment(
                database: database, context: ServiceContext(service: "inventory", clock: ManualClock(), seed: 1), outbox: Outbox(sink: Nowhere()),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                role: ProcessRole(isAlone: false, jobClaimMilliseconds: 0, isInCharge: { false })))
        try await database.migrate(service.migrations, owner: service.name)
    }

    private func send(_ path: String, _ body: String) async throws -> JSONObject {
        let route = try #require(service.routes.first { $0.method == .post && $0.path == path })
        let request = WebRequest(
            method: .post, path: "/api/v1" + path, headers: [.contentType: "application/json"], body: Array(body.utf8), id: Identifier(high: 1, low: 2))
        return try await route.handle(request).json
    }

    @Test("all products of a question, by id and by SKU, cost two queries together, and every line gets the answer of its own product")
    func together() async throws {
        var ids: [String] = []
        for number in 0..<6 {
            let made = try await send(
                "/inventory/products", #"{"sku":"S\#(number)","name":"n","price":"1.0\#(number)","currency":"GBP","availableQuantity":\#(number)}"#)
            ids.append(try #require(made["id"]?.string ?? made["productId"]?.string))
        }
        let unknown = Identifier(high: 9, low: 9)
        let items = [
            #"{"sku":"S4","quantity":1}"#, #"{"productId":"\#(ids[1])","quantity":2}"#, #"{"sku":"none","quantity":1}"#, #"{"sku":"S4","quantity":3}"#,
            #"{"productId":"\#(unknown)","quantity":1}"#, #"{"productId":"\#(ids[5])","sku":"S0","quantity":5}"#, #"{"sku":"S5","quantity":1}"#,
            #"{"productId":"\#(unknown)","sku":"S5","quantity":1}"#,
        ]
        database.queries.store(0, ordering: .relaxed)
        let answer = try await send("/inventory/availability", #"{"items":[\#(items.joined(separator: ","))]}"#)
        #expect(database.queries.load(ordering: .relaxed) == 2)
        let lines = try #require(answer["items"]?.array)
        #expect(lines.map { $0["exists"]?.bool } == [true, true, false, true, false, true, true, false])
        #expect(lines.map { $0["availableQuantity"]?.integer } == [4, 1, 0, 4, 0, 5, 5, 0])
        #expect(
            lines.map { $0["price"]?.string } == ["1.04", "1.01", nil, "1.04", nil, "1.05", "1.05", nil],
            "who names an id means it, whatever SKU stands beside it")
        #expect(answer["available"]?.bool == false)
        let enough = try await send("/inventory/availability", #"{"items":[{"sku":"S5","quantity":2},{"productId":"\#(ids[5])","quantity":3}]}"#)
        #expect(enough["available"]?.bool == true)
        let tooMuch = try await send("/inventory/availability", #"{"items":[{"sku":"S5","quantity":3},{"productId":"\#(ids[5])","quantity":3}]}"#)
        #expect(tooMuch["available"]?.bool == false, "lines of one product draw on the same stock")
        await database.close()
    }
}

private struct Nowhere: EventSink {
    func committed(_ events: [Envelope], from source: String) {}
}

/// A database that counts the queries of its reads.
private final class CountedDatabase: Database {
    let queries = Atomic<Int>(0)
    private let inner: any Database
    var name: String { inner.name }

    init(_ inner: any Database) { self.inner = inner }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T { try await inner.write(body) }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        try await inner.read { try body(CountedTransaction(inner: $0, database: self)) }
    }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async { await inner.close() }
}

private struct CountedTransaction: ReadTransaction {
    let inner: any ReadTransaction
    let database: CountedDatabase

    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws {
        if !parameters.isEmpty { database.queries.add(1, ordering: .relaxed) }
        try inner.fetch(sql, each: parameters, row)
    }
}

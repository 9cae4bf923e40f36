import Contracts
import HTTPTypes
import Messaging
import Orders
import Storage
import Synchronization
import Testing
import Web
import Wire

/// Orders as several processes of one service: one database, one cache, and as many front doors as there are processes.
final class CachedOrdersBench: Sendable {
    let fixture: ServiceFixture
    let database: CountingDatabase
    let processes: [OrdersService]
    private let total: Money

    init(cache: (any VersionedCache)?, processes count: Int = 2) async throws {
        let fixture = try ServiceFixture("orders")
        let pounds = try #require(Currency("GBP"))
        total = Money(minorUnits: 500, currency: pounds)
        let database = CountingDatabase(fixture.database)
        (self.fixture, self.database) = (fixture, database)
        let given = fixture.environment
        let environment = ServiceEnvironment(database: database, context: given.context, outbox: given.outbox, logger: given.logger)
        let product = ProductAvailability(
            productID: Identifier(high: 5, low: 5), sku: "TEA", price: Money(minorUnits: 250, currency: pounds), available: 1_000_000)
        processes = (0..<count).map { _ in OrdersService(environment, availability: { $0.map { _ in product } }, cache: cache) }
        try await fixture.migrate(processes[0])
    }

    struct Answer: Sendable {
        let status: Int
        let json: JSONObject?
        let headers: HTTPFields
        var version: Int64? { json?["version"]?.integer }
        var token: String? { headers[HTTPField.Name("Waybill-Version") ?? .eTag] }
        var orderStatus: OrderStatus? { json?["status"]?.string.flatMap { OrderStatus(rawValue: $0) } }
    }

    func send(
        _ method: String, _ route: String, _ body: String? = nil, id: String? = nil, minimum: String? = nil, tag: String? = nil, key: String? = nil,
        process: Int = 0
    ) async throws -> Answer {
        let operation = try #require(processes[process].routes.first { $0.method.rawValue == method && $0.path == route })
        var headers: HTTPFields = body == nil ? [:] : [.contentType: "application/json"]
        headers[.ifNoneMatch] = tag
        headers[.idempotencyKey] = key
        if let name = HTTPField.Name("Waybill-Min-Version") { headers[name] = minimum }
        let request = WebRequest(
            method: operation.method, path: "/api/v1\(route)", parameters: id.map { ["id": $0] } ?? [:], headers: headers, body: Array((body ?? "").utf8),
            id: Identifier(high: 1, low: 2))
        let response: WebResponse
        do { response = try await operation.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        guard case .bytes(let bytes) = response.body else { throw JSONMismatch(key: "", expected: "bytes") }
        return Answer(status: response.status.code, json: bytes.isEmpty ? nil : try JSONParser.parse(bytes).object, headers: response.headers)
    }

    func get(_ id: String, minimum: Int64? = nil, tag: String? = nil, process: Int = 0) async throws -> Answer {
        try await send("GET", "/orders/{id}", id: id, minimum: minimum.map { "\($0)" }, tag: tag, process: process)
    }

    /// Places an order and returns its id.
    func place(process: Int = 0) async throws -> String {
        let answer = try await send("POST", "/orders", #"{"currency":"GBP","items":[{"sku":"TEA","quantity":2}]}"#, process: process)
        #expect(answer.status == 202)
        return try #require(answer.json?["id"]?.string)
    }

    /// Says to a process what another service said of an order.
    func tell(_ event: some Event, of id: String, from source: String, process: Int = 0) async throws {
        let key = try #require(Identifier(id))
        try await fixture.deliverTwice([fixture.event(event, from: source, key: key)], to: try #require(processes[process].handler))
    }

    func reserve(_ id: String, process: Int = 0) async throws {
        try await tell(InventoryReserved(reservations: [], total: total, paymentMethod: "test_approve"), of: id, from: "inventory", process: process)
    }

    func pay(_ id: String, process: Int = 0) async throws {
        try await tell(
            PaymentProcessed(paymentID: Identifier(high: 0, low: 9), amount: total, paymentMethod: "card"), of: id, from: "payments", process: process)
    }

    func set(_ status: String, _ id: String, process: Int = 0) async throws -> Answer {
        try await send("PUT", "/orders/{id}/status", #"{"status":"\#(status)"}"#, id: id, process: process)
    }
}

/// A database that counts its reads.
final class CountingDatabase: Database {
    private let database: any Database
    private let count = Atomic(0)

    init(_ database: any Database) { self.database = database }

    /// Reads so far.
    var reads: Int { count.load(ordering: .relaxed) }
    var name: String { database.name }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T { try await database.write(body) }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        count.add(1, ordering: .relaxed)
        return try await database.read(body)
    }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await database.migrate(migrations, owner: owner) }
    func close() async { await database.close() }
}

/// A cache that loses invalidations, is away, and is late with what it is given, now and then or always.
final class FaultyCache: VersionedCache {
    struct Faults: Sendable {
        /// Of a hundred.
        var lostInvalidations = 0
        var away = 0
        var latePuts = 0
    }

    private let cache: any VersionedCache
    private let state: Mutex<(faults: Faults, late: [(String, CacheEntry, CacheTicket)])>

    init(_ cache: any VersionedCache, _ faults: Faults) {
        self.cache = cache
        state = Mutex((faults, []))
    }

    private func happens(_ fault: (Faults) -> Int) -> Bool { Int.random(in: 0..<100) < state.withLock { fault($0.faults) } }

    func get(_ key: String) async -> CacheLookup { happens(\.away) ? .away : await cache.get(key) }
    func put(_ key: String, _ entry: CacheEntry, ticket: CacheTicket) {
        if happens(\.latePuts) { return state.withLock { $0.late.append((key, entry, ticket)) } }
        cache.put(key, entry, ticket: ticket)
        // What is late comes after what is not.
        let late = state.withLock { state in
            defer { if state.late.count > 3 { state.late = [] } }
            return state.late.count > 3 ? state.late : []
        }
        for (key, entry, ticket) in late { cache.put(key, entry, ticket: ticket) }
    }
    func invalidate(_ floors: [CacheFloor]) { cache.invalidate(floors.filter { _ in !happens(\.lostInvalidations) }) }
    var statistics: CacheStatistics { cache.statistics }
    func examine() async -> [EngineFinding] { await cache.examine() }
    func close() async { await cache.close() }
}

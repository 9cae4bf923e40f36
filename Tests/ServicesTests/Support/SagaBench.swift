import Contracts
import HTTPTypes
import Inventory
import Logging
import Orders
import PaymentSimulator
import Payments
import Storage
import Synchronization
import TestDatabases
import Testing
import Web
import Wire

@testable import Messaging

/// Orders, Inventory and Payments on databases in memory, with the simulated provider, a bus between them and a clock that stands still. Nothing runs unless a
/// test says so, and every handler runs twice on everything.
final class SagaBench: Sendable {
    let clock = ManualClock()
    let bus = EventBus(registry: EventCatalog.registry)
    let orders: OrdersService
    let inventory: InventoryService
    let payments: PaymentsService
    let provider: FaultyProvider
    let ledger: any Database
    private let consumers: [String: Consumer]
    private let timers: TimerRunner?

    init(_ configuration: OrdersConfiguration = OrdersConfiguration()) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let (clock, bus) = (self.clock, self.bus)
        let identifiers = IdentifierSource(seed: 7)
        func environment(_ name: String) throws -> ServiceEnvironment {
            ServiceEnvironment(
                database: try TestDatabase.open(name), context: ServiceContext(service: name, clock: clock, identifiers: identifiers),
                outbox: Outbox(sink: bus), logger: logger)
        }
        ledger = try TestDatabase.open("provider")
        let simulated = SimulatedPaymentProvider(ledger: ledger, context: ServiceContext(service: "provider", clock: clock, identifiers: identifiers))
        try await simulated.open()
        provider = FaultyProvider(simulated)
        let (ordersEnvironment, inventoryEnvironment, paymentsEnvironment) = (
            try environment("orders"), try environment("inventory"), try environment("payments")
        )
        let inventory = InventoryService(inventoryEnvironment)
        self.inventory = inventory
        let reach = Reach()
        self.reach = reach
        orders = OrdersService(
            ordersEnvironment,
            availability: { questions in
                guard reach.isOpen.withLock({ $0 }) else { throw LostReply() }
                return try await inventory.availability(questions)
            }, configuration: configuration)
        payments = PaymentsService(paymentsEnvironment, provider: provider, timeout: .seconds(10))
        var consumers: [String: Consumer] = [:]
        for (module, environment) in [(orders as any ServiceModule, ordersEnvironment), (inventory, inventoryEnvironment), (payments, paymentsEnvironment)] {
            try await environment.database.migrate(module.migrations, owner: module.name)
            bus.addProducer(module.name, database: environment.database)
            if let handler = module.handler {
                consumers[module.name] = Consumer(
                    handler: Twice(handler), database: environment.database, bus: bus, context: environment.context, logger: logger)
            }
        }
        self.consumers = consumers
        timers = orders.runners.lazy.compactMap { $0 as? TimerRunner }.first
        for consumer in consumers.values { try await consumer.prepare() }
    }

    private let reach: Reach
    private final class Reach: Sendable { let isOpen = Mutex(true) }
    func reachInventory(_ isOpen: Bool) { reach.isOpen.withLock { $0 = isOpen } }

    /// Lets one service react to what it has heard.
    func listen(_ service: String) async {
        while let work = consumers[service]?.feed.take(limit: 100) { _ = await consumers[service]?.step(work) }
    }

    func dueJobs() async throws -> [Job] {
        let now = clock.now()
        return try await payments.database.read { try JobQueue.due(at: now, limit: 100, in: $0) }
    }

    /// Every event that was said, by all services.
    func allEvents() async throws -> [Envelope] {
        var events: [Envelope] = []
        for module in [orders as any ServiceModule, inventory, payments] {
            events += try await module.database.read { try Outbox.read(after: 0, limit: 10_000, types: nil, registry: EventCatalog.registry, in: $0).events }
        }
        return events
    }

    /// Has the due jobs of Payments done, each twice, as after an answer that was lost. Waits for those that are due later by setting the clock.
    @discardableResult
    func work() async throws -> Int {
        let jobs = try await dueJobs()
        for job in jobs { for _ in 0..<2 { await payments.jobRunner.execute(job) } }
        return jobs.count
    }

    /// Runs everything until nothing is left to do.
    func settle() async throws {
        for _ in 0..<200 {
            for service in ["orders", "inventory", "payments"] { await listen(service) }
            if try await work() > 0 { continue }
            if consumers.values.contains(where: { !$0.feed.isIdle }) { continue }
            guard try await payments.database.read({ try JobQueue.count(in: $0) }) > 0 else { return }
            clock.advance(by: .seconds(1))
        }
        Issue.record("the saga does not come to rest")
    }

    func fireTimers() async throws { for _ in 0..<2 { _ = try await timers?.step() } }

    // MARK: What people do

    struct Answer: Sendable {
        let status: Int
        let json: JSONObject
        let headers: HTTPFields
        func text(_ key: String) -> String? { json[key]?.string }
        var pointers: [String] { json["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? [] }
        var problem: String? { text("type")?.split(separator: "/").last.map(String.init) }
    }

    func send(
        _ module: any ServiceModule, _ method: String, _ route: String, _ body: String? = nil, id: String? = nil, query: [(name: String, value: String)] = [],
        key: String? = nil, deadline: ContinuousClock.Instant? = nil, as principal: Principal = .open, isOwnOnly: Bool = false
    ) async throws -> Answer {
        guard let operation = module.routes.first(where: { $0.method.rawValue == method && $0.path == route }) else {
            throw JSONMismatch(key: route, expected: "a route")
        }
        var headers: HTTPFields = body == nil ? [:] : [.contentType: "application/json"]
        headers[.idempotencyKey] = key
        let request = WebRequest(
            method: operation.method, path: "/api/v1" + (id.map { route.split(separator: "{")[0] + $0 } ?? route), parameters: id.map { ["id": $0] } ?? [:],
            query: query,
            headers: headers, body: Array((body ?? "").utf8), id: Identifier(high: 1, low: 2), deadline: deadline,
            principal: principal, isOwnOnly: isOwnOnly)
        let response: WebResponse
        do { response = try await operation.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        return Answer(status: response.status.code, json: try response.json, headers: response.headers)
    }

    /// Puts a product into the catalogue and returns its id.
    func stock(_ sku: String, _ units: Int, price: String = "2.50") async throws -> String {
        let answer = try await send(
            inventory, "POST", "/inventory/products", #"{"sku":"\#(sku)","name":"\#(sku)","price":"\#(price)","currency":"GBP","availableQuantity":\#(units)}"#)
        #expect(answer.status == 201)
        return try #require(answer.text("id"))
    }

    func place(_ sku: String, _ quantity: Int, method: String = "test_approve", price: String? = nil, key: String? = nil) async throws -> Answer {
        let price = price.map { #","price":"\#($0)""# } ?? ""
        return try await send(
            orders, "POST", "/orders", #"{"currency":"GBP","paymentMethod":"\#(method)","items":[{"sku":"\#(sku)","quantity":\#(quantity)\#(price)}]}"#,
            key: key)
    }

    /// Places an order that is accepted and returns its id.
    func accepted(_ sku: String, _ quantity: Int, method: String = "test_approve", price: String? = nil) async throws -> String {
        let answer = try await place(sku, quantity, method: method, price: price)
        #expect(answer.status == 202)
        return try #require(answer.text("id"))
    }

    func cancel(_ id: String) async throws -> Answer { try await send(orders, "POST", "/orders/{id}/cancel", id: id) }
    func set(_ status: String, _ id: String) async throws -> Answer {
        try await send(orders, "PUT", "/orders/{id}/status", #"{"status":"\#(status)"}"#, id: id)
    }
    func status(_ id: String) async throws -> String? { try await send(orders, "GET", "/orders/{id}", id: id).text("status") }
    func history(_ id: String) async throws -> [String] {
        let answer = try await send(orders, "GET", "/orders/{id}", id: id)
        let history = answer.json["history"]?.array ?? []
        #expect(history.compactMap { $0["version"]?.integer } == Array(1...Int64(max(1, history.count))), "every change raises the version by one")
        #expect(answer.json["version"]?.integer == Int64(history.count))
        return history.compactMap { $0["status"]?.string }
    }
    func payment(_ id: String) async throws -> JSONValue? {
        try await send(payments, "GET", "/payments", query: [("orderId", id)]).json["items"]?[0]
    }

    /// Units available, reserved and sold of a product.
    func units(_ id: String) async throws -> [Int64?] {
        let json = try await send(inventory, "GET", "/inventory/products/{id}", id: id).json
        return ["availableQuantity", "reservedQuantity", "soldQuantity"].map { json[$0]?.integer }
    }

    /// What stands in the provider's own books, in order.
    func books() async throws -> [String] {
        try await ledger.read { try $0.query(SagaBench.entries) { "\($0.text(0)) \($0.integer(1))" } }
    }
    private static let entries = SQL("SELECT entry, amount FROM ledger ORDER BY number")

    /// The types of all events that a service has said, in order.
    func said(_ module: any ServiceModule) async throws -> [String] { try await module.database.read { try $0.query(SagaBench.types) { $0.text(0) } } }
    private static let types = SQL("SELECT type FROM outbox ORDER BY sequence")

    func parked(_ module: any ServiceModule) async throws -> Int64 {
        try await module.database.read { try $0.first(SagaBench.parkedCount) { $0.integer(0) } ?? 0 }
    }
    private static let parkedCount = SQL("SELECT count(*) FROM parked")
}

/// Runs a handler twice on everything, as a delivery whose acknowledgement was lost does: the second time must change nothing.
struct Twice: EventHandler {
    let handler: any EventHandler
    init(_ handler: any EventHandler) { self.handler = handler }
    var subscriptions: Set<String>? { handler.subscriptions }
    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        for _ in 0..<2 { try handler.react(to: events, in: transaction, context: context) }
    }
}

/// A provider whose replies can be lost: the call is made, and the caller does not hear of it.
final class FaultyProvider: PaymentProvider {
    enum Call: Hashable, Sendable { case createIntent, charge, cancel, refund }
    private let provider: any PaymentProvider
    private let lost = Mutex<[Call: Int]>([:])
    private let counts = Mutex<[Call: Int]>([:])
    private let purposes = Mutex<[Call: [String]]>([:])

    init(_ provider: any PaymentProvider) { self.provider = provider }

    /// Loses the next replies to this call.
    func loses(_ call: Call, times: Int) { lost.withLock { $0[call] = times } }
    func calls(_ call: Call) -> Int { counts.withLock { $0[call, default: 0] } }

    /// The key and the amount of each call, in order.
    func asked(_ call: Call) -> [String] { purposes.withLock { $0[call, default: []] } }

    private func reply<T>(_ call: Call, _ purpose: String, _ body: () async throws -> T) async throws -> T {
        counts.withLock { $0[call, default: 0] += 1 }
        purposes.withLock { $0[call, default: []].append(purpose) }
        let result = try await body()
        let isLost = lost.withLock { lost in
            guard let left = lost[call], left > 0 else { return false }
            lost[call] = left - 1
            return true
        }
        if isLost { throw LostReply() }
        return result
    }

    func createIntent(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent {
        try await reply(.createIntent, "\(key) \(amount.minorUnits)") {
            try await provider.createIntent(key: key, orderID: orderID, amount: amount, method: method, timeout: timeout)
        }
    }
    func charge(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent {
        try await reply(.charge, "\(key) \(amount.minorUnits)") {
            try await provider.charge(key: key, orderID: orderID, amount: amount, method: method, timeout: timeout)
        }
    }
    func cancel(_ intentID: Identifier, timeout: Duration) async throws -> PaymentIntent {
        try await reply(.cancel, "\(intentID)") { try await provider.cancel(intentID, timeout: timeout) }
    }
    func refund(_ intentID: Identifier, key: Identifier, amount: Money, timeout: Duration) async throws -> PaymentIntent {
        try await reply(.refund, "\(key) \(amount.minorUnits)") { try await provider.refund(intentID, key: key, amount: amount, timeout: timeout) }
    }
}

/// Nothing came back: the outcome is unknown.
struct LostReply: Error {}

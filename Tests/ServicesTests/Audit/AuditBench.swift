import Analytics
import Contracts
import HTTPTypes
import Inventory
import Logging
import Notifications
import Operations
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

/// All services and the simulated provider on databases in memory, with an auditor over them and a clock that stands still. Nothing runs unless a test says so.
final class AuditBench: Sendable {
    let clock = ManualClock()
    let bus = EventBus(registry: EventCatalog.registry)
    let orders: OrdersService
    let inventory: InventoryService
    let payments: PaymentsService
    let notifications: NotificationsService
    let analytics: AnalyticsService
    let operations: OperationsService
    let ledger: any Database
    let desk: AuditDesk
    let context: ServiceContext
    private let consumers: [(name: String, consumer: Consumer)]
    private let isInventoryReachable = Switch()

    private final class Switch: Sendable { let isOn = Mutex(true) }

    var modules: [any ServiceModule] { [orders, inventory, payments, notifications, analytics, operations] }

    init() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let (clock, bus) = (self.clock, self.bus)
        let identifiers = IdentifierSource(seed: 11)
        func environment(_ name: String) throws -> ServiceEnvironment {
            ServiceEnvironment(
                database: try TestDatabase.open(name), context: ServiceContext(service: name, clock: clock, identifiers: identifiers),
                outbox: Outbox(sink: bus),
                logger: logger)
        }
        ledger = try TestDatabase.open("payment-provider")
        let provider = SimulatedPaymentProvider(ledger: ledger, context: ServiceContext(service: "provider", clock: clock, identifiers: identifiers))
        try await provider.open()
        let environments = try ["orders", "inventory", "payments", "notifications", "analytics", "operations"].map { try environment($0) }
        context = environments[5].context
        let inventory = InventoryService(environments[1])
        let reachable = isInventoryReachable
        orders = OrdersService(environments[0]) { questions in
            guard reachable.isOn.withLock({ $0 }) else { throw Unreachable() }
            return try await inventory.availability(questions)
        }
        self.inventory = inventory
        payments = PaymentsService(environments[2], provider: provider, timeout: .seconds(10))
        notifications = NotificationsService(environments[3])
        let operations = OperationsService(environments[5])
        self.operations = operations
        analytics = AnalyticsService(environments[4], history: Archive(operations: operations))
        let modules: [any ServiceModule] = [orders, inventory, payments, notifications, analytics, operations]
        for module in modules {
            try await module.database.migrate(module.migrations, owner: module.name)
            bus.addProducer(module.name, database: module.database)
        }
        var consumers: [(String, Consumer)] = []
        var redeliveries: [Choreography.Participant: Redelivery] = [:]
        for (module, environment) in zip(modules, environments) {
            guard let handler = module.handler, let participant = Choreography.Participant(rawValue: module.name) else { continue }
            consumers.append(
                (module.name, Consumer(handler: handler, database: module.database, bus: bus, context: environment.context, logger: logger)))
            redeliveries[participant] = Redelivery(handler: handler, database: module.database, context: environment.context)
        }
        self.consumers = consumers
        for (_, consumer) in consumers { try await consumer.prepare() }

        var witnesses = AuditWitnesses(orders: orders.witness)
        (witnesses.inventory, witnesses.payments, witnesses.provider) = (inventory.witness, payments.witness, provider)
        (witnesses.notifications, witnesses.analytics, witnesses.archive) = (notifications.witness, analytics.witness, operations.database)
        let traffic = modules.map { module in
            let says = Choreography.steps.filter { $0.producer.rawValue == module.name }.map { $0.event.type }
            return Traffic.Service(
                name: module.name, database: module.database, hears: module.handler.map(\.subscriptions) ?? [], says: Set(says))
        }
        desk = AuditDesk(
            environments[5], witnesses: witnesses, traffic: TrafficReader(traffic),
            repairers: [
                orders.repairer, inventory.repairer, payments.repairer, analytics.repairer(events: { try await operations.events(of: $0) }),
            ], redeliveries: redeliveries)
    }

    private struct Archive: EventHistory {
        let operations: OperationsService
        func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] {
            try await operations.history(after: sequence, limit: limit).map { ($0.sequence, $0.envelope) }
        }
    }
    private struct Unreachable: Error {}

    // MARK: Running

    /// Lets some services react to what they have heard, or all.
    func listen(_ names: String...) async {
        for (name, consumer) in consumers where names.isEmpty || names.contains(name) {
            while let work = consumer.feed.take(limit: 1000) { _ = await consumer.step(work) }
        }
    }

    /// Has the due jobs done.
    func work() async throws -> Int {
        let now = clock.now()
        let charges = try await payments.database.read { try JobQueue.due(at: now, limit: 1000, in: $0) }
        for job in charges { await payments.jobRunner.execute(job) }
        let messages = try await notifications.database.read { try JobQueue.due(at: now, limit: 1000, in: $0) }
        for job in messages { await notifications.jobs.execute(job) }
        return charges.count + messages.count
    }

    /// Runs everything until nothing is left to do.
    func settle() async throws {
        for _ in 0..<200 {
            await listen()
            if try await work() > 0 || consumers.contains(where: { !$0.consumer.feed.isIdle }) { continue }
            let waiting = try await payments.database.read { try JobQueue.count(in: $0) }
            guard waiting > 0 else { return }
            clock.advance(by: .seconds(1))
        }
        Issue.record("the saga does not come to rest")
    }

    func reachInventory(_ isReachable: Bool) { isInventoryReachable.isOn.withLock { $0 = isReachable } }

    // MARK: What people do

    func send(
        _ routes: [Route], _ method: String, _ path: String, _ body: String? = nil, id: String? = nil, query: [(name: String, value: String)] = [],
        actor: String? = nil
    ) async throws -> (status: Int, json: JSONObject) {
        let route = try #require(routes.first { $0.method.rawValue == method && $0.path == path })
        var headers: HTTPFields = body == nil ? [:] : [.contentType: "application/json"]
        if let actor, let name = HTTPField.Name("X-Waybill-Actor") { headers[name] = actor }
        let request = WebRequest(
            method: route.method, path: path, parameters: id.map { ["id": $0] } ?? [:], query: query, headers: headers, body: Array((body ?? "").utf8),
            id: context.newID())
        let response: WebResponse
        do { response = try await route.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        return (response.status.code, try response.json)
    }

    func product(_ sku: String, _ units: Int, price: String = "2.50") async throws -> ProductID {
        let body = #"{"sku":"\#(sku)","name":"\#(sku)","price":"\#(price)","currency":"GBP","availableQuantity":\#(units)}"#
        let answer = try await send(inventory.routes, "POST", "/inventory/products", body)
        return try #require(answer.json["id"]?.string.flatMap { ProductID($0) })
    }

    func place(_ sku: String, _ quantity: Int = 1, method: String = "test_approve", price: String? = nil) async throws -> OrderID {
        let price = price.map { #","price":"\#($0)""# } ?? ""
        let body = #"{"currency":"GBP","paymentMethod":"\#(method)","items":[{"sku":"\#(sku)","quantity":\#(quantity)\#(price)}]}"#
        let answer = try await send(orders.routes, "POST", "/orders", body)
        return try #require(answer.json["id"]?.string.flatMap { OrderID($0) })
    }

    func set(_ status: String, _ id: OrderID) async throws {
        let answer = try await send(orders.routes, "PUT", "/orders/{id}/status", #"{"status":"\#(status)"}"#, id: id.description)
        #expect(answer.status < 300)
    }

    func status(_ id: OrderID) async throws -> String? {
        try await send(orders.routes, "GET", "/orders/{id}/status", id: id.description).json["status"]?.string
    }

    // MARK: What somebody does by hand

    /// Runs a statement on a database behind everybody's back.
    @discardableResult
    func corrupt(_ database: any Database, _ text: String, _ parameters: SQLValue...) async throws -> Int {
        try await database.write { try $0.executeCounting(SQL(text), parameters) }
    }

    /// Leaves three units less than none of a product, with records that agree. The schema refuses that; somebody who switches its checks off can do it.
    func sellShort(_ product: ProductID) async throws {
        let stock = inventory.database
        let constraint = "CONSTRAINT products_available_check"
        let checks =
            TestDatabase.isPostgres
            ? (off: "ALTER TABLE products DROP \(constraint)", on: "ALTER TABLE products ADD \(constraint) CHECK (available >= 0) NOT VALID")
            : (off: "PRAGMA ignore_check_constraints = ON", on: "PRAGMA ignore_check_constraints = OFF")
        try await corrupt(stock, checks.off)
        try await corrupt(
            stock, "UPDATE stock_adjustments SET delta = delta - (SELECT available + 3 FROM products WHERE id = $1) WHERE product_id = $1", .id(product))
        try await corrupt(stock, "UPDATE products SET available = -3 WHERE id = $1", .id(product))
        try await corrupt(stock, checks.on)
    }

    func number(_ database: any Database, _ text: String, _ parameters: SQLValue...) async throws -> Int64 {
        try await database.read { try $0.first(SQL(text), parameters) { $0.integer(0) } ?? 0 }
    }

    // MARK: The auditor

    func audit(_ scope: AuditScope = AuditScope()) async throws -> AuditReport { try await desk.auditor.audit(scope) }

    /// The rules that an audit finds broken.
    func broken() async throws -> Set<String> { Set(try await audit().findings.map(\.rule)) }
}

/// Orders of every end, all at rest.
struct AuditMix {
    let product: ProductID
    let paid: OrderID
    let shipped: OrderID
    let delivered: OrderID
    let refunded: OrderID
    let failed: OrderID
    /// RESERVED: waits for an operator to record a payment.
    let offline: OrderID
    let paidOffline: OrderID
    let free: OrderID

    init(_ bench: AuditBench) async throws {
        product = try await bench.product("TEA", 100)
        _ = try await bench.product("GIFT", 10, price: "0.00")
        _ = try await bench.product("RARE", 1)
        paid = try await bench.place("TEA", 2)
        shipped = try await bench.place("TEA", 3)
        delivered = try await bench.place("TEA", 1, method: "test_timeout")
        refunded = try await bench.place("TEA", 4)
        failed = try await bench.place("TEA", 5, method: "test_decline")
        offline = try await bench.place("TEA", 6, method: "offline")
        paidOffline = try await bench.place("TEA", 1, method: "offline")
        free = try await bench.place("GIFT", 1)
        bench.reachInventory(false)
        for _ in 0..<2 { _ = try await bench.place("RARE", 1, price: "9.00") }
        bench.reachInventory(true)
        // Cancelled before anybody has heard of it: tombstones.
        try await bench.set("CANCELLED", try await bench.place("TEA", 1))
        // Cancelled while it is charged.
        let charging = try await bench.place("TEA", 1)
        await bench.listen("orders", "inventory", "payments")
        await bench.listen("orders", "payments")
        try await bench.set("CANCELLED", charging)
        try await bench.settle()
        for order in [shipped, delivered] { try await bench.set("SHIPPED", order) }
        try await bench.set("DELIVERED", delivered)
        try await bench.set("CANCELLED", refunded)
        try await bench.set("PAID", paidOffline)
        try await bench.settle()
    }
}

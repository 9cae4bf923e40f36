import Contracts
import Messaging
import Platform
import Storage
import StorageSQLite
import Synchronization
import Wire

/// What must hold when a run is at rest, read from the databases and the provider's books: an oracle of its own, that shares no code with the services.
final class SimulationAudit {
    private let world: World
    private(set) var events = 0
    private(set) var statuses: [String: Int] = [:]

    init(world: World) { self.world = world }

    private struct Row {
        let id: Identifier
        let status: OrderStatus
        let version: Int64
        let total: Int64
        let isOffline: Bool
    }

    private struct Told {
        let id: Identifier
        let type: String
        let source: String
        let event: Envelope
    }

    private func read<T>(_ database: String, _ sql: String, _ parameters: [SQLValue] = [], _ row: (any Storage.Row) throws -> T) throws -> [T] {
        guard let medium = world.media[database] else { return [] }
        return try medium.read { try $0.query(SimulationAudit.statement(sql), parameters, row) }
    }

    /// Statements by text: an ``SQL`` is made once per process, not per run.
    private static func statement(_ text: String) -> SQL { cache.statement(text) }
    private static let cache = StatementCache()

    func run() throws {
        let orders = try read("orders", "SELECT id, status, version, total, flags FROM orders ORDER BY id") { row in
            Row(
                id: row.id(0), status: OrderStatus(code: row.integer(1)) ?? .created, version: row.integer(2), total: row.integer(3),
                isOffline: row.integer(4) & 4 != 0)
        }
        for order in orders { statuses[order.status.rawValue, default: 0] += 1 }
        let told = try read("operations", "SELECT body FROM events ORDER BY sequence") { row in
            let event = try Envelope(body: row.bytes(0), registry: world.registry)
            return Told(id: event.id, type: event.type, source: event.source, event: event)
        }
        events = told.count
        try accepted(orders)
        try stock()
        for order in orders { try check(order, told.filter { $0.event.key == order.id }) }
        try deliveries(told)
        try rest()
        try figures()
    }

    /// S10: what a client was told exists.
    private func accepted(_ orders: [Row]) throws {
        let known = Set(orders.map(\.id))
        for customer in world.customers {
            if let id = customer.orderID.flatMap({ Identifier($0) }), !known.contains(id) { world.fail("S10", "\(customer.name) was accepted and is gone") }
        }
        // S11: one order per key.
        let claimed = world.customers.compactMap(\.orderID)
        if Set(claimed).count != claimed.count { world.fail("S11", "two keys name one order") }
        let perCustomer = try read("orders", "SELECT customer_id, count(*) FROM orders GROUP BY customer_id ORDER BY customer_id") {
            ($0.text(0), $0.integer(1))
        }
        for (customer, count) in perCustomer where count > 1 { world.fail("S11", "\(customer) placed one order and has \(count)") }
    }

    /// S1, S2: nothing appears, nothing vanishes.
    private func stock() throws {
        let products = try read("inventory", "SELECT id, sku, available, reserved, sold FROM products ORDER BY sku") {
            ($0.id(0), $0.text(1), $0.integer(2), $0.integer(3), $0.integer(4))
        }
        for (id, sku, available, reserved, sold) in products {
            let received = try read("inventory", "SELECT coalesce(sum(delta), 0) FROM stock_adjustments WHERE product_id = $1", [.id(id)]) { $0.integer(0) }
            let held = try lines(of: id, state: 1)
            let gone = try lines(of: id, state: 5)
            if available < 0 { world.fail("S2", "\(sku): \(available) available") }
            if reserved != held { world.fail("S1", "\(sku): \(reserved) reserved, but orders hold \(held)") }
            if sold != gone { world.fail("S1", "\(sku): \(sold) sold, but orders got \(gone)") }
            if available + reserved + sold != received.first { world.fail("S1", "\(sku): \(available) + \(reserved) + \(sold) is not \(received.first ?? 0)") }
        }
    }

    private func lines(of product: Identifier, state: Int64) throws -> Int64 {
        try read(
            "inventory",
            """
            SELECT coalesce(sum(quantity), 0) FROM reservation_lines WHERE product_id = $1
            AND order_id IN (SELECT order_id FROM reservations WHERE state = $2)
            """, [.id(product), .integer(state)]
        ) { $0.integer(0) }.first ?? 0
    }

    private static let edges: Set<String> = [
        "CREATED RESERVED", "CREATED CANCELLED", "CREATED CANCELLING", "RESERVED PAID", "RESERVED FAILED", "RESERVED CANCELLING", "PAID SHIPPED",
        "PAID CANCELLING", "SHIPPED DELIVERED", "CANCELLING CANCELLED",
    ]

    /// S3 to S7, S14 of one order.
    private func check(_ order: Row, _ told: [Told]) throws {
        let name = world.name(of: order.id)
        let reservation = try read("inventory", "SELECT state FROM reservations WHERE order_id = $1", [.id(order.id)]) { $0.integer(0) }.first ?? 0
        let entries = try read("payment-provider", "SELECT entry, amount FROM ledger WHERE order_id = $1 ORDER BY number", [.id(order.id)]) {
            ($0.text(0), $0.integer(1))
        }
        let captures = entries.filter { $0.0 == "capture" }
        let captured = captures.reduce(0) { $0 + $1.1 }
        let refunded = entries.filter { $0.0 == "refund" }.reduce(0) { $0 + $1.1 }
        if captures.count > 1 { world.fail("S3", "\(name) was captured \(captures.count) times") }
        if refunded > captured { world.fail("S3", "\(name): \(refunded) given back of \(captured)") }
        switch order.status {
        case .paid, .shipped, .delivered:
            if !order.isOffline, order.total > 0, captured - refunded != order.total {
                world.fail("S4", "\(name) is \(order.status.rawValue), but \(captured - refunded) of \(order.total) are paid")
            }
            if reservation != (order.status == .paid ? 1 : 5) { world.fail("S4", "\(name) is \(order.status.rawValue), its stock is in state \(reservation)") }
        case .cancelled, .failed:
            if captured != refunded { world.fail("S5", "\(name) is \(order.status.rawValue), but \(captured - refunded) are kept") }
            if reservation == 1 || reservation == 5 { world.fail("S5", "\(name) is \(order.status.rawValue), but holds stock") }
        case .created, .reserved, .cancelling: world.fail("L1", "\(name) rests as \(order.status.rawValue)")
        }
        try checkHistory(order, name, told)
        let notifications = try read("notifications", "SELECT kind, status FROM notifications WHERE order_id = $1", [.id(order.id)]) {
            ($0.integer(0), $0.integer(1))
        }
        if notifications.contains(where: { $0.0 == 1 }) != told.contains(where: { $0.type == "OrderConfirmed" }) {
            world.fail("S14", "\(name): confirmed \(told.contains { $0.type == "OrderConfirmed" }), told so \(notifications.contains { $0.0 == 1 })")
        }
    }

    private func checkHistory(_ order: Row, _ name: String, _ told: [Told]) throws {
        let history = try read("orders", "SELECT version, status FROM order_history WHERE order_id = $1 ORDER BY version", [.id(order.id)]) {
            ($0.integer(0), OrderStatus(code: $0.integer(1))?.rawValue ?? "?")
        }
        if history.map(\.0) != Array(1...max(1, order.version)) { world.fail("S6", "\(name) has the versions \(history.map(\.0))") }
        for (before, after) in zip(history, history.dropFirst()) where !SimulationAudit.edges.contains("\(before.1) \(after.1)") {
            world.fail("S6", "\(name) went from \(before.1) to \(after.1)")
        }
        if history.last?.1 != order.status.rawValue {
            world.fail("S6", "\(name) is \(order.status.rawValue), its history ends with \(history.last?.1 ?? "nothing")")
        }
        let announced = told.filter { $0.source == "orders" && $0.event.version != nil }.map { (id: $0.id, version: $0.event.version ?? 0) }
        // What Operations could not archive at first stands where it was redriven.
        let late = Set(try read("operations", "SELECT event_id FROM dead_letters WHERE key = $1", [.id(order.id)]) { $0.id(0) })
        let timely = announced.filter { !late.contains($0.id) }.map(\.version)
        if announced.map(\.version).sorted() != history.map(\.0) || timely != timely.sorted() {
            world.fail("S7", "\(name) has the versions \(history.map(\.0)), its events tell of \(announced.map(\.version))")
        }
        // An effect that was applied twice tells its news twice.
        var seen: Set<String> = []
        for event in told {
            guard let cause = event.event.causationID, event.source != "orders" else { continue }
            if !seen.insert("\(event.source) \(event.type) \(cause)").inserted {
                world.fail("S8", "\(name): \(event.source) said \(event.type) twice because of one event")
            }
        }
    }

    /// S8, L2: every event is in the archive and has been applied by everybody who listens.
    private func deliveries(_ told: [Told]) throws {
        let archived = Set(told.map(\.id))
        for source in ServiceAssembly.databases {
            let left = try read(source, "SELECT sequence, body FROM outbox ORDER BY sequence") { ($0.integer(0), $0.bytes(1)) }
            for (sequence, body) in left {
                let event = try Envelope(body: body, registry: world.registry)
                if !archived.contains(event.id) {
                    world.fail("S8", "\(event.type) (\(source) \(sequence)) of \(world.name(of: event.key)) is not in the archive")
                }
            }
            let last = try read(source, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'") { $0.integer(0) }.first ?? 0
            let count = told.filter { $0.source == source }.count
            if world.plan.mutant != .dualWrite, Int64(count) != last { world.fail("S8", "\(source) wrote \(last) events, the archive has \(count)") }
        }
        for participant in [Choreography.Participant.orders, .inventory, .payments, .notifications] {
            let wanted = Choreography.subscriptions(of: participant) ?? []
            let applied = Set(try read(participant.rawValue, "SELECT event_id FROM simulated_effects") { $0.id(0) })
            for event in told where wanted.contains(event.type) && !applied.contains(event.id) {
                world.fail("S8", "\(participant.rawValue) never applied \(event.type) of \(world.name(of: event.event.key))")
            }
        }
    }

    /// L2: nothing waits, for time or for an operator.
    private func rest() throws {
        for name in ServiceAssembly.databases {
            for letter in try read(
                name, "SELECT type, key, attempts, error FROM dead_letters WHERE state = 0 ORDER BY died_at", [],
                { ($0.text(0), $0.id(1), $0.integer(2), $0.text(3)) })
            {
                world.fail("L2", "\(name) has a dead letter after \(letter.2) attempts: \(letter.0) of \(world.name(of: letter.1)): \(letter.3)")
            }
            for table in ["parked", "jobs"] {
                let count = try read(name, "SELECT count(*) FROM \(table)") { $0.integer(0) }.first ?? 0
                if count > 0 { world.fail("L2", "\(count) rows rest in \(table) of \(name)") }
            }
        }
        let timers = try read("orders", "SELECT count(*) FROM timers") { $0.integer(0) }.first ?? 0
        if timers > 0 { world.fail("L2", "\(timers) timers rest") }
    }

    /// S13: Analytics' figures are those of the provider's books and of what was paid elsewhere.
    private func figures() throws {
        let sums = try read("analytics", "SELECT coalesce(sum(captured), 0), coalesce(sum(refunded), 0) FROM sales WHERE dimension = 2") {
            ($0.integer(0), $0.integer(1))
        }
        let books = try read(
            "payment-provider",
            "SELECT coalesce(sum(CASE entry WHEN 'capture' THEN amount END), 0), coalesce(sum(CASE entry WHEN 'refund' THEN amount END), 0) FROM ledger"
        ) { ($0.integer(0), $0.integer(1)) }
        let elsewhere = try read(
            "payments",
            "SELECT coalesce(sum(amount), 0), coalesce(sum(CASE state WHEN 7 THEN amount END), 0) FROM payments WHERE method = 'offline' AND state IN (7, 9)"
        ) { ($0.integer(0), $0.integer(1)) }
        guard let sum = sums.first, let book = books.first, let other = elsewhere.first else { return }
        if sum.0 - sum.1 != book.0 - book.1 + other.0 - other.1 {
            world.fail(
                "S13", "Analytics counts \(sum.0) taken and \(sum.1) given back; the books say \(book.0) and \(book.1), elsewhere \(other.0) and \(other.1)")
        }
        let statusCounts = try read("analytics", "SELECT status, count FROM status_counts WHERE count != 0") {
            (OrderStatus(code: $0.integer(0))?.rawValue ?? "?", Int($0.integer(1)))
        }
        let counted = Dictionary(statusCounts, uniquingKeysWith: +)
        if counted != statuses { world.fail("S13", "Analytics counts \(counted.sorted { $0.key < $1.key }), there are \(statuses.sorted { $0.key < $1.key })") }
    }
}

/// Statements by their text.
private final class StatementCache: Sendable {
    private let statements = Mutex<[String: SQL]>([:])
    func statement(_ text: String) -> SQL {
        statements.withLock { statements in
            if let known = statements[text] { return known }
            let made = SQL(text)
            statements[text] = made
            return made
        }
    }
}

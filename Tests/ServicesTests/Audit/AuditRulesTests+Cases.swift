import Contracts
import Storage
import TestDatabases
import Wire

extension AuditRulesTests {
    static let cases: [Case] = stockCases + moneyCases + statusCases + eventCases + numberCases + trafficCases

    private static let stockCases = [
        Case("S1-available") { try await $0.corrupt($0.inventory.database, "UPDATE products SET available = available + 1 WHERE id = $1", .id($1.product)) },
        Case("S1-reserved") { try await $0.corrupt($0.inventory.database, "UPDATE products SET reserved = reserved - 1 WHERE id = $1", .id($1.product)) },
        Case("S1-sold") { try await $0.corrupt($0.inventory.database, "UPDATE products SET sold = sold + 1 WHERE id = $1", .id($1.product)) },
        Case("S2-not-below-zero") {
            try await $0.sellShort($1.product)
        },
        Case("S4-stock-held", and: ["S1-reserved", "S1-available"]) {
            try await $0.corrupt($0.inventory.database, "UPDATE reservation_lines SET quantity = quantity + 1 WHERE order_id = $1", .id($1.paid))
        },
        Case("S5-no-stock-held", and: ["S1-reserved", "S1-available", "S7-reservation-told"]) {
            try await $0.corrupt($0.inventory.database, "UPDATE reservations SET state = 1 WHERE order_id = $1", .id($1.refunded))
        },
    ]

    private static let moneyCases = [
        Case("S3-captured-once") {
            try await $0.corrupt(
                $0.ledger,
                "INSERT INTO ledger (intent_id, order_id, entry, amount, currency, at) SELECT $2, order_id, entry, amount, currency, at FROM ledger WHERE order_id = $1",
                .id($1.paid), .id($0.context.newID()))
        },
        Case("S3-refunds-bounded") {
            try await $0.corrupt(
                $0.ledger,
                "INSERT INTO ledger (intent_id, order_id, entry, amount, currency, at) SELECT intent_id, order_id, entry, 1, currency, at FROM ledger WHERE order_id = $1 AND entry = 'refund'",
                .id($1.refunded))
        },
        Case("S4-paid-captured") { try await $0.corrupt($0.ledger, "UPDATE ledger SET amount = amount - 1 WHERE order_id = $1", .id($1.paid)) },
        Case("S4-payment-agrees") {
            try await $0.corrupt($0.payments.database, "UPDATE payments SET amount = amount - 1 WHERE order_id = $1", .id($1.paid))
        },
        Case("S5-no-money-kept") { try await $0.corrupt($0.ledger, "DELETE FROM ledger WHERE order_id = $1 AND entry = 'refund'", .id($1.refunded)) },
        Case("S5-payment-undone") { try await $0.corrupt($0.payments.database, "UPDATE payments SET state = 8 WHERE order_id = $1", .id($1.failed)) },
    ]

    private static let statusCases = [
        Case("S6-allowed-edges") {
            try await $0.corrupt($0.orders.database, "UPDATE order_history SET version = 4 WHERE order_id = $1 AND version = 3", .id($1.paid))
        },
        Case("S7-status-told") {
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'OrderReserved'", .id($1.paid))
        },
        Case("S7-status-changed") {
            try await $0.corrupt(
                $0.operations.database,
                "INSERT INTO events (event_id, key, type, source, time, body) SELECT $2, key, 'OrderShipped', source, time, body FROM events WHERE key = $1 AND type = 'OrderConfirmed'",
                .id($1.paid), .id($0.context.newID()))
        },
        Case("S7-reservation-told") {
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'InventoryReserved'", .id($1.paid))
        },
        Case("S7-payment-told") {
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'PaymentProcessed'", .id($1.paid))
        },
        Case("S7-notification-told") {
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'NotificationSent'", .id($1.paid))
        },
        Case("S7-adjustment-told") {
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'StockAdjusted'", .id($1.product))
        },
    ]

    private static let eventCases = [
        Case("S8-known-order") { try await $0.corrupt($0.orders.database, "DELETE FROM orders WHERE id = $1", .id($1.paid)) },
        Case("S8-applied-once") {
            try await $0.corrupt(
                $0.operations.database,
                "INSERT INTO events (event_id, key, type, source, time, body) SELECT $2, key, type, source, time, body FROM events WHERE key = $1 AND type = 'InventoryReserved'",
                .id($1.paid), .id($0.context.newID()))
        },
        Case("S8-events-applied") {
            try await $0.corrupt($0.inventory.database, "UPDATE reservations SET state = 1 WHERE order_id = $1", .id($1.shipped))
            try await $0.corrupt($0.inventory.database, "UPDATE products SET sold = sold - 3, reserved = reserved + 3 WHERE id = $1", .id($1.product))
        },
        Case("S8-work-queued") { try await $0.corrupt($0.payments.database, "UPDATE payments SET state = 1 WHERE order_id = $1", .id($1.offline)) },
        Case("S9-in-order") {
            if TestDatabase.isPostgres { try await $0.corrupt($0.operations.database, "ALTER TABLE events ALTER COLUMN sequence DROP IDENTITY") }
            try await $0.corrupt($0.operations.database, "UPDATE events SET sequence = 1000000 WHERE key = $1 AND type = 'OrderCreated'", .id($1.paid))
        },
        Case("S8-dead-letters") {
            try await $0.corrupt(
                $0.inventory.database,
                "INSERT INTO dead_letters (event_id, key, type, topic, body, attempts, error, parked_at, died_at) VALUES ($1, $2, 'OrderShipped', 'orders.DLQ', $3, 4, 'no', 1, 2)",
                .id($0.context.newID()), .id($1.paid), .bytes([0]))
        },
    ]

    private static let numberCases = [
        Case("S13-lines-add-up") {
            try await $0.corrupt($0.orders.database, "UPDATE order_items SET price = price + 1 WHERE order_id = $1", .id($1.paid))
        },
        Case("S13-fact-agrees") {
            try await $0.corrupt($0.analytics.database, "UPDATE orders SET version = version + 1 WHERE order_id = $1", .id($1.paid))
        },
        Case("S13-sums") { bench, _ in try await bench.corrupt(bench.analytics.database, "UPDATE status_counts SET count = count + 1 WHERE status = 3") },
        Case("S14-only-facts", and: ["S14-everybody-told"]) {
            try await $0.corrupt($0.notifications.database, "UPDATE notifications SET kind = 4 WHERE order_id = $1", .id($1.paid))
        },
        Case("S14-everybody-told") {
            try await $0.corrupt(
                $0.notifications.database, "UPDATE notifications SET kind = 1, channel = 'second' WHERE order_id = $1 AND kind = 4", .id($1.shipped))
        },
    ]

    private static let trafficCases = [
        Case("L1-settled-in-time", and: ["L1-timers-fire"]) { bench, _ in bench.clock.advance(by: .seconds(8 * 86_400)) },
        Case("L1-deadline-set") { try await $0.corrupt($0.orders.database, "DELETE FROM timers WHERE key = $1", .id($1.offline)) },
        Case("L1-timers-fire") { bench, mix in
            try await bench.corrupt(bench.inventory.database, "INSERT INTO timers (due_at, kind, key) VALUES (1000, 'count', $1)", .id(mix.product))
        },
        Case("L2-outbox-lag") { bench, _ in
            // Said, and not applied by anybody: nobody listens.
            _ = try await bench.product("NEW", 1)
            bench.clock.advance(by: .seconds(31))
        },
        Case("L2-parked") {
            try await $0.corrupt(
                $0.payments.database,
                "INSERT INTO parked (event_id, key, type, body, attempts, due_at, error, parked_at) VALUES ($1, $2, 'OrderConfirmed', $3, 1, 1, 'no', 1)",
                .id($0.context.newID()), .id($1.paid), .bytes([0]))
        },
        Case("L2-jobs-done") {
            try await $0.corrupt(
                $0.payments.database, "INSERT INTO jobs (id, kind, key, payload, attempts, due_at) VALUES ($1, 'charge-payment', $2, '{}', 0, 1)",
                .id($0.context.newID()), .id($1.paid))
        },
    ]
}

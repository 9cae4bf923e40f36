import Messaging
import Storage
import Wire

/// Planted bugs, and the watch over what the services write.
extension World {
    static let positions = SQL("INSERT INTO positions (source, sequence) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence")
    static let newest = SQL("SELECT max(sequence) FROM outbox")

    func acknowledge(_ events: [Envelope], _ consumer: Consumer) {
        guard let medium = media[consumer.feed.consumer] else { return }
        var last: [String: Int64] = [:]
        for event in events { last[event.source] = event.sequence }
        try? medium.write { transaction in
            try transaction.execute(World.positions, each: last.sorted { $0.key < $1.key }.map { [.text($0.key), .integer($0.value)] })
        }
    }

    static let held = SQL("SELECT order_id FROM reservations WHERE state = 1 ORDER BY order_id LIMIT 1")
    static let heldLines = SQL("SELECT product_id, quantity FROM reservation_lines WHERE order_id = $1")
    static let giveBack = SQL("UPDATE products SET available = available + $2, reserved = reserved - $2 WHERE id = $1")
    static let released = SQL("UPDATE reservations SET state = 3 WHERE order_id = $1")

    func freeHold() {
        try? media["inventory"]?.write { transaction in
            guard let order = try transaction.first(World.held, [], { $0.id(0) }) else { return }
            note("Inventory frees what it held for \(name(of: order))")
            try transaction.execute(World.giveBack, each: try transaction.query(World.heldLines, [.id(order)]) { [.id($0.id(0)), .integer($0.integer(1))] })
            try transaction.execute(World.released, [.id(order)])
        }
    }

    /// Watches the statements of a database, for marks and planted bugs.
    func observe(_ transaction: any Transaction, database: String) -> any Transaction {
        ObservedTransaction(transaction) { [self] sql, rows, base in try verdict(sql, rows, base, database) }
    }

    func verdict(_ sql: SQL, _ rows: [[SQLValue]], _ base: any Transaction, _ database: String) throws -> ObservedTransaction.Verdict {
        if sql.text.hasPrefix("UPDATE jobs ") {
            if rows.contains(where: { $0.last == .text("the circuit breaker is open") }) { mark(.breakerOpen) }
            return .run
        }
        // What was applied is told by the positions, and by the inbox where they cannot tell.
        if plan.mutant == .noInbox, sql.text.hasPrefix("SELECT sequence FROM positions") { return .pretend(keys: []) }
        guard sql.text.hasPrefix("INSERT INTO ") else { return .run }
        let rest = sql.text.dropFirst(12)
        if rest.hasPrefix("reservations ") {
            if plan.mutant == .noTombstone { return .replace(rows.filter { $0[1] != .integer(4) }) }
        } else if rest.hasPrefix("payments ") {
            if rows.contains(where: { $0[2] == .integer(2) }) { mark(.cancelWhileCharging) }
            if rows.contains(where: { $0[2] == .integer(5) && $0[4] == .null }) { mark(.cancelOvertakes) }
            if rows.contains(where: { $0[2] == .integer(6) }) { mark(.refundAfterCapture) }
            if plan.mutant == .noTombstone { return .replace(rows.filter { $0[2] != .integer(5) || $0[4] != .null }) }
        } else if rest.hasPrefix("inbox ") {
            if plan.mutant == .noInbox { return .claimChanged }
        } else if rest.hasPrefix("parked ") {
            if rows.contains(where: { $0.contains { if case .text(let text) = $0 { text.contains("until this program is updated") } else { false } } }) {
                count(.update)
                mark(.tooNew)
            }
        } else if rest.hasPrefix("dead_letters ") {
            mark(.retryExhausted)
        } else if rest.hasPrefix("outbox ") {
            if rows.contains(where: { $0[0] == .text("InventoryInsufficient") }) { mark(.lastUnitContested) }
            if plan.mutant == .dualWrite {
                return .pretend(
                    keys: rows.map { _ in
                        fakeKeys += 1
                        return fakeKeys
                    })
            }
            if isMixed {
                return .replace(
                    try rows.map { row in
                        guard case .bytes(let body) = row[2] else { return row }
                        return [row[0], row[1], .bytes(try written(body))]
                    })
            }
        } else if rest.hasPrefix("positions "), plan.mutant == .cursorOutbox {
            return .replace(
                try rows.map { row in
                    guard case .text(let source) = row[0], let medium = media[source], source != database else { return row }
                    return [row[0], .integer(try medium.read { try $0.first(World.newest) { $0.optionalInteger(0) ?? 0 } ?? 0 })]
                })
        }
        return .run
    }
}

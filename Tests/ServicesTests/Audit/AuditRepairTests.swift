import Contracts
import Operations
import Storage
import Testing
import Wire

/// What can be put right by itself is: the finding is gone, and the deed is on record in the service that did it.
@Suite("Audit: repairs")
struct AuditRepairTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let rule: String
        /// Whose log has the deed.
        let owner: String
        let deed: @Sendable (AuditBench, AuditMix) async throws -> Void
        var testDescription: String { rule }

        init(_ rule: String, by owner: String, _ deed: @escaping @Sendable (AuditBench, AuditMix) async throws -> Void) {
            (self.rule, self.owner, self.deed) = (rule, owner, deed)
        }
    }

    static let cases = [
        Case("S1-available", by: "inventory") {
            try await $0.corrupt($0.inventory.database, "UPDATE products SET available = available + 7 WHERE id = $1", .id($1.product))
        },
        Case("S1-reserved", by: "inventory") {
            try await $0.corrupt($0.inventory.database, "UPDATE products SET reserved = 0, available = available + 1 WHERE id = $1", .id($1.product))
        },
        Case("S2-not-below-zero", by: "inventory") {
            try await $0.sellShort($1.product)
        },
        Case("S5-no-stock-held", by: "inventory") {
            try await $0.corrupt($0.inventory.database, "UPDATE reservations SET state = 1 WHERE order_id = $1", .id($1.refunded))
        },
        Case("S7-status-told", by: "orders") {
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'OrderShipped'", .id($1.shipped))
        },
        Case("S7-payment-told", by: "payments") {
            // Neither said nor counted.
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'PaymentVoided'", .id($1.failed))
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'PaymentFailed'", .id($1.failed))
        },
        Case("S8-events-applied", by: "inventory") {
            try await $0.corrupt($0.inventory.database, "UPDATE reservations SET state = 1 WHERE order_id = $1", .id($1.shipped))
            try await $0.corrupt($0.inventory.database, "UPDATE products SET sold = sold - 3, reserved = reserved + 3 WHERE id = $1", .id($1.product))
        },
        Case("S8-work-queued", by: "payments") { bench, _ in
            // The job of a charge is lost.
            _ = try await bench.place("TEA", 1)
            await bench.listen("inventory")
            await bench.listen()
            try await bench.corrupt(bench.payments.database, "DELETE FROM jobs")
            await bench.listen()
        },
        Case("S13-fact-agrees", by: "analytics") {
            try await $0.corrupt($0.analytics.database, "UPDATE orders SET captured = 1 WHERE order_id = $1", .id($1.paid))
        },
        Case("S13-sums", by: "analytics") { bench, _ in try await bench.corrupt(bench.analytics.database, "UPDATE sales SET captured = captured + 1") },
        Case("S14-everybody-told", by: "notifications") {
            try await $0.corrupt($0.notifications.database, "DELETE FROM notifications WHERE order_id = $1", .id($1.paid))
            try await $0.corrupt($0.operations.database, "DELETE FROM events WHERE key = $1 AND type = 'NotificationSent'", .id($1.paid))
        },
        Case("L1-deadline-set", by: "orders") { try await $0.corrupt($0.orders.database, "DELETE FROM timers WHERE key = $1", .id($1.offline)) },
        Case("L1-settled-in-time", by: "orders") {
            try await $0.corrupt($0.orders.database, "UPDATE orders SET deadline_at = 1000 WHERE id = $1", .id($1.offline))
            try await $0.corrupt($0.orders.database, "DELETE FROM timers WHERE key = $1", .id($1.offline))
        },
    ]

    @Test("a finding is gone after its repair, which is on record", arguments: cases)
    func repaired(_ broken: Case) async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        try await broken.deed(bench, mix)
        let findings = try await bench.audit().findings
        #expect(findings.contains { $0.rule == broken.rule })
        let repairs = try await bench.desk.repair(findings, actor: "alice")
        for repair in repairs { if case .refused(let why) = repair.outcome { Issue.record("\(repair.finding.rule): \(why)") } }
        try await bench.settle()
        #expect(try await bench.audit().findings == [])
        let owner = try #require(bench.modules.first { $0.name == broken.owner })
        #expect(try await bench.number(owner.database, "SELECT count(*) FROM admin_actions WHERE actor = 'alice' AND before <> '' AND after <> ''") > 0)
    }

    @Test func `what was captured for a failed order is given back`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        // The order says FAILED, everybody else that it is paid.
        try await bench.corrupt(bench.orders.database, "UPDATE orders SET status = 8 WHERE id = $1", .id(mix.paid))
        try await bench.corrupt(bench.orders.database, "UPDATE order_history SET status = 8 WHERE order_id = $1 AND version = 3", .id(mix.paid))
        let findings = try await bench.audit(AuditScope(.some([mix.paid]))).findings
        #expect(Set(findings.map(\.rule)).isSuperset(of: ["S5-no-stock-held", "S5-no-money-kept", "S5-payment-undone"]))
        let money = findings.filter { $0.rule.hasPrefix("S5") }
        #expect(try await bench.desk.repair(money, actor: "alice").count == 2)
        try await bench.settle()
        let after = Set(try await bench.audit().findings.map(\.rule))
        #expect(after.isDisjoint(with: ["S5-no-stock-held", "S5-no-money-kept", "S5-payment-undone", "S1-reserved", "S1-available"]))
        #expect(try await bench.number(bench.ledger, "SELECT count(*) FROM ledger WHERE order_id = $1 AND entry = 'refund'", .id(mix.paid)) == 1)
    }

    @Test func `what was done and said is not done again because a record of it was changed`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        func actions(_ order: OrderID, _ rule: String) async throws -> [RepairAction?] {
            try await bench.audit(AuditScope(.some([order]), includesShared: false)).findings.filter { $0.rule == rule }.map(\.action)
        }
        // Charged and told: asking the provider again would tell it again.
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET state = 1 WHERE order_id = $1", .id(mix.paid))
        #expect(try await actions(mix.paid, "S8-work-queued") == [nil])
        // Refunded and told.
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET state = 3 WHERE order_id = $1", .id(mix.refunded))
        #expect(try await actions(mix.refunded, "S5-payment-undone") == [nil])
        // What was said contradicts the state: which of them is wrong, a person must say.
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET state = 5 WHERE order_id = $1", .id(mix.shipped))
        #expect(try await actions(mix.shipped, "S7-payment-told") == [nil])
        // The customer was told; only the record is gone.
        try await bench.corrupt(bench.notifications.database, "DELETE FROM notifications WHERE order_id = $1", .id(mix.free))
        #expect(try await actions(mix.free, "S14-everybody-told") == [nil])
        // Inventory answered; only its record is gone.
        try await bench.corrupt(bench.inventory.database, "DELETE FROM reservations WHERE order_id = $1", .id(mix.paidOffline))
        #expect(try await actions(mix.paidOffline, "S8-events-applied") == [nil])
    }

    @Test func `a repair that the state does not allow is refused and changes nothing`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        let count = "SELECT count(*) FROM admin_actions"
        var before: [String: Int64] = [:]
        for module in bench.modules { before[module.name] = try await bench.number(module.database, count) }
        for action in [
            RepairAction.cancel(mix.shipped, reason: "x"), .setDeadline(mix.paid), .announceStatus(mix.paid, .shipped),
            .releaseStock(mix.refunded, isTold: true),
            .refund(mix.failed), .requeuePayment(mix.paid), .announcePayment(mix.offline), .recount(mix.paid), .recomputeFact(mix.product),
            .redeliver(mix.paid, type: "OrderShipped", to: .inventory),
        ] {
            let finding = AuditFinding(rule: "test", subject: .order(mix.paid), evidence: "none", proposal: "none", action: action)
            let outcome = try await bench.desk.repair([finding], actor: "alice").first?.outcome
            guard case .refused = outcome else {
                Issue.record("\(action) gave \(String(describing: outcome))")
                continue
            }
        }
        try await bench.settle()
        #expect(try await bench.audit().findings == [])
        for module in bench.modules {
            let after = try await bench.number(module.database, count)
            #expect(after == before[module.name], "\(module.name)")
        }
    }
}

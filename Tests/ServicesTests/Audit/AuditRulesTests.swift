import Contracts
import Operations
import Storage
import TestDocuments
import Testing
import Wire

@testable import Inventory
@testable import Orders
@testable import Payments

/// Every rule is broken by hand once, by SQL in the tables of a service, and the auditor says which.
@Suite("Audit: the rules")
struct AuditRulesTests {
    /// A deed, and the rules that it breaks.
    struct Case: Sendable, CustomTestStringConvertible {
        let rule: String
        let others: Set<String>
        let deed: @Sendable (AuditBench, AuditMix) async throws -> Void
        var testDescription: String { rule }

        init(_ rule: String, and others: Set<String> = [], _ deed: @escaping @Sendable (AuditBench, AuditMix) async throws -> Void) {
            (self.rule, self.others, self.deed) = (rule, others, deed)
        }
    }

    @Test func `after orders of every end the audit finds nothing`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        let report = try await bench.audit()
        #expect(report.findings == [])
        #expect(report.orders == 12)
        #expect(report.products == 3)
        #expect(report.moving == 0)
        var ends: [String: OrderID] = ["PAID": mix.paid, "SHIPPED": mix.shipped, "DELIVERED": mix.delivered, "CANCELLED": mix.refunded]
        ends["FAILED"] = mix.failed
        ends["RESERVED"] = mix.offline
        for (status, order) in ends { #expect(try await bench.status(order) == status) }
        #expect(try await bench.status(mix.paidOffline) == "PAID")
        #expect(try await bench.status(mix.free) == "PAID")
        #expect(try await bench.number(bench.orders.database, "SELECT count(*) FROM orders WHERE status = 7") == 4)
        let still = try await bench.audit(AuditScope(isStill: true))
        #expect(still.findings == [])
    }

    @Test("a rule that is broken is found", arguments: cases)
    func broken(_ broken: Case) async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        try await broken.deed(bench, mix)
        #expect(try await bench.broken() == broken.others.union([broken.rule]))
    }

    @Test func `every rule is broken by a test`() {
        #expect(Set(AuditRulesTests.cases.map(\.rule)) == Set(AuditRules.all.map(\.id)))
        #expect(AuditRules.all.count == Set(AuditRules.all.map(\.id)).count)
    }

    @Test func `what looks wrong and changes before the second look is no finding`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount + 1 WHERE order_id = $1", .id(mix.paid))
        let first = try await bench.desk.auditor.look(at: [OrderRange(mix.paid)])
        #expect(AuditRules.findings(try #require(first.first), at: bench.clock.now()).map(\.rule) == ["S4-payment-agrees"])
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount - 1 WHERE order_id = $1", .id(mix.paid))
        #expect(try await bench.broken() == [])
    }

    @Test func `an order that something is on its way for is not judged by what is not there yet`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        // At every step of an order's way nothing is found, though no two services know the same.
        let order = try await bench.place("TEA", 1)
        for service in ["inventory", "orders", "payments", "operations", "orders", "notifications", "analytics"] {
            #expect(try await bench.audit(AuditScope(isStill: true)).findings == [], "before \(service)")
            await bench.listen(service)
            _ = service == "payments" ? try await bench.work() : 0
        }
        try await bench.set("CANCELLED", mix.paid)
        for service in ["payments", "inventory", "orders", "operations", "analytics", "orders", "notifications"] {
            #expect(try await bench.audit(AuditScope(isStill: true)).findings == [], "before \(service)")
            await bench.listen(service)
            _ = service == "orders" ? try await bench.work() : 0
        }
        try await bench.settle()
        #expect(try await bench.audit(AuditScope(isStill: true)).findings == [])
        #expect(try await bench.status(order) == "PAID")
    }

    @Test func `the edges of the contract are those of the state machine`() {
        var edges: Set<[OrderStatus]> = []
        for status in OrderStatus.allCases {
            for input in OrderState.Input.allCases {
                for flags in 0..<8 {
                    var state = OrderState(
                        status: status, version: 1, isStockFree: flags & 1 != 0, isPaymentUndone: flags & 2 != 0, isOffline: flags & 4 != 0)
                    guard case .change(let next) = state.apply(input) else { continue }
                    for (from, to) in zip([status] + next, next) { edges.insert([from, to]) }
                }
            }
        }
        #expect(edges == Set(OrderStatus.allCases.flatMap { from in from.successors.map { [from, $0] } }))
    }

    @Test func `the states that witnesses name are those of the services`() {
        #expect(ReservationTestimony.State.allCases.map(\.rawValue) == ReservationState.allCases.filter { $0 != .none }.map(\.rawValue))
        #expect(PaymentTestimony.State.allCases.map(\.rawValue) == PaymentState.allCases.filter { $0 != .none }.map(\.rawValue))
    }

    @Test("docs/audit.md names the rules")
    func document() throws {
        let rules = AuditRules.all.map { "| `\($0.id)` | \($0.title) | \($0.about) | \($0.applies.rawValue) | \($0.proposal) |" }
        let table = (["| rule | what must be | about | applied | where it is not |", "| --- | --- | --- | --- | --- |"] + rules).joined(separator: "\n") + "\n"
        #expect(try Document("docs/audit.md").part("rules", regeneratedAs: table) == table)
    }
}

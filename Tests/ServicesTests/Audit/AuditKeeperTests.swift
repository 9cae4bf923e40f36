import Contracts
import Logging
import Messaging
import Storage
import Synchronization
import Testing
import Web
import Wire

@testable import Operations

/// The audit in the background, step by step.
@Suite("Audit: in the background")
struct AuditKeeperTests {
    @Test func `a row that was changed by hand is found within a minute, and gone when it is put right`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        let keeper = bench.desk.keeper
        func run(_ seconds: Int) async throws {
            for _ in 0..<seconds {
                try await keeper.step()
                bench.clock.advance(by: .seconds(1))
            }
        }
        try await run(30)
        #expect(keeper.open.isEmpty)
        #expect(keeper.progress.swept == 12)
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount + 1 WHERE order_id = $1", .id(mix.paid))
        try await bench.corrupt(bench.inventory.database, "UPDATE products SET sold = sold + 1 WHERE id = $1", .id(mix.product))
        try await bench.corrupt(bench.analytics.database, "UPDATE status_counts SET count = count + 1 WHERE status = 3")
        try await run(60)
        #expect(Set(keeper.open.map(\.finding.rule)) == ["S4-payment-agrees", "S1-sold", "S13-sums"])
        #expect(keeper.count(of: "S1-sold") == 1)
        let since = keeper.open.map(\.since)
        try await run(60)
        #expect(keeper.open.map(\.since) == since)
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount - 1 WHERE order_id = $1", .id(mix.paid))
        try await bench.corrupt(bench.inventory.database, "UPDATE products SET sold = sold - 1 WHERE id = $1", .id(mix.product))
        try await bench.corrupt(bench.analytics.database, "UPDATE status_counts SET count = count - 1 WHERE status = 3")
        try await run(60)
        #expect(keeper.open.isEmpty)
    }

    @Test func `one process audits, all of them tell what it found, and the next one knows since when`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        let charge = Mutex("a")
        func keeper(_ name: String) -> AuditKeeper {
            let role = ProcessRole(isAlone: false, jobClaimMilliseconds: 0, isInCharge: { charge.withLock { $0 == name } })
            return AuditKeeper(
                bench.desk.auditor,
                ServiceEnvironment(
                    database: bench.operations.database, context: bench.context, outbox: Outbox(sink: bench.bus),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, role: role))
        }
        let (a, b) = (keeper("a"), keeper("b"))
        func run(_ seconds: Int) async throws {
            for _ in 0..<seconds {
                for keeper in [a, b] where try await keeper.takesCharge() {
                    try await keeper.step()
                    try await keeper.share()
                }
                bench.clock.advance(by: .seconds(1))
            }
        }
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount + 1 WHERE order_id = $1", .id(mix.paid))
        try await run(60)
        let found = try await a.standing()
        #expect(found.open.map(\.finding.rule) == ["S4-payment-agrees"])
        let told = try await b.standing()
        #expect(told.open.map(\.finding.evidence) == found.open.map(\.finding.evidence) && told.open.map(\.finding.subject) == [.order(mix.paid)])
        #expect(told.open.map(\.since) == found.open.map(\.since) && told.open.map(\.isRepairable) == found.open.map(\.isRepairable))
        #expect(told.progress.swept == 12 && told.progress.open.count == found.progress.open.count)
        #expect(b.count(of: "S4-payment-agrees") == 0, "a sum over the processes counts it once")

        charge.withLock { $0 = "b" }
        try await run(60)
        #expect(b.open.map(\.since) == found.open.map(\.since) && a.count(of: "S4-payment-agrees") == 0)
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount - 1 WHERE order_id = $1", .id(mix.paid))
        try await run(60)
        let last = try await a.standing().open
        #expect(last.isEmpty)
    }

    @Test func `open and overdue orders are counted`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        try await bench.desk.keeper.step()
        #expect(bench.desk.keeper.progress.open == OpenOrders(count: 1, overdue: 0, oldest: mix.offline))
        bench.clock.advance(by: .seconds(8 * 86_400))
        try await bench.desk.keeper.step()
        #expect(bench.desk.keeper.progress.open == OpenOrders(count: 1, overdue: 1, oldest: mix.offline))
    }

    @Test func `an audit in pieces looks at every order once`() async throws {
        let bench = try await AuditBench()
        let mix = try await AuditMix(bench)
        try await bench.corrupt(bench.payments.database, "UPDATE payments SET amount = amount + 1 WHERE order_id = $1", .id(mix.paid))
        var whole = AuditReport()
        var pieces = 0
        repeat {
            let piece = try await bench.audit(AuditScope(.part(after: whole.next, count: 5), includesShared: pieces == 0))
            whole.add(piece)
            pieces += 1
        } while whole.next != nil && pieces < 10
        #expect(pieces == 3)
        #expect(whole.orders == 12)
        #expect(whole.products == 3)
        #expect(whole.findings.map(\.rule) == ["S4-payment-agrees"])
    }
}

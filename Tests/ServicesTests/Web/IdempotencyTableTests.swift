import Analytics
import Foundation
import Inventory
import Messaging
import Notifications
import Operations
import Orders
import PaymentSimulator
import Payments
import Testing
import Web
import Wire

/// `docs/idempotency.md` names every operation that changes something, and tests that exist.
@Suite("Idempotency table")
struct IdempotencyTableTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct Nothing: EventHistory {
        func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] { [] }
    }

    private func routes() throws -> [Route] {
        func environment(_ name: String) throws -> ServiceEnvironment { try ServiceFixture(name).environment }
        let ledger = try ServiceFixture("provider")
        let inventory = InventoryService(try environment("inventory"))
        let orders = OrdersService(try environment("orders"), availability: inventory.availability)
        let modules: [any ServiceModule] = [
            orders, inventory,
            PaymentsService(try environment("payments"), provider: SimulatedPaymentProvider(ledger: ledger.database, context: ledger.context)),
            NotificationsService(try environment("notifications"), channels: nil), AnalyticsService(try environment("analytics"), history: Nothing()),
            OperationsService(try environment("operations")),
        ]
        let deadLetters = DeadLetterService(desks: [], environment: try environment("operations"))
        let audit = AuditDesk(
            try environment("operations"), witnesses: AuditWitnesses(orders: orders.witness), traffic: TrafficReader([]), repairers: [], redeliveries: [:])
        return modules.flatMap(\.routes) + deadLetters.routes + audit.routes
    }

    private func document() throws -> String {
        try String(contentsOf: IdempotencyTableTests.root.appendingPathComponent("docs/idempotency.md"), encoding: .utf8)
    }

    @Test("every route that changes something is in the table, and the table names no other")
    func operations() throws {
        let document = try document()
        let changing = try routes().filter { $0.method != .get && $0.method != .head }.map { "\($0.method.rawValue) \($0.path)" }
        #expect(changing.count >= 8)
        let rows = document.split(separator: "\n").compactMap { line -> String? in
            guard line.hasPrefix("| `"), let name = line.split(separator: "`").dropFirst().first, name.contains(" /") else { return nil }
            return String(name)
        }
        #expect(Set(rows) == Set(changing))
    }

    @Test("every test that the table names exists")
    func tests() throws {
        let pattern = try Regex(#"\[([^\]]+)\]\(\.\./(Tests/[^)]+\.swift)\)"#, as: (Substring, Substring, Substring).self)
        let links = try document().matches(of: pattern).map(\.output)
        #expect(links.count >= 12)
        for (_, name, path) in links {
            let text = try String(contentsOf: IdempotencyTableTests.root.appendingPathComponent(String(path)), encoding: .utf8)
            #expect(text.contains("\"\(name)\"") || text.contains("`\(name)`"), "\(path) has no test \"\(name)\"")
        }
    }
}

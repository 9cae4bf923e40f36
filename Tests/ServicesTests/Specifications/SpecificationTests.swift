import Contracts
import TestDocuments
import Testing

@testable import Inventory
@testable import Orders
@testable import Payments

/// The state machines, rendered state by input, are what `docs/spec/` says.
@Suite("Specification")
struct SpecificationTests {
    private func compare(_ name: String, _ lines: [String]) throws {
        let table = lines.joined(separator: "\n") + "\n"
        #expect(try Document("docs/spec/\(name).md").part("table", regeneratedAs: table) == table)
    }

    private func table<Column, Row>(_ columns: [Column], _ rows: [Row], _ cell: (Column, Row) -> String, name: (Column) -> String) -> [String] {
        let head = "| input | " + columns.map(name).joined(separator: " | ") + " |"
        let rule = "| --- |" + String(repeating: " --- |", count: columns.count)
        return [head, rule] + rows.map { row in "| \(row) | " + columns.map { cell($0, row) }.joined(separator: " | ") + " |" }
    }

    @Test("docs/spec/order.md is what an order does")
    func order() throws {
        let columns = OrderStateTests.states
        try compare(
            "order",
            table(columns, OrderState.Input.allCases) { state, input in
                var state = state
                switch state.apply(input) {
                case .change(let statuses): return statuses.map(\.rawValue).joined(separator: ", ")
                case .note: return "note"
                case .ignore: return "-"
                case .refuse: return "refused"
                }
            } name: {
                $0.status.rawValue + ($0.isStockFree ? "+s" : "") + ($0.isPaymentUndone ? "+p" : "") + ($0.isOffline ? "/offline" : "")
            })
    }

    @Test("docs/spec/reservation.md is what a reservation does")
    func reservation() throws {
        try compare(
            "reservation",
            table(ReservationState.allCases, ReservationState.Input.allCases) { state, input in
                var next = state
                let effect = next.apply(input)
                return next == state && effect == .nothing ? "-" : next == state ? effect.rawValue : "\(next): \(effect)"
            } name: {
                $0.rawValue
            })
    }

    @Test("docs/spec/payment.md is what a payment does")
    func payment() throws {
        try compare(
            "payment",
            table(PaymentState.allCases, PaymentState.Input.allCases) { state, input in
                var next = state
                let effect = next.apply(input)
                return next == state && effect == .nothing ? "-" : next == state ? effect.rawValue : "\(next): \(effect)"
            } name: {
                $0.rawValue
            })
    }
}

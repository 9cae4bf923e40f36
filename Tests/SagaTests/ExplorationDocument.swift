import Contracts
import Inventory
import Orders
import Payments

/// The generated parts of `docs/exploration.md`.
enum ExplorationDocument {
    static var sizes: String {
        let head = ["| explored | states | steps | redeliveries refused | settled | can settle |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
        let rows = (Report.explored + [Report.noInbox]).map {
            "| \($0.title) | \($0.states) | \($0.steps) | \($0.refusedDeliveries) | \($0.settled) | \($0.canSettle == $0.states ? "all" : "\($0.canSettle)") |"
        }
        return text(head + rows)
    }

    static var marks: String {
        text(Mark.allCases.map { mark in "- \(mark.rawValue): " + Report.explored.filter { $0.marks.contains(mark) }.map(\.title).joined(separator: "; ") })
    }

    /// The cells of the specification tables that change something and were never asked for.
    static var cells: String {
        let met = Report.explored.reduce(into: Set()) { $0.formUnion($1.cells) }
        var unmet: [String] = []
        for state in ReservationState.allCases {
            for input in ReservationState.Input.allCases where !met.contains("reservation \(state) \(input)") {
                var next = state
                if next.apply(input) != .nothing || next != state { unmet.append("- reservation: `\(input)` in \(state)") }
            }
        }
        for state in PaymentState.allCases {
            for input in PaymentState.Input.allCases where !met.contains("payment \(state) \(input)") {
                var next = state
                if next.apply(input) != .nothing || next != state { unmet.append("- payment: `\(input)` in \(state)") }
            }
        }
        for status in OrderStatus.allCases {
            for input in OrderState.Input.allCases where !met.contains("order \(status) \(input)") {
                var state = OrderState(status: status, version: 1)
                if case .change = state.apply(input) { unmet.append("- order: `\(input)` in \(status)") }
            }
        }
        return text(unmet.isEmpty ? ["None."] : unmet)
    }

    static var counterexamples: String { text(Report.naive.map { "### \($0.design.title)\n" + story($0.way, end: $0.broken) }) }

    static var contest: String { text([story(Report.lastUnit.wayToContest, end: nil)]) }

    private static func story(_ way: [String], end: String?) -> String {
        let steps = way.enumerated().map { "\($0 + 1). \($1)." }
        return (steps + (end.map { ["", "**\($0).**", ""] } ?? [])).joined(separator: "\n")
    }

    private static func text(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }
}

import Contracts
import WaybillClient
import Wire

/// The outcome of a replay, for programs and for people.
struct ReplayReport: Sendable {
    /// Demanded by the licence of the data (CC BY 4.0) wherever it is used.
    static let credit = """
        Chen, D. (2015). Online Retail [Dataset]. UCI Machine Learning Repository. https://doi.org/10.24432/C5BW33. CC BY 4.0.
        Changed: dates rewritten as ISO, customer ids without ".0", cut by date.
        """

    let plan: ReplayPlan
    let stock: StockProducts.Result
    let placed: PlaceOrders.Result
    let platform: Reconcile.Result
    /// From the first order placed until the last one settled.
    let seconds: Double
    let retries: Int

    var ordersPerSecond: Double { seconds > 0 ? Double(placed.ids.count - placed.refusedCount) / seconds : 0 }

    /// Everything that is not as the file says; empty when the two sides agree.
    var differences: [SalesSummary.Difference] {
        var differences = plan.expected.differences(from: platform.sales) + platform.ledger.differences(from: platform.sales.totals)
        if !platform.lost.isEmpty { differences.append(.init(field: "orders lost by the platform", expected: "0", found: "\(platform.lost.count)")) }
        if !placed.isDistinct {
            differences.append(.init(field: "different orders", expected: "\(placed.ids.count - placed.refusedCount)", found: "\(placed.accepted.count)"))
        }
        return differences
    }

    var isReconciled: Bool { differences.isEmpty }

    /// One document with the keys that the published truth has.
    var json: String {
        let aside = SetAsideReason.allCases.compactMap { reason in plan.setAside[reason].map { "\"\(reason.rawValue)\": \($0)" } }.joined(separator: ", ")
        return """
            {"reconciled": \(isReconciled),
            "platform": \(platform.sales.json()),
            "file": \(plan.expected.json()),
            "set_aside_lines": {\(aside)},
            "seconds": \(ReplayReport.rounded(seconds)),
            "orders_per_second": \(ReplayReport.rounded(ordersPerSecond))}
            """
    }

    private static func rounded(_ value: Double) -> String { String((value * 1000).rounded() / 1000) }

    /// All of it as text.
    func show() {
        showOutcomes()
        Output.line()
        if plan.expected.byMonth.count <= 60 { Output.table(months) }
        Output.line()
        let differences = differences
        if differences.isEmpty {
            Output.line(Output.style(.good, "Reconciled: every month, country and product agrees to the penny."))
        } else {
            Output.line(Output.style(.bad, "NOT reconciled: \(differences.count) figures differ."))
            var table = Table(["figure", "file", "platform"])
            for difference in differences.prefix(100) { table.add([difference.field, difference.expected, difference.found]) }
            Output.table(table)
            if differences.count > 100 { Output.line("... and \(differences.count - 100) more") }
        }
        if platform.others > 0 {
            Output.line(
                "Note: the platform holds \(ProgressLine.grouped(Int(platform.others))) orders that are not of this run; compared were those placed in the file's months."
            )
        }
        Output.line()
        Output.line(Output.style(.faint, "Data: " + ReplayReport.credit))
    }

    private func showOutcomes() {
        func count(_ number: Int) -> String { ProgressLine.grouped(number) }
        var table = Table(["what", "count", "note"])
        table.add(["orders accepted", count(placed.accepted.count), "\(count(Int(ordersPerSecond.rounded())))/s, \(ProgressLine.clock(seconds))"])
        for status in OrderStatus.allCases { if let number = platform.statuses[status] { table.add(["  \(status)", count(number), ""]) } }
        for (reason, number) in platform.reasons.sorted(by: { $0.key < $1.key }) { table.add(["", count(number), reason]) }
        table.add(["orders refused", count(placed.refusedCount), ""])
        for (words, refusal) in placed.refusals.sorted(by: { $0.key < $1.key }) {
            table.add(["", count(refusal.count), "\(words), first invoice \(refusal.invoice)"])
        }
        table.add(["lines set aside", count(plan.setAside.values.reduce(0, +)), ""])
        for reason in SetAsideReason.allCases { if let number = plan.setAside[reason] { table.add(["", count(number), reason.rawValue]) } }
        table.add(["products", count(plan.products.count), "\(count(Int(stock.created))) new, \(count(stock.toppedUp)) topped up"])
        if retries > 0 { table.add(["requests repeated", count(retries), "the server was away or busy"]) }
        Output.table(table)
    }

    private var months: Table {
        var table = Table(["month", "orders", "units", "revenue (file)", "revenue (Analytics)", ""])
        func row(_ name: String, _ file: SalesSummary.Figures, _ platform: SalesSummary.Figures) {
            table.add([
                name, ProgressLine.grouped(Int(platform.orders)), ProgressLine.grouped(Int(platform.units)), MinorUnits.decimal(file.revenueMinor),
                MinorUnits.decimal(platform.revenueMinor), file == platform ? "=" : "DIFFERS",
            ])
        }
        for month in Set(plan.expected.byMonth.keys).union(platform.sales.byMonth.keys).sorted() {
            row(month, plan.expected.byMonth[month] ?? .init(), platform.sales.byMonth[month] ?? .init())
        }
        row("total", plan.expected.totals, platform.sales.totals)
        return table
    }
}

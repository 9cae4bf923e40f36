import Wire

/// The dashboard for people.
struct DashboardText {
    let dashboard: JSONObject

    func show() {
        var statuses = Table(["status", "orders"])
        for member in dashboard["ordersByStatus"]?.object?.members ?? [] {
            guard let count = member.value.integer, count > 0 else { continue }
            statuses.add([member.key, ProgressLine.grouped(Int(count))])
        }
        show("Orders", statuses)
        var totals = Table(["currency", "orders sold", "lines", "units", "revenue", "refunded", "average order"])
        for member in dashboard["byCurrency"]?.object?.members ?? [] {
            let row = member.value
            totals.add([
                member.key, number(row["orders"]), number(row["lines"]), number(row["units"]), row["revenue"]?.string ?? "", row["refunded"]?.string ?? "",
                row["averageOrderValue"]?.string ?? "",
            ])
        }
        show("Sales", totals)
        show("Months", rows("byMonth", "month"))
        show("Countries", rows("byCountry", "country"))
        show("Best products", rows("topProducts", "sku"))
        var failures = Table(["reason", "orders"])
        for member in dashboard["failuresByReason"]?.object?.members ?? [] { failures.add([member.key, number(member.value)]) }
        show("Cancelled and failed", failures)
        showTimes()
    }

    private func showTimes() {
        let times = dashboard["createdToPaidMs"]
        if let p50 = times?["p50"]?.double, let p95 = times?["p95"]?.double, let p99 = times?["p99"]?.double {
            Output.line("From created to paid: p50 \(Int(p50)) ms, p95 \(Int(p95)) ms, p99 \(Int(p99)) ms.")
        }
        if let through = dashboard["updatedThrough"]?.string { Output.line(Output.style(.faint, "Counted through \(through).")) }
        if dashboard["rebuilding"]?.bool == true { Output.note("Analytics is being rebuilt: the figures are not complete.") }
    }

    private func rows(_ key: String, _ name: String) -> Table {
        var table = Table([name, "orders", "lines", "units", "revenue", "currency"])
        for row in dashboard[key]?.array ?? [] {
            table.add([
                row[name]?.string ?? "", number(row["orders"]), number(row["lines"]), number(row["units"]), row["revenue"]?.string ?? "",
                row["currency"]?.string ?? "",
            ])
        }
        return table
    }

    private func show(_ title: String, _ table: Table) {
        guard !table.isEmpty else { return }
        Output.line(Output.style(.heading, title))
        Output.table(table)
        Output.line()
    }

    private func number(_ value: JSONValue?) -> String { ProgressLine.grouped(Int(value?.integer ?? 0)) }
}

import Histogram
import WaybillClient
import Wire

/// The figures of a run.
struct LoadSummary: Sendable, Equatable {
    var acceptedPerSecond = 0.0
    var settledPerSecond = 0.0
    var acceptP50 = 0.0
    var acceptP99 = 0.0
    var settleP50 = 0.0
    var settleP99 = 0.0
    var rejectedPerSecond = 0.0
    var rejectP50 = 0.0
    var rejectP99 = 0.0
    /// How late the generator itself was; it counts in the latencies of accepted orders.
    var lateP99 = 0.0
    /// Nil when nothing settled in the window.
    var serverMicrosecondsPerOrder: Double?
    var serverMegabytes = 0.0
    /// CPU time of the processes that were named, by their names, in microseconds per settled order; nil when none were, or nothing settled.
    var processMicrosecondsPerOrder: [String: Double]?
    var settled = 0
    var errors: [String: Int] = [:]

    var errorCount: Int { errors.values.reduce(0, +) }

    /// - Parameters:
    ///   - records: all orders followed to their end, of the whole run.
    ///   - usage: what the server had used at the window's two ends.
    init(tally: LoadTally, records: [SettlementBoard.Record], unsettled: Int, window: LoadWindow, usage: (begin: ServerUsage, end: ServerUsage)) {
        settled = records.filter { window.contains($0.settlement.at) }.count
        acceptedPerSecond = Double(tally.accepted) / window.seconds
        settledPerSecond = Double(settled) / window.seconds
        (acceptP50, acceptP99) = LoadSummary.percentiles(tally.acceptLatencies)
        (settleP50, settleP99) = LoadSummary.percentiles(records.filter { window.contains($0.since) }.map { $0.settlement.at - $0.since })
        rejectedPerSecond = Double(tally.rejected) / window.seconds
        (rejectP50, rejectP99) = LoadSummary.percentiles(tally.rejectLatencies)
        lateP99 = LoadSummary.percentiles(tally.lateness).1
        if settled > 0 { serverMicrosecondsPerOrder = (usage.end.cpuSeconds - usage.begin.cpuSeconds) * 1e6 / Double(settled) }
        serverMegabytes = usage.end.residentBytes / 1e6
        errors = tally.errors
        let unconfirmed = records.filter { !$0.settlement.isConfirmed }.count
        if unconfirmed > 0 { errors["cancelled or failed"] = unconfirmed }
        if unsettled > 0 { errors["accepted, but not settled in time"] = unsettled }
    }

    /// Takes in what other processes used in the window, in microseconds by name.
    mutating func count(_ processes: [String: Double]) {
        guard settled > 0 else { return }
        processMicrosecondsPerOrder = processes.mapValues { $0 / Double(settled) }
    }

    /// Median and 99th percentile in milliseconds; 0 for no values.
    static func percentiles(_ latencies: [Duration]) -> (Double, Double) {
        var histogram = Histogram<UInt32>(highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: .three)
        for latency in latencies { histogram.record(UInt64(min(max(1, latency / .microseconds(1)), 600_000_000))) }
        guard histogram.totalCount > 0 else { return (0, 0) }
        return (Double(histogram.valueAtPercentile(50)) / 1000, Double(histogram.valueAtPercentile(99)) / 1000)
    }

    /// The figures under the names that scripts know.
    var json: [UInt8] { JSONWriter.object { write(to: &$0) } }

    /// Writes the members of ``json``.
    func write(to json: inout JSONWriter) {
        json.member("accepted_per_s", decimal: acceptedPerSecond)
        json.member("settled_per_s", decimal: settledPerSecond)
        json.member("accept_p50_ms", decimal: acceptP50)
        json.member("accept_p99_ms", decimal: acceptP99)
        json.member("settle_p50_ms", decimal: settleP50)
        json.member("settle_p99_ms", decimal: settleP99)
        json.member("rejected_per_s", decimal: rejectedPerSecond)
        json.member("reject_p50_ms", decimal: rejectP50)
        json.member("reject_p99_ms", decimal: rejectP99)
        json.member("late_p99_ms", decimal: lateP99)
        json.key("server_cpu_us_per_order")
        if let serverMicrosecondsPerOrder { json.decimal(serverMicrosecondsPerOrder) } else { json.null() }
        json.member("server_rss_mb", decimal: serverMegabytes)
        if let processes = processMicrosecondsPerOrder {
            json.member("processes_cpu_us_per_order", decimal: processes.values.reduce(0, +))
            json.key("processes")
            json.object { json in
                for name in processes.keys.sorted() {
                    json.key(escaping: name)
                    json.decimal(processes[name] ?? 0)
                }
            }
        }
        json.member("errors", errorCount)
    }

    /// The figures for people.
    func table() -> Table {
        var table = Table(["figure", "value", "meaning"])
        func number(_ value: Double) -> String { value >= 100 ? ProgressLine.grouped(Int(value.rounded())) : String((value * 100).rounded() / 100) }
        table.add(["accepted/s", number(acceptedPerSecond), "orders answered with 202"])
        table.add(["settled/s", number(settledPerSecond), "orders followed to their end"])
        table.add(["accept p50 ms", number(acceptP50), "request to answer"])
        table.add(["accept p99 ms", number(acceptP99), ""])
        table.add(["settle p50 ms", number(settleP50), "request to the event that ends the order"])
        table.add(["settle p99 ms", number(settleP99), ""])
        table.add(["rejected/s", number(rejectedPerSecond), "orders answered with 503 or 429 and Retry-After"])
        table.add(["reject p50 ms", number(rejectP50), "request to that answer"])
        table.add(["reject p99 ms", number(rejectP99), ""])
        table.add(["late p99 ms", number(lateP99), "how late the generator itself was"])
        table.add(["server CPU us/order", serverMicrosecondsPerOrder.map(number) ?? "-", "user and system time of the server over settled orders"])
        if let processes = processMicrosecondsPerOrder {
            table.add(["all CPU us/order", number(processes.values.reduce(0, +)), "the same of all processes that --processes names"])
            for (name, value) in processes.sorted(by: { $0.value > $1.value }) { table.add(["  \(name)", number(value), ""]) }
        }
        table.add(["server MB", number(serverMegabytes), "resident at the end"])
        table.add(["errors", ProgressLine.grouped(errorCount), errorCount == 0 ? "" : "see below"])
        return table
    }
}

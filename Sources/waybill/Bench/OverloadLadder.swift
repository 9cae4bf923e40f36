import Wire

/// The steps of `waybill bench overload`, and what they must show.
struct OverloadLadder: Sendable {
    /// Of the peak that must be settled under overload.
    static let leastGoodput = 0.85
    /// The longest that an accepted order may take to be answered, 99 of 100, in milliseconds.
    static let longestAccept = 500.0
    /// The longest that a refused order may take to be answered, 99 of 100, in milliseconds.
    static let longestReject = 20.0

    /// One measurement; without a factor it is that of the peak.
    struct Step: Sendable {
        let factor: Double?
        let summary: LoadSummary
    }

    /// Settled orders per second that the platform is capable of.
    var peak = 0.0
    private(set) var steps: [Step] = []

    /// Takes a measurement; that of a closed loop is the peak.
    mutating func add(_ summary: LoadSummary, factor: Double?) {
        if factor == nil { peak = summary.settledPerSecond }
        steps.append(Step(factor: factor, summary: summary))
    }

    /// What is not as it must be; empty if all is well.
    var faults: [String] {
        steps.flatMap { step -> [String] in
            guard let factor = step.factor else { return [] }
            let (name, summary) = ("at \(factor)x", step.summary)
            var faults: [String] = []
            if factor <= 0.5, summary.rejectedPerSecond > 0 { faults.append("\(name) orders are refused") }
            guard factor >= 2 else { return faults }
            if summary.settledPerSecond < peak * OverloadLadder.leastGoodput {
                faults.append("\(name) \(Int(summary.settledPerSecond / peak * 100)) % of the peak are settled, not 85 %")
            }
            if summary.acceptP99 > OverloadLadder.longestAccept {
                faults.append("\(name) accepted orders are answered in \(Int(summary.acceptP99)) ms, not 500")
            }
            if summary.rejectP99 > OverloadLadder.longestReject { faults.append("\(name) refused orders are answered in \(Int(summary.rejectP99)) ms, not 20") }
            if summary.errorCount > 0 {
                faults.append("\(name) there are \(summary.errorCount) errors: \(summary.errors.keys.sorted().joined(separator: ", "))")
            }
            return faults
        }
    }

    var json: [UInt8] {
        JSONWriter.object { json in
            json.member("peak_per_s", decimal: peak)
            json.key("steps")
            json.array(steps) { json, step in
                json.object { json in
                    json.key("factor")
                    if let factor = step.factor { json.decimal(factor) } else { json.null() }
                    step.summary.write(to: &json)
                }
            }
            json.key("faults")
            json.array(faults) { $0.string($1) }
        }
    }

    func table() -> Table {
        var table = Table([
            "load", "settled/s", "of peak", "rejected/s", "accept p50 ms", "accept p99 ms", "settle p99 ms", "reject p50 ms", "reject p99 ms", "late ms",
            "CPU us/order", "MB", "errors",
        ])
        func number(_ value: Double) -> String { value >= 100 ? ProgressLine.grouped(Int(value.rounded())) : String((value * 10).rounded() / 10) }
        for step in steps {
            let summary = step.summary
            table.add([
                step.factor.map { "\($0)x" } ?? "closed loop", number(summary.settledPerSecond), "\(Int((summary.settledPerSecond / peak * 100).rounded())) %",
                number(summary.rejectedPerSecond), number(summary.acceptP50), number(summary.acceptP99), number(summary.settleP99), number(summary.rejectP50),
                number(summary.rejectP99), number(summary.lateP99), summary.serverMicrosecondsPerOrder.map(number) ?? "-", number(summary.serverMegabytes),
                ProgressLine.grouped(summary.errorCount),
            ])
        }
        return table
    }
}

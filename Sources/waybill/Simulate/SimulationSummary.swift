import Simulation
import Wire

/// What a set of simulated runs came to, for people and for programs.
struct SimulationSummary {
    let report: CampaignReport
    let shrunk: (outcome: SimulationOutcome, plan: SimulationPlan, tried: Int)?
    /// Marks that no run hit although all must be.
    let missed: [String]
    let seconds: Double
    let cpuSeconds: Double

    func show() {
        Output.line(
            """
            \(report.runs) runs: \(report.accepted) orders accepted, \(report.events) events, \(report.lives) process lives, \(report.steps) steps, \
            \(report.milliseconds / 3_600_000) virtual hours
            """)
        Output.line("at rest: \(report.statuses.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))")
        Output.line("faults: \(FaultClass.allCases.compactMap { fault in report.faults[fault].map { "\($0) \(fault.rawValue)" } }.joined(separator: ", "))")
        Output.line("marks: \(Mark.allCases.compactMap { mark in report.marks[mark].map { "\(mark.rawValue) (\($0))" } }.joined(separator: ", "))")
        Output.line("trace hash: \(SimulationSummary.hex(report.traceHash))")
        Output.line("\(SimulationSummary.tenths(seconds)) s, \(SimulationSummary.tenths(cpuSeconds)) s of CPU")
        if let failure = report.failure { show(failure) }
        if !missed.isEmpty {
            Output.line(Output.style(.bad, "These runs prove nothing: no run met \(missed.joined(separator: "; ")). Run more seeds."))
        }
        if report.failure == nil, missed.isEmpty { Output.line(Output.style(.good, "No promise was broken.")) }
    }

    private func show(_ failure: SimulationOutcome) {
        Output.line("")
        for violation in failure.violations { Output.line(Output.style(.bad, "seed \(failure.seed) breaks \(violation.promise): \(violation.detail)")) }
        guard let shrunk else { return }
        Output.line("")
        Output.line(
            """
            The smallest run found in \(shrunk.tried) tries: \(shrunk.plan.orders) \(shrunk.plan.orders == 1 ? "order" : "orders"), faults \
            \(shrunk.plan.faults.sorted().map(\.rawValue).joined(separator: ","))
            """)
        for line in shrunk.outcome.lines { Output.line("  \(line)") }
        Output.line("")
        Output.line("Again, in full: waybill simulate --seed \(failure.seed) --trace, with the same --orders and --faults")
    }

    var json: [UInt8] {
        JSONWriter.object(capacity: 4096) { json in
            json.member("runs", Int64(report.runs))
            json.member("violations", Int64(report.failures))
            json.member("orders", Int64(report.accepted))
            json.member("events", Int64(report.events))
            json.member("steps", Int64(report.steps))
            json.member("process_lives", Int64(report.lives))
            json.member("virtual_seconds", report.milliseconds / 1000)
            json.key("statuses")
            json.object { json in
                for (name, count) in report.statuses.sorted(by: { $0.key < $1.key }) {
                    json.key(escaping: name)
                    json.integer(Int64(count))
                }
            }
            json.key("faults")
            json.object { json in
                for fault in FaultClass.allCases {
                    json.key(escaping: fault.rawValue)
                    json.integer(Int64(report.faults[fault] ?? 0))
                }
            }
            json.key("marks")
            json.object { json in
                for mark in Mark.allCases {
                    json.key(escaping: mark.rawValue)
                    json.integer(Int64(report.marks[mark] ?? 0))
                }
            }
            json.key("missed")
            json.array(missed) { $0.string($1) }
            json.member("trace_hash", SimulationSummary.hex(report.traceHash))
            json.member("seconds", decimal: seconds)
            json.member("cpu_seconds", decimal: cpuSeconds)
            if let failure = report.failure {
                json.key("failure")
                json.object { json in
                    json.member("seed", SimulationSummary.hex(failure.seed))
                    json.member("promise", failure.violations.first?.promise ?? "")
                    json.member("detail", failure.violations.first?.detail ?? "")
                    json.key("trace")
                    json.array(shrunk?.outcome.lines ?? []) { $0.string($1) }
                }
            }
        }
    }

    private static func hex(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
    private static func tenths(_ seconds: Double) -> String { "\((seconds * 10).rounded() / 10)" }
}

import ArgumentParser
import Dispatch
import Foundation
import Simulation
import Wire

/// `waybill simulate`.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Run the whole platform in simulated worlds full of faults, and check every promise.",
        discussion: """
            Each seed is a world of its own: all services with their real code and SQL, virtual time, one thread, and a tape of choices that decides what \
            happens next and what goes wrong. When everything is healed and at rest, stock, money, statuses, events and notifications are audited. The same \
            seed gives the same run everywhere. A violation prints the seed, the promise and a shortened trace; the exit code is 1.

            Faults: \(FaultClass.allCases.map(\.rawValue).joined(separator: ", ")).

            Examples:
              waybill simulate --seeds 1..2000
              waybill simulate --seed 42 --trace
              waybill simulate --seeds 1..500 --orders 30 --faults crash,provider
            """)

    @Option(help: ArgumentHelp("Run one seed.", valueName: "n")) var seed: UInt64?
    @Option(help: ArgumentHelp("Run a range of seeds (default 1..200).", valueName: "a..b")) var seeds: String?
    @Option(help: ArgumentHelp("Orders that customers place in each run, 1 to 1000.", valueName: "n")) var orders = 12
    @Option(help: ArgumentHelp("all, none, or a list such as crash,provider.", valueName: "list")) var faults = "all"
    @Option(help: ArgumentHelp("Plant a bug, to see that it is caught: \(Mutant.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "bug"))
    var mutant: String?
    @Flag(help: "Print every step; with one seed only.") var trace = false
    @Option(help: ArgumentHelp("Seeds that run at the same time (default: one per core).", valueName: "n")) var threads: Int?
    @Flag(help: "Do not look for a smaller run when one fails.") var noShrink = false
    @Flag(help: "Print JSON, and no progress.") var json = false

    func validate() throws {
        _ = try range()
        _ = try plan()
        if trace, seed == nil { throw ValidationError("--trace needs --seed.") }
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256.") }
    }

    private func range() throws -> ClosedRange<UInt64> {
        if seed != nil && seeds != nil { throw ValidationError("--seed and --seeds exclude each other.") }
        if let seed { return seed...seed }
        guard let seeds else { return 1...200 }
        let parts = seeds.components(separatedBy: "..")
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]), first <= last, last - first < 10_000_000 else {
            throw ValidationError("--seeds: \"\(seeds)\" is no range such as 1..2000")
        }
        return first...last
    }

    private func plan() throws -> SimulationPlan {
        var plan = SimulationPlan()
        guard (1...1000).contains(orders) else { throw ValidationError("--orders must be 1 to 1000.") }
        plan.orders = orders
        plan.maximumSteps = max(20_000, orders * 2_000)
        switch faults {
        case "all": break
        case "none": plan.faults = []
        default:
            plan.faults = Set(
                try faults.split(separator: ",").map { name in
                    guard let fault = FaultClass(rawValue: String(name)) else {
                        throw ValidationError("--faults: \"\(name)\" is none of all, none, \(FaultClass.allCases.map(\.rawValue).joined(separator: ", "))")
                    }
                    return fault
                })
        }
        if let mutant {
            guard let known = Mutant(rawValue: mutant) else {
                throw ValidationError("--mutant: \"\(mutant)\" is none of \(Mutant.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            plan.mutant = known
        }
        return plan
    }

    func run() throws {
        let (range, plan) = (try range(), try plan())
        if trace, let seed {
            let outcome = try Simulation.run(seed: seed, plan: plan, isRecording: true)
            for line in outcome.lines { Output.line(line) }
        }
        let bar = ProgressBar(
            "simulating", unit: "runs", total: Int(range.upperBound - range.lowerBound) + 1, mode: .suited(isSilent: json || range.count == 1))
        let begin = ContinuousClock.now
        let cpu = clock()
        let report = try Simulation.campaign(seeds: range, plan: plan, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount) { bar.advance() }
        bar.finish()
        let seconds = Double((ContinuousClock.now - begin) / .milliseconds(1)) / 1000
        let cpuSeconds = Double(clock() - cpu) / Double(CLOCKS_PER_SEC)
        var shrunk: (outcome: SimulationOutcome, plan: SimulationPlan, tried: Int)?
        if let failure = report.failure {
            if !json, !noShrink { Output.line("A promise is broken; looking for a smaller run that shows it, for a minute at most ...") }
            let end = ContinuousClock.now + .seconds(noShrink ? 0 : 60)
            shrunk = try Simulation.shrink(failure, plan: plan) { ContinuousClock.now >= end }
        }
        let missed = range.count >= 500 && report.failure == nil ? report.missed(of: plan) : []
        let summary = SimulationSummary(report: report, shrunk: shrunk, missed: missed, seconds: seconds, cpuSeconds: cpuSeconds)
        if json { Output.json(summary.json) } else { summary.show() }
        if report.failure != nil || !missed.isEmpty { throw ExitCode.failure }
    }
}

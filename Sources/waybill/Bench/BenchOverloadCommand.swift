import ArgumentParser
import WaybillClient
import Web
import Wire

/// `waybill bench overload`.
struct BenchOverloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overload", abstract: "Find the peak, then ask for a half to five times of it: is accepted work done, is the rest refused quickly?",
        discussion: """
            The peak is measured in a closed loop, or given. Then orders are placed at each multiple of it in an open loop. At 2x and 5x at
            least 85 % of the peak must be settled, accepted orders answered within 500 ms and refused ones within 20 ms (99 of 100), and at
            a half nothing may be refused. Exits with 1 if not. The generator should have a processor of its own, or it measures itself; the
            column "late ms" tells how late it was.

            Examples:
              taskset -c 0 waybill serve &  taskset -c 1 waybill bench overload
              waybill bench overload --peak 2500 --factors 2,5 --json
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "Orders per second to take for the peak; without it the peak is measured.")
    var peak: Double?

    @Option(help: "Multiples of the peak, separated by commas.")
    var factors = "0.5,1,2,5"

    @Option(help: "Orders that are under way while the peak is measured.")
    var connections = 512

    @Option(help: "Connections of the open loop; enough for what is under way at the highest rate.")
    var openConnections = 1500

    @Option(help: "Seconds that are measured, per step.")
    var duration = 10.0

    @Option(help: "Seconds before that, which are not.")
    var warmup = 3.0

    private var multiples: [Double] { factors.split(separator: ",").map { Double($0) ?? 0 } }

    func validate() throws {
        if let peak, !(peak > 0 && peak <= 100_000) { throw ValidationError("--peak must be above 0 and at most 100000.") }
        guard !multiples.isEmpty, multiples.allSatisfy({ $0 > 0 && $0 <= 100 }) else {
            throw ValidationError("--factors must be numbers above 0, at most 100.")
        }
        guard (1...10_000).contains(connections), (1...10_000).contains(openConnections) else { throw ValidationError("Connections must be 1 to 10000.") }
        guard duration >= 1, duration <= 86_400, warmup >= 0, warmup <= 3600 else {
            throw ValidationError("--duration must be 1 to 86400 seconds, --warmup 0 to 3600.")
        }
    }

    func run() async throws {
        var ladder = OverloadLadder()
        if let peak { ladder.peak = peak } else { ladder.add(try await step(.closed, connections), factor: nil) }
        for factor in multiples {
            ladder.add(try await step(.open(rate: ladder.peak * factor), openConnections), factor: factor)
        }
        if client.json {
            Output.json(ladder.json)
        } else {
            Output.table(ladder.table())
            let style = Output.style
            for fault in ladder.faults { Output.line(style(.bad, "MISSED: \(fault).")) }
            if ladder.faults.isEmpty { Output.line(style(.good, "As it must be: accepted work is done, the rest is refused quickly.")) }
        }
        if !ladder.faults.isEmpty { throw ExitCode.failure }
    }

    private func step(_ mode: LoadPlan.Mode, _ connections: Int) async throws -> LoadSummary {
        let plan = LoadPlan(mode: mode, connections: connections, warmup: .seconds(warmup), duration: .seconds(duration), products: 1000, seed: 1)
        let progress = ProgressBar("measuring", unit: "seconds", total: Int(warmup + duration), mode: .suited(isSilent: client.json))
        let summary = try await client.withAPI(as: .service, connections: connections + 2, timeout: .seconds(60)) { api in
            try await LoadRun(api: api, plan: plan, progress: progress)()
        }
        progress.finish()
        return summary
    }
}

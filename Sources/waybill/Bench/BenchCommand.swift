import ArgumentParser
import Foundation
import WaybillClient
import Web
import Wire

/// `waybill bench`: load, and the hot product.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure a running platform: place orders, follow them to their end.",
        discussion: """
            Without a subcommand it is "bench load"; see "waybill bench load --help" for its options.

            Examples:
              waybill bench --connections 128 --duration 10
              waybill bench --rate 500 --duration 30 --json
              waybill bench hot --units 100 --orders 2000 --connections 64
              waybill bench overload
            """,
        subcommands: [BenchLoadCommand.self, BenchHotCommand.self, BenchOverloadCommand.self], defaultSubcommand: BenchLoadCommand.self)
}

/// `waybill bench load`.
struct BenchLoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Three-line orders over many products, in a closed or an open loop.",
        discussion: """
            Closed loop (the default): each connection places an order, follows it to its end and places the next.
            Open loop (--rate): orders are placed at a fixed rate; latencies count from the time that each was due.
            Orders that are answered 503 or 429 with Retry-After are counted as rejected, not as errors.
            All orders are followed over one stream of events. The server's CPU time is its own process_cpu_seconds_total:
            of a split platform that is the gateway's alone. --processes counts every process of this machine, and all that it has started, in whose
            arguments or working directory the text occurs; the folder of scripts/cluster names the platform and its engines.

            Examples:
              waybill bench --connections 128 --duration 10
              waybill bench --rate 500 --duration 30 --json
              waybill bench --auth customer --customers 500
              waybill bench --processes "$PWD/data/split-rabbitmq" --json
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "Orders per second (open loop); without it the loop is closed.")
    var rate: Double?

    @Option(help: "Connections: how many orders are under way in the closed loop (default 64), at most in the open one (default 256).")
    var connections: Int?

    @Option(help: "Seconds that are measured.")
    var duration = 10.0

    @Option(help: "Seconds before that, which are not.")
    var warmup = 2.0

    @Option(help: "Products, which are made and stocked first.")
    var products = 1000

    @Option(help: "Seed of the random choice of products.")
    var seed: UInt64 = 1

    @Flag(name: .customLong("idempotency-keys"), help: "Send an Idempotency-Key with every order.")
    var isKeyed = false

    @Option(name: .customLong("processes"), help: "Count the CPU time of this machine's processes with this text in arguments or folder. Repeatable.")
    var processPatterns: [String] = []

    @Option(help: "In whose name: service, one program for all orders; or customer, many customers with a token each (of a platform of this machine).")
    var auth = BenchIdentity.service

    @Option(help: "Customers that --auth customer makes tokens for.")
    var customers = 200

    func validate() throws {
        guard (1...100_000).contains(customers) else { throw ValidationError("--customers must be 1 to 100000.") }
        guard !processPatterns.contains("") else { throw ValidationError("--processes must not be empty.") }
        if let rate, !(rate > 0 && rate <= 1_000_000) { throw ValidationError("--rate must be above 0 and at most 1000000.") }
        if let connections, !(1...10_000).contains(connections) { throw ValidationError("--connections must be 1 to 10000.") }
        guard duration >= 1, duration <= 86_400 else { throw ValidationError("--duration must be 1 to 86400 seconds.") }
        guard warmup >= 0, warmup <= 3600 else { throw ValidationError("--warmup must be 0 to 3600 seconds.") }
        guard (OrderTemplate.linesPerOrder...100_000).contains(products) else { throw ValidationError("--products must be 3 to 100000.") }
    }

    /// What the options say.
    var plan: LoadPlan {
        LoadPlan(
            mode: rate.map { .open(rate: $0) } ?? .closed, connections: connections ?? (rate == nil ? 64 : 256), warmup: .seconds(warmup),
            duration: .seconds(duration), products: products, seed: seed, isKeyed: isKeyed, processes: processPatterns)
    }

    private func buyers(for plan: LoadPlan) async throws -> BenchCustomers? {
        guard auth == .customer else { return nil }
        let mint = try client.place.mint(environment: ProcessInfo.processInfo.environment)
        return try await BenchCustomers(customers, mint: mint, lasting: plan.warmup + plan.duration + plan.drain)
    }

    func run() async throws {
        let plan = plan
        let progress = ProgressBar("measuring", unit: "seconds", total: Int(warmup + duration), mode: .suited(isSilent: client.json))
        let buyers = try await buyers(for: plan)
        let summary = try await client.withAPI(as: .service, connections: plan.connections + 2, timeout: .seconds(60)) { api in
            try await LoadRun(api: api, plan: plan, progress: progress, customers: buyers)()
        }
        progress.finish()
        if client.json { return Output.json(summary.json) }
        Output.table(summary.table())
        for (words, count) in summary.errors.sorted(by: { $0.value > $1.value }) { Output.line("  \(ProgressLine.grouped(count)) x \(words)") }
    }
}

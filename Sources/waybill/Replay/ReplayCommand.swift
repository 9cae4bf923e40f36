import ArgumentParser
import WaybillClient
import Web

/// `waybill replay`: real orders through the whole platform, and the proof that they add up.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Send the orders of a retail file through a platform and reconcile to the penny.",
        discussion: """
            The file is one of UCI Online Retail's form, plain or gzip (InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,
            CustomerID,Country). The products are stocked with what the orders need, each invoice becomes an order with an Idempotency-Key
            of its own, and when all are settled the figures of Analytics and Orders are compared with the file's. Run it again after a
            crash of either side: nothing is placed twice. Exits with 1 if a single figure differs. Without --url it uses the platform at
            the default address, or, when none runs there, one that it starts in a temporary folder.

            Examples:
              waybill replay online_retail.csv.gz --url http://127.0.0.1:8080
              waybill replay online_retail.csv.gz --limit 500 --json
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The file, plain or gzip.")
    var file: String

    @Option(help: "Orders that are placed at the same time.")
    var connections = 32

    @Option(help: "Stock of each product as a multiple of what the orders need.")
    var factor = 1.0

    @Option(help: "Only the first so many orders of the file.")
    var limit: Int?

    @Option(help: "Seconds for which a server that is away is waited for.")
    var retryFor = 120.0

    func validate() throws {
        guard (1...1000).contains(connections) else { throw ValidationError("--connections must be 1 to 1000.") }
        guard factor >= 0, factor <= 1_000_000 else { throw ValidationError("--factor must be 0 to 1000000.") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        guard retryFor >= 0, retryFor <= 86_400 else { throw ValidationError("--retry-for must be 0 to 86400 seconds.") }
    }

    /// The platform at the given address; without one, the platform that runs at the default address, or else one of its own.
    private func launcher() async throws -> any PlatformLauncher {
        let isGiven = client.url != nil || ConnectionOptions.addressOfEnvironment != nil
        let url = client.address
        let isRunning = try? await ClientOptions.withAPI(at: url, trusting: client.authorities, connections: 1, timeout: .seconds(2)) { api in
            try await api.http.send(ClientRequest(path: "/health/live")).status == 200
        }
        guard isGiven || isRunning == true else { return OwnPlatform() }
        return RunningPlatform(url: url, credentials: try Credentials.find(client.connection, role: .service, place: client.place))
    }

    func run() async throws {
        let mode = ProgressBar.Mode.suited(isSilent: client.json)
        let reading = ProgressBar("reading", unit: "lines", total: nil, mode: mode)
        let content = try RetailFile(path: file)
        reading.advance(by: content.lineCount)
        reading.finish()
        let replay = Replay(plan: ReplayPlan(content, limit: limit, factor: factor), connections: connections, retryFor: .seconds(retryFor), mode: mode)
        let launcher = try await launcher()
        let credentials = launcher.credentials
        let report = try await launcher.withPlatform { [connections, authorities = client.authorities] url in
            try await ClientOptions.withAPI(at: url, trusting: authorities, as: credentials, connections: connections) { try await replay($0) }
        }
        if client.json { Output.line(report.json) } else { report.show() }
        if !report.isReconciled { throw ExitCode.failure }
    }
}

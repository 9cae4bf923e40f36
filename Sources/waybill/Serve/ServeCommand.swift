import ArgumentParser
import Foundation
import Logging
import Platform
import Storage

/// `waybill serve`: the whole platform in one process.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the platform: all services in this process.",
        discussion: """
            Keeps one SQLite file per service in the data folder, which is made if need be, and serves HTTP until it is told to stop (Ctrl-C, SIGTERM).

            Example:
              waybill serve --port 8080 --data ./data
              curl http://127.0.0.1:8080/health
            """)

    @Option(help: "Port to listen on; 0 lets the system choose. [WAYBILL_PORT, 8080]") var port: Int?
    @Option(help: "Address to listen on. [WAYBILL_HOST, 127.0.0.1]") var host: String?
    @Option(help: "Folder of the databases. [WAYBILL_DATA, ./data]") var data: String?
    @Option(help: "Least severe log records shown: debug, info, notice, warning, error. [WAYBILL_LOG_LEVEL, info]") var logLevel: String?
    @Option(help: "Minutes an order may take to settle before it is cancelled. [WAYBILL_ORDER_DEADLINE_MINUTES, 15]") var orderDeadlineMinutes: Int?
    @Option(
        help:
            "Milliseconds between the commits of a busy database, 0 to 100: more is cheaper per order, less is faster for one. [WAYBILL_COMMIT_INTERVAL_MS, 3]")
    var commitIntervalMs: Int?
    @Option(help: "Most orders that are being accepted at once; more are answered 503 with Retry-After. [WAYBILL_MAX_INFLIGHT, 512]") var maxInflight: Int?
    @Option(help: "Milliseconds that accepted work may wait for its turn before new orders are refused. [WAYBILL_TARGET_DELAY_MS, 100]")
    var targetDelayMs: Int?
    @Option(help: "Most connections that are served at once; more are answered 503 and closed. [WAYBILL_MAX_CONNECTIONS, 4096]") var maxConnections: Int?
    @Option(
        help:
            "Milliseconds between the signal to stop and the closing of connections, 0 to 15000: longer than a load balancer takes to notice. [WAYBILL_DRAIN_DELAY_MS, 500]"
    )
    var drainDelayMs: Int?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        try ServeCommand.checkCrashPoint(environment["CRASH_AT"])
        let port = try ServeCommand.number(self.port, environment, "WAYBILL_PORT", default: 8080, in: 0...65_535, "--port")
        let deadline = try ServeCommand.number(
            orderDeadlineMinutes, environment, "WAYBILL_ORDER_DEADLINE_MINUTES", default: 15, in: 1...10_080, "--order-deadline-minutes")
        let interval = try ServeCommand.number(
            commitIntervalMs, environment, "WAYBILL_COMMIT_INTERVAL_MS", default: 3, in: 0...100, "--commit-interval-ms")
        let levelName = logLevel ?? environment["WAYBILL_LOG_LEVEL"] ?? "info"
        guard let level = Logger.Level(rawValue: levelName) else {
            throw ValidationError("--log-level: \"\(levelName)\" is none of debug, info, notice, warning, error")
        }
        let registry = Observing.start(level: level)

        var configuration = PlatformConfiguration(storage: .folder(data ?? environment["WAYBILL_DATA"] ?? "./data"))
        configuration.host = host ?? environment["WAYBILL_HOST"] ?? "127.0.0.1"
        configuration.port = port
        configuration.commitInterval = .milliseconds(interval)
        configuration.admission.maximumStarting = try ServeCommand.number(
            maxInflight, environment, "WAYBILL_MAX_INFLIGHT", default: 512, in: 1...100_000, "--max-inflight")
        configuration.admission.targetMilliseconds = Int64(
            try ServeCommand.number(targetDelayMs, environment, "WAYBILL_TARGET_DELAY_MS", default: 100, in: 1...60_000, "--target-delay-ms"))
        configuration.maximumConnections = try ServeCommand.number(
            maxConnections, environment, "WAYBILL_MAX_CONNECTIONS", default: 4096, in: 1...1_000_000, "--max-connections")
        configuration.drainDelay = .milliseconds(
            try ServeCommand.number(drainDelayMs, environment, "WAYBILL_DRAIN_DELAY_MS", default: 500, in: 0...15_000, "--drain-delay-ms"))
        configuration.orders.deadlineMilliseconds = Int64(deadline) * 60_000
        do {
            let platform = try WaybillPlatform(configuration, logger: Logger(label: "waybill"), registry: registry)
            let host = configuration.host
            try await platform.run { port in
                FileHandle.standardOutput.write(Data("Waybill is ready at http://\(host):\(port)  (health: /health, metrics: /metrics)\n".utf8))
            }
        } catch {
            FileHandle.standardError.write(Data("waybill: \(ServeCommand.explain(error, port: port))\n".utf8))
            throw ExitCode.failure
        }
    }

    private static func number(
        _ flag: Int?, _ environment: [String: String], _ name: String, default value: Int, in range: ClosedRange<Int>, _ option: String
    ) throws -> Int {
        let text = flag.map(String.init) ?? environment[name]
        guard let text else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw ValidationError("\(flag == nil ? name : option): \"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A test whose crash point does not exist would prove nothing.
    private static func checkCrashPoint(_ text: String?) throws {
        guard let text else { return }
        guard let (name, _) = CrashPoint.parse(text), WaybillPlatform.crashPoints.contains(name) else {
            throw ValidationError("CRASH_AT: \"\(text)\" is no point:n; waybill crash-points lists the points")
        }
    }

    /// The likely causes in words; anything else as it is.
    private static func explain(_ error: any Error, port: Int) -> String {
        let text = "\(error)"
        return text.contains("errno: 98") || text.contains("Address already in use") ? "port \(port) is in use; choose another with --port" : text
    }
}

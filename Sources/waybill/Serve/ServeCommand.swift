import ArgumentParser
import Foundation
import Logging
import Platform
import Storage

/// `waybill serve`: the platform, or a part of it, in one process.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the platform: all services in this process, or some of them.",
        discussion: """
            Without any setting all services run here, keep one SQLite file each in the data folder, which is made if need be, and serve HTTP until they are told to
            stop (Ctrl-C, SIGTERM). Every setting can be a flag, an environment variable or a key of a YAML file, in this order; `waybill config` shows what is in
            force.

            Examples:
              waybill serve --port 8080 --data ./data
              waybill serve --config deploy/config/split-kafka.yaml --services orders
              curl http://127.0.0.1:8080/health
            """)

    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let settings: Settings
        do {
            settings = try flags.settings(environment: environment)
            try settings.check()
        } catch let error as SettingsError { throw ValidationError(error.description) }
        let configuration = settings.platform()
        try ServeCommand.checkCrashPoint(environment["CRASH_AT"], hasBroker: configuration.engines.broker != .embedded)
        let registry = Observing.start(level: settings.logLevel)
        let logger = Logger(label: "waybill")
        for remark in settings.remarks(environment: environment) { logger.warning("\(remark)") }

        do {
            let platform = try WaybillPlatform(configuration, logger: logger, registry: registry)
            let host = configuration.host
            let scheme = configuration.edge.tls == nil ? "http" : "https"
            try await platform.run { port in
                FileHandle.standardOutput.write(Data("Waybill is ready at \(scheme)://\(host):\(port)  (health: /health, metrics: /metrics)\n".utf8))
            }
        } catch {
            FileHandle.standardError.write(Data("waybill: \(ServeCommand.explain(error, port: configuration.port))\n".utf8))
            throw ExitCode.failure
        }
    }

    /// A test whose crash point does not exist would prove nothing.
    static func checkCrashPoint(_ text: String?, hasBroker: Bool) throws {
        guard let text else { return }
        let points = WaybillPlatform.crashPoints + (hasBroker ? WaybillPlatform.brokerCrashPoints : [])
        guard let (name, _) = CrashPoint.parse(text), points.contains(name) else {
            throw ValidationError("CRASH_AT: \"\(text)\" is no point:n; waybill crash-points\(hasBroker ? " --broker" : "") lists the points")
        }
    }

    /// The likely causes in words; anything else as it is.
    private static func explain(_ error: any Error, port: Int) -> String {
        let text = "\(error)"
        return text.contains("errno: 98") || text.contains("Address already in use") ? "port \(port) is in use; choose another with --port" : text
    }
}

import ArgumentParser
import Contracts
import Foundation
import Logging
import Platform
import WaybillClient
import Wire

/// `waybill audit`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Check what every service and the payment provider have on record against the promises.",
        discussion: """
            Asks a running platform; or with --data opens a data folder that nothing runs on; or with --config opens the PostgreSQL databases that a configuration
            names, beside whatever works with them, and changes nothing there. Prints what is wrong and what would put it right, and exits with 1 if anything is. A
            finding about an order counts only if it is there at two looks between which nothing changed, so an audit under load is right too.

            With --repair what can be put right by itself is: each service does its own part through its state machine and writes it into its table
            admin_actions. The rest is for a person. Run the audit again afterwards: what is put right is gone.

            Examples:
              waybill audit
              waybill audit --order 01890a5d-ac96-774b-bcce-b302099a8057
              waybill audit --data ./data --repair
              waybill audit --config deploy/config/split-kafka.yaml
            """)

    @OptionGroup var client: ConnectionOptions

    @Flag(help: "Put right what can be put right by itself.")
    var repair = false

    @Option(help: "Audit the databases of this folder instead of a running platform; nothing may run on it.")
    var data: String?

    @Option(help: "Audit the PostgreSQL databases that this YAML file (and WAYBILL_... variables) names, reading only; anything may run on them.")
    var config: String?

    @Option(help: "Only this order.")
    var order: Identifier?

    /// So many orders are audited per request.
    private static let piece = 5000

    func validate() throws {
        if let data, data.isEmpty { throw ValidationError("--data must name a folder.") }
        if [data != nil, config != nil, client.url != nil].count(where: { $0 }) > 1 { throw ValidationError("--data, --config and --url exclude each other.") }
        if config != nil, repair { throw ValidationError("--config only reads. Repairs are made by the running platform: waybill audit --repair.") }
    }

    func run() async throws {
        let result = if let data { try await offline(data) } else if let config { try await beside(config) } else { try await online() }
        if client.json { Output.json(result.json) } else { result.show() }
        if !result.findings.isEmpty { throw ExitCode.failure }
    }

    private func online() async throws -> AuditResult {
        try await client.withAPI(from: .standard, timeout: .seconds(600)) { api in
            if let order { return AuditResult(try await api.audit(order: order, repair: repair)) }
            let bar = ProgressBar("auditing", unit: "orders", total: nil, mode: .suited(isSilent: client.json))
            defer { bar.finish() }
            var result = AuditResult()
            var cursor: Identifier?
            repeat {
                let answer = try await api.audit(after: cursor, limit: AuditCommand.piece, repair: repair)
                bar.setTotal(answer["total"]?.integer.map { Int($0) })
                let piece = AuditResult(answer)
                bar.advance(by: piece.orders)
                result.add(piece)
                cursor = answer["next"]?.string.flatMap { Identifier($0) }
            } while cursor != nil
            return result
        }
    }

    private func offline(_ folder: String) async throws -> AuditResult {
        guard FileManager.default.fileExists(atPath: folder + "/orders.sqlite") else {
            throw ValidationError("\(folder) holds no databases of a platform.")
        }
        return try await audit(PlatformConfiguration(storage: .folder(folder))) { platform, progress in
            try await platform.audit(order: order, repairingAs: repair ? "waybill audit" : nil, progress: progress)
        }
    }

    /// The databases of a platform that may run.
    private func beside(_ path: String) async throws -> AuditResult {
        let configuration: PlatformConfiguration
        do {
            let settings = try Settings(path: path, environment: ProcessInfo.processInfo.environment)
            let mistakes = settings.engineMistakes(withBroker: true)
            guard mistakes.isEmpty else { throw SettingsError(mistakes) }
            guard settings.text("storage") == "postgres" else {
                throw SettingsError(["storage is sqlite, whose files belong to the process that works with them: ask that one, or stop it and use --data"])
            }
            configuration = settings.platform()
        } catch let error as SettingsError { throw ValidationError(error.description) }
        do {
            return try await audit(configuration) { platform, progress in try await platform.auditBeside(order: order, progress: progress) }
        } catch let error as PlatformError {
            Output.note("waybill: \(error)")
            throw ExitCode.failure
        }
    }

    private typealias Progress = @Sendable (Int, Int) -> Void

    /// Lets a platform that does not run audit itself.
    private func audit(_ configuration: PlatformConfiguration, _ body: (WaybillPlatform, @escaping Progress) async throws -> AuditReport) async throws
        -> AuditResult
    {
        // Before the first logger is made: it would keep the old way of logging.
        let registry = Observing.start(level: .critical)
        let platform = try WaybillPlatform(configuration, logger: Logger(label: "waybill"), registry: registry)
        let bar = ProgressBar("auditing", unit: "orders", total: nil, mode: .suited(isSilent: client.json || order != nil))
        let report = try await body(platform) { done, total in
            bar.setTotal(total)
            bar.advance(by: done - bar.done)
        }
        bar.finish()
        guard let document = try JSONParser.parse(JSONWriter.object { report.write(to: &$0) }).object else { return AuditResult() }
        return AuditResult(document)
    }
}

import ArgumentParser
import Foundation
import Logging
import Platform
import Wire

/// `waybill migrate`.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the schemas of the services' databases up to date.",
        discussion: """
            Takes the flags, variables and file that `waybill serve` takes. Every service does the same with its own database when it starts; this is for those who want
            it done before: by an account that may change tables where the services' own may not, or to see what a new version would do. Schemas only go forward. Of
            several that run at once one applies a migration, and the others find it applied. Exits with 1 if a database could not be brought up to date.

            Examples:
              waybill migrate --data ./data
              waybill migrate --config deploy/config/split-kafka.yaml --dry-run
              waybill migrate --config waybill.yaml --services orders,payments
            """)

    @OptionGroup var flags: SettingFlags

    @Flag(help: "Say what would be applied, and change nothing.")
    var dryRun = false

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    func run() async throws {
        let configuration = try configuration(environment: ProcessInfo.processInfo.environment)
        // What is wrong is told at the end; what engines log meanwhile would only stand in between.
        _ = Observing.start(level: .critical)
        let migration = SchemaMigration(configuration, logger: Logger(label: "waybill.migrate"))
        let outcomes: [SchemaMigration.Outcome]
        do { outcomes = try await migration.run(isDryRun: dryRun) } catch let error as PlatformError {
            Output.note("waybill: \(error)")
            throw ExitCode.failure
        }
        if json { Output.json(MigrateCommand.json(outcomes)) } else { show(outcomes) }
        if outcomes.contains(where: { $0.problem != nil }) { throw ExitCode.failure }
    }

    /// The databases of the services that are named, wherever those run.
    private func configuration(environment: [String: String]) throws -> PlatformConfiguration {
        do {
            let settings = try flags.settings(environment: environment)
            var mistakes = settings.engineMistakes(withBroker: false)
            do throws(SettingMistake) { _ = try settings.services() } catch { mistakes.append("services: \(error.words)") }
            guard mistakes.isEmpty else { throw SettingsError(mistakes) }
            return settings.platform()
        } catch let error as SettingsError { throw ValidationError(error.description) }
    }

    private func show(_ outcomes: [SchemaMigration.Outcome]) {
        var table = Table(["DATABASE", "VERSION", dryRun ? "WOULD BE APPLIED" : "APPLIED"])
        for outcome in outcomes where outcome.problem == nil { table.add(MigrateCommand.cells(outcome)) }
        if !table.isEmpty { Output.table(table) }
        for outcome in outcomes { if let problem = outcome.problem { Output.line("\(Output.style(.bad, "FAIL"))  \(outcome.database): \(problem)") } }
        if outcomes.isEmpty { Output.line("None of these services has a database.") }
    }

    private static func cells(_ outcome: SchemaMigration.Outcome) -> [String] {
        let steps = outcome.steps.map { "\($0.version) \($0.name)" }.joined(separator: "; ")
        if outcome.steps.isEmpty { return [outcome.database, "\(outcome.after)", "nothing: it is up to date"] }
        return [outcome.database, "\(outcome.exists ? "\(outcome.before)" : "new") -> \(outcome.after)", steps]
    }

    private static func json(_ outcomes: [SchemaMigration.Outcome]) -> [UInt8] {
        JSONWriter.object(capacity: 1024) { json in
            json.key("databases")
            json.array(outcomes) { json, outcome in
                json.object { json in
                    json.member("database", outcome.database)
                    json.member("before", outcome.before)
                    json.member("after", outcome.after)
                    json.key("migrations")
                    json.array(outcome.steps) { json, step in
                        json.object { json in
                            json.member("version", step.version)
                            json.member("name", step.name)
                        }
                    }
                    json.optional("problem", outcome.problem)
                }
            }
        }
    }
}

import ArgumentParser
import Foundation

/// `waybill config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show every setting that is in force, and where it comes from.",
        discussion: """
            A flag comes before an environment variable, that before the YAML file, that before the default. Secrets are not shown. Exits with 1 if something
            is wrong: a value that cannot be, a setting that does not exist, settings that do not go together.

            Examples:
              waybill config
              waybill config --config deploy/config/split-kafka.yaml --services orders
              waybill config --reference
            """)

    @OptionGroup var flags: SettingFlags

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    @Flag(help: "Print all settings there are, with their variables and flags, as Markdown.")
    var reference = false

    func run() async throws {
        if reference { return Output.line(SettingsText.reference.trimmed) }
        let environment = ProcessInfo.processInfo.environment
        let settings = try flags.settings(environment: environment)
        let (mistakes, remarks) = (settings.allMistakes(), settings.remarks(environment: environment))
        if json {
            Output.json(SettingsText(settings: settings).json(mistakes: mistakes, remarks: remarks))
        } else {
            Output.line("file: \(settings.path ?? "none")")
            Output.table(SettingsText(settings: settings).table)
            for remark in remarks { Output.line("\(Output.style(.warning, "note"))  \(remark)") }
            for mistake in mistakes { Output.line("\(Output.style(.bad, "FAIL"))  \(mistake)") }
        }
        if !mistakes.isEmpty { throw ExitCode.failure }
    }
}

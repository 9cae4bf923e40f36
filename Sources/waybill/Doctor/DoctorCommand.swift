import ArgumentParser
import Foundation
import Logging
import Platform
import WaybillClient
import Web
import Wire

/// `waybill doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examine the configuration, this machine, every engine and a running platform, and say what to do about what is wrong.",
        discussion: """
            Takes the flags, variables and file that `waybill serve` takes, and connects to every engine and process that they name. `waybill config` shows all
            settings. Exits with 1 if anything is marked FAIL.

            Examples:
              waybill doctor --data ./data
              waybill doctor --local --config deploy/config/split-kafka.yaml --services orders
            """)

    @OptionGroup var client: ConnectionOptions
    @OptionGroup var flags: SettingFlags

    @Flag(help: "Examine only this machine and its engines, not a running platform.")
    var local = false

    @Flag(help: "Examine only the running platform, not this machine.")
    var remote = false

    func validate() throws {
        if local && remote { throw ValidationError("--local and --remote exclude each other.") }
    }

    func run() async throws {
        var findings: [Finding] = []
        var settings: Settings?
        if !local { findings += try await server() }
        if !remote {
            let environment = ProcessInfo.processInfo.environment
            do {
                let read = try flags.settings(environment: environment)
                settings = read
                findings += ExamineSettings(settings: read, environment: environment)()
                if read.allMistakes().isEmpty { findings += await DoctorCommand.examine(read.platform()) }
            } catch let error as SettingsError {
                findings += error.lines.map { .fail("configuration", $0, "Correct the file.") }
            }
        }
        if client.json { Output.json(DoctorCommand.json(findings, settings)) } else { DoctorCommand.show(findings, settings) }
        if findings.contains(where: { $0.verdict == .fail }) { throw ExitCode.failure }
    }

    /// A platform that runs somewhere.
    private func server() async throws -> [Finding] {
        let url = client.address
        let credentials: Credentials
        do {
            credentials = try Credentials.find(client, role: .admin, place: LocalPlace(config: flags.config, flags: flags.values))
        } catch let error as CredentialsError { return [.fail("access", error.description, "Correct what is given for a token.")] }
        return try await ClientOptions.withAPI(at: url, trusting: client.authorities, as: credentials, connections: 4, timeout: .seconds(5)) { api in
            await ExamineServer(
                api: api, url: url, authorities: client.authorities, now: { SystemClock().now().milliseconds }, origin: credentials.origin)()
        }
    }

    /// This machine, where it is to keep the data, and everything that it is to be connected with.
    private static func examine(_ platform: PlatformConfiguration) async -> [Finding] {
        // What is wrong is a finding; what engines log meanwhile would only stand between them.
        _ = Observing.start(level: .critical)
        var quiet = Logger(label: "waybill.doctor")
        quiet.logLevel = .critical
        var findings: [Finding] = []
        if case .folder(let folder) = platform.storage, platform.engines.storage == .sqlite, platform.engines.services != [.gateway] {
            findings += await ExamineMachine(folder: folder)()
        }
        return findings + (await ExamineEngines(examinations: EngineExaminations(platform, logger: quiet).all)())
    }

    private static func show(_ findings: [Finding], _ settings: Settings?) {
        let style = Output.style
        // What somebody has set; all the rest is what it always is.
        for entry in settings?.entries ?? [] where entry.source != .standard {
            Output.line("\(style(.faint, "set"))   \(entry.setting.key): \(SettingsText.shown(entry) ?? "-")")
        }
        for finding in findings {
            let role: Style.Role = finding.verdict == .ok ? .good : finding.verdict == .warn ? .warning : .bad
            let mark = finding.verdict.rawValue + String(repeating: " ", count: 4 - finding.verdict.rawValue.count)
            Output.line("\(style(role, mark))  \(finding.name): \(finding.words)")
            if !finding.advice.isEmpty { Output.line("      \(finding.advice)") }
        }
    }

    private static func json(_ findings: [Finding], _ settings: Settings?) -> [UInt8] {
        JSONWriter.object(capacity: 1024) { json in
            json.member("healthy", !findings.contains { $0.verdict == .fail })
            if let settings {
                json.key("settings")
                json.array(settings.entries.filter { $0.value != nil }) { json, entry in
                    json.object { json in
                        json.member("key", entry.setting.key)
                        json.optional("value", SettingsText.shown(entry))
                    }
                }
            }
            json.key("findings")
            json.array(findings) { json, finding in
                json.object { json in
                    json.member("verdict", finding.verdict.rawValue)
                    json.member("name", finding.name)
                    json.member("words", finding.words)
                    if !finding.advice.isEmpty { json.member("advice", finding.advice) }
                }
            }
        }
    }
}

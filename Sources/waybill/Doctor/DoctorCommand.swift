import ArgumentParser
import Platform
import WaybillClient
import Wire

/// `waybill doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Examine this machine and a running platform, and say what to do about what is wrong.",
        discussion: """
            Exits with 1 if anything is marked FAIL.

            Examples:
              waybill doctor --data ./data
              waybill doctor --local
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "The data folder of the platform on this machine (default ./data).")
    var data = "./data"

    @Flag(help: "Examine only this machine, not a running platform.")
    var local = false

    @Flag(help: "Examine only the running platform, not this machine.")
    var remote = false

    func validate() throws {
        if local && remote { throw ValidationError("--local and --remote exclude each other.") }
        if data.isEmpty { throw ValidationError("--data must name a folder.") }
    }

    func run() async throws {
        var findings: [Finding] = []
        if !local {
            let url = client.address
            findings += try await client.withAPI(timeout: .seconds(5)) { api in
                await ExamineServer(api: api, url: url, now: { SystemClock().now().milliseconds })()
            }
        }
        if !remote { findings += await ExamineMachine(folder: data)() }
        if client.json { Output.json(DoctorCommand.json(findings)) } else { DoctorCommand.show(findings) }
        if findings.contains(where: { $0.verdict == .fail }) { throw ExitCode.failure }
    }

    private static func show(_ findings: [Finding]) {
        let style = Output.style
        for finding in findings {
            let role: Style.Role = finding.verdict == .ok ? .good : finding.verdict == .warn ? .warning : .bad
            let mark = finding.verdict.rawValue + String(repeating: " ", count: 4 - finding.verdict.rawValue.count)
            Output.line("\(style(role, mark))  \(finding.name): \(finding.words)")
            if !finding.advice.isEmpty { Output.line("      \(finding.advice)") }
        }
    }

    private static func json(_ findings: [Finding]) -> [UInt8] {
        JSONWriter.object(capacity: 1024) { json in
            json.member("healthy", !findings.contains { $0.verdict == .fail })
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

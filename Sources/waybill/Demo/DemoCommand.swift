import ArgumentParser
import WaybillClient
import Wire

/// `waybill demo`: what a newcomer runs next.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "One order of each outcome against a running platform, each timeline as it unfolds.",
        discussion: """
            Makes products of its own, so it can be run again and again. Exits with 1 if an order ends otherwise than it must.

            Examples:
              waybill demo
              waybill demo --only declined
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "Only scenarios with this in their names.")
    var only: String?

    @Option(help: "Seconds that one scenario may take.")
    var timeout = 60.0

    func validate() throws {
        guard timeout > 0, timeout <= 3600 else { throw ValidationError("--timeout must be above 0 and at most 3600 seconds.") }
        if scenarios.isEmpty {
            throw ValidationError("No scenario has \"\(only ?? "")\" in its name; there are: \(DemoScenario.all.map(\.name).joined(separator: "; ")).")
        }
    }

    private var scenarios: [DemoScenario] { DemoScenario.all.filter { scenario in only.map { scenario.name.contains($0) } ?? true } }

    /// How a scenario ended.
    private struct Verdict {
        let name: String
        var checks: [DemoCheck] = []
        var failure: String?
        var seconds = 0.0
        var isRight: Bool { failure == nil && checks.allSatisfy(\.isMet) }
    }

    func run() async throws {
        let verdicts = try await client.withAPI(connections: 16) { api in
            // Without a server there is one clear error instead of ten.
            _ = try await api.answer(ClientRequest(path: "/health/ready"))
            let stage = DemoStage(api: api, run: RunName.fresh(), isSilent: client.json)
            var verdicts: [Verdict] = []
            for scenario in scenarios { verdicts.append(await play(scenario, on: stage)) }
            return verdicts
        }
        if client.json { Output.json(json(verdicts)) } else { show(verdicts) }
        if !verdicts.allSatisfy(\.isRight) { throw ExitCode.failure }
    }

    private func play(_ scenario: DemoScenario, on stage: DemoStage) async -> Verdict {
        let style = Output.style
        if !client.json {
            Output.line(style(.heading, scenario.name))
            Output.line(style(.faint, "  " + scenario.story))
        }
        var verdict = Verdict(name: scenario.name)
        let begin = ContinuousClock.now
        do {
            verdict.checks = try await withDeadline(.seconds(timeout)) { try await scenario.play(stage) }
        } catch {
            verdict.failure = "\(error)"
        }
        verdict.seconds = (ContinuousClock.now - begin) / .seconds(1)
        if !client.json { show(verdict, style) }
        return verdict
    }

    private func show(_ verdict: Verdict, _ style: Style) {
        for check in verdict.checks {
            let words = "\(check.what): \(check.found)"
            Output.line(check.isMet ? style(.good, "  ok    \(words)") : style(.bad, "  WRONG \(words); expected \(check.expected.joined(separator: " or "))"))
        }
        if let failure = verdict.failure { Output.line(style(.bad, "  WRONG \(failure)")) }
        Output.line()
    }

    private func show(_ verdicts: [Verdict]) {
        var table = Table(["outcome", "verdict", "seconds"])
        for verdict in verdicts { table.add([verdict.name, verdict.isRight ? "as expected" : "WRONG", String((verdict.seconds * 100).rounded() / 100)]) }
        Output.table(table)
        Output.line()
        Output.line("Next: waybill orders list, waybill analytics dashboard, waybill events tail --after 0 --count 20")
    }

    private func json(_ verdicts: [Verdict]) -> [UInt8] {
        JSONWriter.object(capacity: 2048) { json in
            json.member("passed", verdicts.allSatisfy(\.isRight))
            json.key("scenarios")
            json.array(verdicts) { json, verdict in
                json.object { json in
                    json.member("name", verdict.name)
                    json.member("passed", verdict.isRight)
                    json.member("seconds", decimal: verdict.seconds)
                    json.optional("failure", verdict.failure)
                    json.key("checks")
                    json.array(verdict.checks) { json, check in
                        json.object { json in
                            json.member("what", check.what)
                            json.key("expected")
                            json.array(check.expected) { $0.string($1) }
                            json.member("found", check.found)
                        }
                    }
                }
            }
        }
    }
}

import ArgumentParser
import WaybillClient
import Wire

/// `waybill orders explain`.
struct OrdersExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say what an order waits for, since when, and what can be done about it.",
        discussion: """
            Example:
              waybill orders explain 01890a5d-ac96-774b-bcce-b302099a8057
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The order's id.")
    var id: Identifier

    func run() async throws {
        let explanation = try await client.withAPI { try await $0.explain(id) }
        if client.json { return Output.json(explanation) }
        let style = Output.style
        Output.line(style(explanation["overdue"]?.bool ?? false ? .bad : .heading, explanation["words"]?.string ?? ""))
        for finding in explanation["findings"]?.array ?? [] {
            Output.line("\(style(.bad, finding["rule"]?.string ?? "")) \(finding["evidence"]?.string ?? "")")
        }
        for advice in explanation["advice"]?.array ?? [] { Output.line("  \(advice.string ?? "")") }
    }
}

import ArgumentParser
import WaybillClient
import Wire

/// `waybill analytics`.
struct AnalyticsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analytics", abstract: "What was sold, and how fast.",
        discussion: """
            Examples:
              waybill analytics dashboard --top 10
              waybill analytics rebuild
            """,
        subcommands: [AnalyticsDashboardCommand.self, AnalyticsRebuildCommand.self])
}

/// `waybill analytics dashboard`.
struct AnalyticsDashboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dashboard", abstract: "Orders, revenue, months, countries, best products, failures.",
        discussion: """
            Examples:
              waybill analytics dashboard --top 10
              waybill analytics dashboard --from 2011-01-01 --to 2011-04-01 --json
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "So many of the best products.")
    var top = 10

    @Option(help: "Only orders placed at or after this day or RFC 3339 time.")
    var from: String?

    @Option(help: "Only orders placed before this day or time.")
    var to: String?

    func validate() throws {
        guard (1...1000).contains(top) else { throw ValidationError("--top must be 1 to 1000.") }
    }

    func run() async throws {
        let dashboard = try await client.withAPI { try await $0.dashboard(top: top, from: from, to: to) }
        if client.json { Output.json(dashboard) } else { DashboardText(dashboard: dashboard).show() }
    }
}

/// `waybill analytics rebuild`.
struct AnalyticsRebuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Count everything anew from the event log; the figures come out the same.",
        discussion: """
            Example:
              waybill analytics rebuild
            """)

    @OptionGroup var client: ClientOptions

    func run() async throws {
        // A long log takes its time; the answer comes when all is counted.
        let result = try await client.withAPI(timeout: .seconds(3600)) { try await $0.rebuildAnalytics() }
        if client.json { return Output.json(result) }
        let events = result["events"]?.integer ?? 0
        let seconds = result["seconds"]?.double ?? 0
        Output.line("\(ProgressLine.grouped(Int(events))) events counted anew in \(ProgressLine.clock(seconds)).")
        if let skipped = result["skipped"]?.integer, skipped > 0 { Output.note("\(skipped) events could not be counted; they are dead letters.") }
        if let missing = result["missing"]?.integer, missing > 0 { Output.note("\(missing) events that had been counted are not in the log.") }
    }
}

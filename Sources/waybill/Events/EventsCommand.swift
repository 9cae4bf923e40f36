import ArgumentParser
import WaybillClient
import Wire

/// `waybill events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "The log of everything that happened.",
        discussion: """
            Example:
              waybill events tail --type OrderConfirmed,OrderFailed
            """,
        subcommands: [EventsTailCommand.self])
}

/// `waybill events tail`.
struct EventsTailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Follow the events of all orders as they happen.",
        discussion: """
            Runs until it is interrupted (Ctrl-C), or until --count events were shown. A lost connection is opened again where it ended.
            With --json one event a line, as it stands in the log.

            Examples:
              waybill events tail
              waybill events tail --type OrderConfirmed,OrderFailed --json
              waybill events tail --after 0 --count 100
            """)

    @OptionGroup var client: ClientOptions

    @Option(name: .customLong("type"), help: ArgumentHelp("Only these types of events, separated by commas. Repeatable.", valueName: "types"))
    var types: [String] = []

    @Option(help: "Begin behind this sequence number; 0 for the oldest event (default: from now on).")
    var after: Int64?

    @Option(help: "End after so many events.")
    var count: Int?

    func validate() throws {
        if let after, after < 0 { throw ValidationError("--after must be 0 or more.") }
        if let count, count < 1 { throw ValidationError("--count must be at least 1.") }
        let isNamed = typeNames.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (65...90).contains($0) || (97...122).contains($0) } }
        guard isNamed else { throw ValidationError("--type takes names of events such as OrderConfirmed, separated by commas.") }
    }

    private var typeNames: [String] { types.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } }

    func run() async throws {
        let names = typeNames
        try await client.withAPI { api in
            var (lastID, shown): (String?, Int) = (nil, 0)
            while true {
                do {
                    for try await event in api.followAll(types: names, after: after, lastEventID: lastID) {
                        lastID = event.id
                        show(event)
                        shown += 1
                        if let count, shown >= count { return }
                    }
                } catch let error as ClientError where error.isTransient && lastID != nil {
                    Output.note("The connection was lost; following again behind event \(lastID ?? "").")
                }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func show(_ event: ServerSentEvent) {
        if client.json { return Output.line(event.data) }
        guard let line = TimelineLine(event) else { return }
        let time = line.time.map { String($0.description.dropFirst(11).dropLast()) } ?? ""
        let key = line.body["orderId"]?.string ?? line.body["productId"]?.string ?? ""
        let name = line.type + String(repeating: " ", count: max(0, 26 - line.type.count))
        let shown = line.newStatus.map { Output.style(OrderText.role($0), name) } ?? name
        Output.line("\(Output.style(.faint, time))  \(key)  \(shown)  \(line.details)")
    }
}

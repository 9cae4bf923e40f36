import ArgumentParser
import WaybillClient
import Wire

/// `waybill dlq`.
struct DlqCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq", abstract: "Dead letters: events that could not be applied. See, rehearse, redrive, edit, archive.",
        discussion: """
            Examples:
              waybill dlq list --group
              waybill dlq show inventory:01890a5d-ac96-774b-bcce-b302099a8057
              waybill dlq redrive inventory:01890a5d-ac96-774b-bcce-b302099a8057 --dry-run
              waybill dlq redrive --consumer inventory --error timeout --rate 20
            """,
        subcommands: [DlqListCommand.self, DlqShowCommand.self, DlqRedriveCommand.self, DlqEditCommand.self, DlqArchiveCommand.self])
}

/// Which dead letters a command is about.
struct DlqSelectionOptions: ParsableArguments {
    @Option(help: "Only those of this consumer, such as inventory.")
    var consumer: String?

    @Option(help: "Only events of this type, such as OrderCreated.")
    var type: String?

    @Option(help: "Only those whose error contains this text.")
    var error: String?

    @Option(help: "Only those of this order.")
    var order: Identifier?

    @Option(help: "Only those that died longer ago than this: 90s, 10m, 2h, 7d.")
    var olderThan: String?

    @Option(help: "Only those that died less long ago than this.")
    var youngerThan: String?

    var selection: DeadLetterSelection {
        var selection = DeadLetterSelection()
        (selection.consumer, selection.type, selection.error, selection.orderID) = (consumer, type, error, order)
        (selection.olderThan, selection.youngerThan) = (olderThan, youngerThan)
        return selection
    }
}

/// In whose name something is done.
struct DlqActorOptions: ParsableArguments {
    @Option(help: "Your name, for the record of actions (default: the environment's USER).")
    var actor: String?

    /// The name in force.
    var name: String? { actor ?? ConnectionOptions.environment("USER") }
}

/// `waybill dlq list`.
struct DlqListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List dead letters, newest event first, or count them by error.",
        discussion: """
            Examples:
              waybill dlq list --consumer inventory --younger-than 2h
              waybill dlq list --group
              waybill dlq list --state archived --json
            """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var options: DlqSelectionOptions

    @Option(help: "open, redriven, archived or all.")
    var state = "open"

    @Flag(help: "Count by consumer, type and error instead.")
    var group = false

    @Option(help: "At most so many; 0 for all.")
    var limit = 50

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must be 0 or more.") }
        guard ["open", "redriven", "archived", "all"].contains(state) else { throw ValidationError("--state must be open, redriven, archived or all.") }
    }

    func run() async throws {
        if group {
            let groups = try await client.withAPI { try await $0.deadLetterGroups(options.selection, state: state) }
            if client.json { return Output.json(groups) }
            return DlqText.showGroups(groups["items"]?.array ?? [])
        }
        var letters: [DeadLetterView] = []
        try await client.withAPI { api in
            try await api.eachDeadLetter(options.selection, state: state, limit: limit == 0 ? .max : limit) { letters.append($0) }
        }
        if client.json { return Output.list(letters.map(\.json)) }
        if letters.isEmpty { return Output.note("No such dead letters.") }
        Output.table(DlqText.table(letters))
    }
}

/// `waybill dlq show`.
struct DlqShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a dead letter: the event, every attempt with its error, what was done to it, the order's timeline.",
        discussion: """
            With --event only the event's JSON is printed, to be edited.

            Examples:
              waybill dlq show inventory:01890a5d-ac96-774b-bcce-b302099a8057
              waybill dlq show inventory:01890a5d-ac96-774b-bcce-b302099a8057 --event > event.json
            """)

    @OptionGroup var client: ClientOptions

    @Argument(help: "The dead letter's id, CONSUMER:EVENT.")
    var id: String

    @Flag(help: "Print the event alone.")
    var event = false

    func run() async throws {
        let letter = try await client.withAPI { try await $0.deadLetter(id) }
        if event {
            guard let event = letter.json["event"]?.object else { throw DlqNoEvent() }
            return Output.json(event)
        }
        if client.json { Output.json(letter.json) } else { DlqText.showDetails(letter) }
    }
}

/// A dead letter whose content is no JSON object.
struct DlqNoEvent: Error, CustomStringConvertible {
    let description = "This dead letter's content is not a JSON object; give the whole event with --file."
}

import ArgumentParser
import WaybillClient
import Wire

/// `waybill dlq redrive`.
struct DlqRedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive", abstract: "Apply dead letters after all: one by its id, or all that a filter names.",
        discussion: """
            --dry-run shows what would happen and does nothing: for one, what would be written and told; for many, how many there are.
            Many are redriven oldest first, at --rate a second, until --stop-after fail in a row; exit code 1 unless all succeeded.

            Examples:
              waybill dlq redrive inventory:01890a5d-ac96-774b-bcce-b302099a8057 --dry-run
              waybill dlq redrive --consumer inventory --older-than 10m --rate 20 --yes
              waybill dlq redrive --all --dry-run
            """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var options: DlqSelectionOptions
    @OptionGroup var who: DlqActorOptions

    @Argument(help: "The dead letter's id, CONSUMER:EVENT; none for many.")
    var id: String?

    @Flag(help: "All open ones; needed where neither an id nor a filter is given.")
    var all = false

    @Option(help: "So many a second.")
    var rate = 10

    @Option(help: "Stop when so many have failed in a row.")
    var stopAfter = 5

    @Option(help: "Why, for the record of actions.")
    var note: String?

    @Flag(help: "Show what would happen, and do nothing.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    func validate() throws {
        guard (1...1000).contains(rate) else { throw ValidationError("--rate must be 1 to 1000.") }
        guard stopAfter >= 1 else { throw ValidationError("--stop-after must be at least 1.") }
        if id != nil, options.selection.isNarrow || all { throw ValidationError("Give either an id or a filter.") }
        if id == nil, !options.selection.isNarrow, !all { throw ValidationError("Give an id, a filter, or --all.") }
        if id == nil, note != nil { throw ValidationError("--note goes with an id.") }
    }

    func run() async throws {
        if let id { return try await one(id) }
        let bulk = DlqBulkRedrive(
            selection: options.selection, rate: rate, stopAfter: stopAfter, actor: who.name, isDryRun: dryRun, isConfirmed: yes, isJSON: client.json)
        if try await !client.withAPI({ try await bulk($0) }) { throw ExitCode.failure }
    }

    private func one(_ id: String) async throws {
        if dryRun {
            let rehearsal = try await client.withAPI { try await $0.rehearse(id) }
            if client.json { Output.json(rehearsal) } else { DlqText.show(rehearsal: rehearsal) }
            if rehearsal["applies"]?.bool != true { throw ExitCode.failure }
            return
        }
        let letter = try await client.withAPI { try await $0.redrive(id, note: note, actor: who.name) }
        if client.json { Output.json(letter.json) } else { DlqText.show(letter) }
    }
}

/// `waybill dlq edit`.
struct DlqEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Edit a dead letter's event and apply it; refused if somebody else was first.",
        discussion: """
            --set changes one member, named by its JSON pointer; a value that is not JSON is taken as text. What the event is about (its id, type, order)
            cannot be changed. The original is kept, and the differences are in the record of actions.

            Examples:
              waybill dlq edit inventory:01890a5d-ac96-774b-bcce-b302099a8057 --set /items/0/quantity=1 --dry-run
              waybill dlq edit inventory:01890a5d-ac96-774b-bcce-b302099a8057 --file event.json --note "quantity was 0"
            """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var who: DlqActorOptions

    @Argument(help: "The dead letter's id, CONSUMER:EVENT.")
    var id: String

    @Option(name: .customLong("set"), help: ArgumentHelp("A change, /path=value. Repeatable.", valueName: "change"))
    var changes: [DlqChangeArgument] = []

    @Option(help: "A file with the whole edited event as JSON; - for standard input.")
    var file: String?

    @Option(help: "Why, for the record of actions.")
    var note: String?

    @Flag(help: "Show what would happen, and do nothing.")
    var dryRun = false

    func validate() throws {
        if changes.isEmpty, file == nil { throw ValidationError("Give the changes with --set /path=value, or the whole event with --file.") }
        if !changes.isEmpty, file != nil { throw ValidationError("Give either --set or --file.") }
    }

    func run() async throws {
        try await client.withAPI { api in
            let letter = try await api.deadLetter(id)
            let event = try edited(letter)
            if dryRun {
                let rehearsal = try await api.rehearse(id, event: event)
                if client.json { Output.json(rehearsal) } else { DlqText.show(rehearsal: rehearsal) }
                if rehearsal["applies"]?.bool != true { throw ExitCode.failure }
                return
            }
            let done = try await api.editAndRedrive(id, event: event, version: letter.version, note: note, actor: who.name)
            if client.json { Output.json(done.json) } else { DlqText.show(done) }
        }
    }

    private func edited(_ letter: DeadLetterView) throws -> JSONObject {
        if let file {
            guard let event = try JSONParser.parse(try FileBytes.read(file, limit: 1 << 20)).object else { throw DlqNoEvent() }
            return event
        }
        guard var event = letter.json["event"], event.object != nil else { throw DlqNoEvent() }
        for change in changes { event = try change.apply(to: event) }
        return event.object ?? JSONObject(members: [])
    }
}

/// `waybill dlq archive`.
struct DlqArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Put a dead letter aside, with a reason; it is kept for 30 days and in the record of actions.",
        discussion: """
            Example:
              waybill dlq archive orders:01890a5d-ac96-774b-bcce-b302099a8057 --reason "the order was placed anew"
            """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var who: DlqActorOptions

    @Argument(help: "The dead letter's id, CONSUMER:EVENT.")
    var id: String

    @Option(help: "Why.")
    var reason: String

    func run() async throws {
        let letter = try await client.withAPI { try await $0.archive(id, reason: reason, actor: who.name) }
        if client.json { Output.json(letter.json) } else { DlqText.show(letter) }
    }
}

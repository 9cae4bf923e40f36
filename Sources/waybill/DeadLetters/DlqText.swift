import WaybillClient
import Wire

/// Dead letters for people.
enum DlqText {
    /// Many as a table.
    static func table(_ letters: [DeadLetterView]) -> Table {
        var table = Table(["id", "type", "died", "attempts", "state", "error"])
        for letter in letters { table.add([letter.id, letter.type, "\(letter.diedAt)", "\(letter.attempts)", letter.state, letter.error]) }
        return table
    }

    static func showGroups(_ groups: [JSONValue]) {
        if groups.isEmpty { return Output.note("No such dead letters.") }
        var table = Table(["count", "consumer", "type", "newest", "error", "example"])
        for group in groups {
            table.add([
                "\(group["count"]?.integer ?? 0)", group["consumer"]?.string ?? "", group["type"]?.string ?? "", group["newest"]?.string ?? "",
                group["error"]?.string ?? "", group["example"]?.string ?? "",
            ])
        }
        Output.table(table)
    }

    static func role(_ state: String) -> Style.Role {
        switch state {
        case "redriven", "finished": .good
        case "open", "stopped": .bad
        default: .warning
        }
    }

    /// One as a few lines.
    static func show(_ letter: DeadLetterView) {
        Output.line("dead letter  \(letter.id)")
        Output.line("event        \(letter.type) of order \(letter.orderID)")
        let closed = letter.json["closedBy"]?.string.map { " by \($0)" } ?? ""
        Output.line("state        \(Output.style(role(letter.state), letter.state))\(closed)" + (letter.json["reason"]?.string.map { ": \($0)" } ?? ""))
        Output.line("attempts     \(letter.attempts), dead since \(letter.diedAt)")
        Output.line("error        \(letter.error)")
    }

    static func showDetails(_ letter: DeadLetterView) {
        show(letter)
        if let behind = letter.json["behind"]?.string { Output.line("behind       \(behind), which has to be dealt with first") }
        if let parked = letter.json["parkedBehind"]?.integer, parked > 0 { Output.line("parked       \(parked) later events of the order") }
        Output.line()
        if let event = letter.json["event"]?.object { for member in event.members { Output.line("  \(member.key) = \(text(member.value))") } }
        Output.line()
        var failures = Table(["attempt", "at", "error"])
        for failure in letter.json["failures"]?.array ?? [] {
            failures.add(["\(failure["attempt"]?.integer ?? 0)", failure["at"]?.string ?? "", failure["error"]?.string ?? ""])
        }
        Output.table(failures)
        showActions(letter.json["actions"]?.array ?? [])
        let lines = (letter.json["timeline"]?.array ?? []).compactMap { item in
            item["data"]?.object.map { TimelineLine(type: item["type"]?.string ?? "", body: $0) }
        }
        if !lines.isEmpty { Output.line() }
        for line in lines { Output.line(line.text(since: lines.first?.time, style: Output.style)) }
    }

    private static func showActions(_ actions: [JSONValue]) {
        guard !actions.isEmpty else { return }
        Output.line()
        var table = Table(["at", "who", "what"])
        for action in actions {
            let hasFailed = action["after"]?["failed"]?.bool == true
            table.add([
                action["at"]?.string ?? "", action["actor"]?.string ?? "", (action["action"]?.string ?? "") + (hasFailed ? " (failed)" : ""),
            ])
        }
        Output.table(table)
    }

    /// What a dry run found.
    static func show(rehearsal: JSONObject) {
        guard rehearsal["applies"]?.bool == true else {
            return Output.line("\(Output.style(.bad, "It would fail")): \(rehearsal["error"]?.string ?? "")")
        }
        Output.line("\(Output.style(.good, "It would be applied")). Nothing was changed.")
        for event in rehearsal["events"]?.array ?? [] { Output.line("  tells \(event["type"]?.string ?? "an event")") }
        for job in rehearsal["jobs"]?.array ?? [] { Output.line("  orders the job \(job["kind"]?.string ?? "")") }
        var table = Table(["write", "table", "rows"])
        for write in rehearsal["writes"]?.array ?? [] {
            table.add([write["operation"]?.string ?? "", write["table"]?.string ?? "", "\(write["rows"]?.integer ?? 0)"])
        }
        if !table.isEmpty { Output.table(table) }
    }

    /// How a redrive of many ended.
    static func show(run: DeadLetterRunView) {
        Output.line(
            "\(Output.style(role(run.state), run.state)): \(run.redriven) of \(run.total) redriven, \(run.failed) failed, \(run.skipped) skipped")
        if let error = run.lastError { Output.line("last error: \(error)") }
    }

    private static func text(_ value: JSONValue) -> String {
        if let text = value.string { return text }
        var json = JSONWriter()
        json.value(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

import Wire

/// Answers as they were asked for: JSON for programs, text for people.
extension ClientOptions {
    /// A list; for people a table, or a remark where it is empty.
    func show(_ items: [JSONObject], none: String, _ table: @autoclosure () -> Table) {
        if json { return Output.list(items) }
        if items.isEmpty { return Output.note(none) }
        Output.table(table())
    }

    /// One document; for people a line.
    func show(_ item: JSONObject, _ line: @autoclosure () -> String) {
        if json { Output.json(item) } else { Output.line(line()) }
    }
}

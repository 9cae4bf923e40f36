import Wire

/// What commands print on standard output.
enum Output {
    static var style: Style { .suited(to: .output) }

    /// A line of text.
    static func line(_ text: String = "") { TerminalStream.output.write(text + "\n") }

    /// A document on one line, as the server sent it.
    static func json(_ object: JSONObject) {
        var writer = JSONWriter()
        writer.value(.object(object))
        json(writer.bytes)
    }

    /// Written JSON and a line feed.
    static func json(_ bytes: [UInt8]) { line(String(decoding: bytes, as: UTF8.self)) }

    /// A table as wide as the terminal.
    static func table(_ table: Table) { TerminalStream.output.write(table.render(style: style, width: TerminalStream.output.width)) }

    /// A remark beside the output, on standard error.
    static func note(_ text: String) { TerminalStream.error.write(text + "\n") }
}

extension Output {
    /// Documents as one JSON array, one a line.
    static func list(_ objects: [JSONObject]) {
        let lines = objects.map { object in
            var writer = JSONWriter()
            writer.value(.object(object))
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        line(lines.isEmpty ? "[]" : "[\n" + lines.joined(separator: ",\n") + "\n]")
    }
}

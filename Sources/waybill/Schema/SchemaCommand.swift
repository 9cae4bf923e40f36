import ArgumentParser
import Contracts
import Wire

/// `waybill schema`.
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "The JSON Schemas of all events, and what may change in them.",
        discussion: """
            Needs no platform: the schemas are those of this program.

            Examples:
              waybill schema list
              waybill schema show OrderCreated
              waybill schema check docs/schemas
            """,
        subcommands: [SchemaListCommand.self, SchemaShowCommand.self, SchemaCheckCommand.self])
}

/// `waybill schema list`.
struct SchemaListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List all events with their versions.",
        discussion: """
            Example:
              waybill schema list --json
            """)

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    func run() {
        guard !json else { return Output.list(EventSchema.all(of: EventCatalog.types).map { SchemaListCommand.entry($0) }) }
        var table = Table(["EVENT", "VERSION", "TOPIC", "MEMBERS", "WHAT IT SAYS"])
        for schema in EventSchema.all(of: EventCatalog.types) {
            let members = schema.document["properties"]?.object?.members.count ?? 0
            table.add([schema.type, String(schema.version), schema.topic ?? "", String(members), schema.document["description"]?.string ?? ""])
        }
        Output.table(table)
    }

    private static func entry(_ schema: EventSchema) -> JSONObject {
        JSONObject(members: [
            .init(key: "type", value: .string(schema.type)), .init(key: "version", value: .number(String(schema.version))),
            .init(key: "topic", value: .string(schema.topic ?? "")), .init(key: "id", value: schema.document["$id"] ?? .null),
            .init(key: "description", value: schema.document["description"] ?? .null),
        ])
    }
}

/// `waybill schema show`.
struct SchemaShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the JSON Schema of an event.",
        discussion: """
            On a terminal a table of its members; with --json, or into a file or pipe, the schema.

            Examples:
              waybill schema show OrderCreated
              waybill schema show OrderCreated --version 1 --json > OrderCreated.v1.json
            """)

    @Flag(help: "Print the JSON Schema instead of a table.")
    var json = false

    @Option(help: "The version of the event (default: the newest).")
    var version: Int?

    @Argument(help: "The event, such as OrderCreated.")
    var name: String

    /// The schema that is meant.
    func schema() throws -> EventSchema {
        guard let type = EventCatalog.types.first(where: { $0.type.lowercased() == name.lowercased() }) else {
            throw ValidationError("There is no event \(name). `waybill schema list` names them.")
        }
        let versions = EventSchema.versions(of: type)
        guard let version else { return versions[versions.count - 1] }
        guard let schema = versions.first(where: { $0.version == version }) else {
            let known = versions.map { String($0.version) }.joined(separator: ", ")
            throw ValidationError("\(type.type) has no version \(version); it has \(known).")
        }
        return schema
    }

    func run() throws {
        let schema = try schema()
        guard !json, TerminalStream.output.isTerminal else { return TerminalStream.output.write(schema.text) }
        Output.line(Output.style(.heading, "\(schema.type), version \(schema.version)"))
        Output.line(schema.document["description"]?.string ?? "")
        Output.line()
        var table = Table(["MEMBER", "TYPE", "REQUIRED", "MEANING"])
        for row in SchemaRows.rows(of: schema.document) { table.add(row) }
        Output.table(table)
    }
}

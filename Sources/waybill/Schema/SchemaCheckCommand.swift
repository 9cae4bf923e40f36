import ArgumentParser
import Contracts
import Foundation
import Wire

/// `waybill schema check`.
struct SchemaCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compare the events of this program with the schemas of a release.",
        discussion: """
            Stored events are kept for ever, and during a rolling update old programs read what new ones write. Within a version only an
            optional member may be added; everything else needs a new version with an upcaster. Exits with 1 if a change is breaking.

            Examples:
              waybill schema check
              git worktree add ../released v0.1.0 && waybill schema check ../released/docs/schemas
            """)

    /// No schema is a hundredth of this.
    private static let maximumBytes = 4 << 20

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    @Argument(help: "The folder with the release's schemas, one file per event and version.")
    var folder = "docs/schemas"

    func run() throws {
        let published = try SchemaCheckCommand.read(folder)
        let check = SchemaCheck(EventCatalog.types, against: published)
        if json { Output.json(SchemaCheckCommand.json(check, schemas: published.count)) } else { SchemaCheckCommand.show(check, schemas: published.count) }
        if !check.breaking.isEmpty { throw ExitCode.failure }
    }

    /// The schemas in a folder, by name.
    static func read(_ folder: String) throws -> [EventSchema] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch { throw ValidationError("Cannot read the folder \(folder).") }
        let files = names.filter { $0.hasSuffix(".json") }.sorted()
        guard !files.isEmpty else { throw ValidationError("There are no schemas in \(folder).") }
        return try files.map { name in
            let bytes = try FileBytes.read("\(folder)/\(name)", limit: maximumBytes)
            do {
                guard case .object(let document) = try JSONParser.parse(bytes) else { throw JSONMismatch(key: "", expected: "an object") }
                return try EventSchema(document)
            } catch { throw ValidationError("\(folder)/\(name) is not the schema of an event: \(error).") }
        }
    }

    private static func show(_ check: SchemaCheck, schemas: Int) {
        for finding in check.findings {
            let mark = finding.isBreaking ? Output.style(.bad, "FAIL") : Output.style(.warning, "NEW ")
            let place = finding.pointer.isEmpty ? "" : " \(finding.pointer)"
            Output.line("\(mark)  \(finding.type) v\(finding.version)\(place) (\(finding.rule))")
            Output.line("      \(finding.words).")
        }
        let verdict = check.breaking.isEmpty ? Output.style(.good, "compatible") : Output.style(.bad, "not compatible: \(check.breaking.count) breaking")
        Output.line("\(schemas) schemas compared: \(verdict).")
    }

    private static func json(_ check: SchemaCheck, schemas: Int) -> [UInt8] {
        JSONWriter.object(capacity: 1024) { json in
            json.member("compatible", check.breaking.isEmpty)
            json.member("compared", schemas)
            json.key("findings")
            json.array(check.findings) { json, finding in
                json.object { json in
                    json.member("type", finding.type)
                    json.member("version", finding.version)
                    json.member("rule", finding.rule)
                    json.member("pointer", finding.pointer)
                    json.member("words", finding.words)
                    json.member("breaking", finding.isBreaking)
                }
            }
        }
    }
}

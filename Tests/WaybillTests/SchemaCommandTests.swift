import ArgumentParser
import Contracts
import Foundation
import Testing
import Wire

@testable import waybill

@Suite("waybill schema")
struct SchemaCommandTests {
    private func parse<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        try #require(try Waybill.parseAsRoot(["schema"] + arguments) as? Command)
    }

    /// A folder with all schemas of this program.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-schemas-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for schema in EventSchema.all(of: EventCatalog.types) {
            try Data(schema.text.utf8).write(to: folder.appendingPathComponent(schema.fileName))
        }
        try body(folder.path)
    }

    @Test("an event is found by its name in any case, with its newest version or the one asked for")
    func show() throws {
        #expect(try parse(SchemaShowCommand.self, "show", "ordercreated").schema().type == "OrderCreated")
        #expect(try parse(SchemaShowCommand.self, "show", "OrderCreated", "--version", "1", "--json").schema().version == 1)
        #expect(throws: ValidationError.self) { try parse(SchemaShowCommand.self, "show", "Nothing").schema() }
        #expect(throws: ValidationError.self) { try parse(SchemaShowCommand.self, "show", "OrderCreated", "--version", "99").schema() }
        #expect(try parse(SchemaListCommand.self, "list", "--json").json)
    }

    @Test("the members of a schema become rows, those of a line below their array")
    func rows() throws {
        let rows = SchemaRows.rows(of: try parse(SchemaShowCommand.self, "show", "OrderCreated").schema().document)
        #expect(rows.first == ["eventId", "uuid", "yes", "The event's identity; consumers deduplicate by it."])
        #expect(rows.contains(["schemaVersion", "1", "yes", "The version of this schema."]))
        #expect(rows.contains(["items[].quantity", "integer", "yes", "Units."]))
        #expect(rows.contains { $0.prefix(3) == ["customerId", "string", "no"] })
    }

    @Test("schemas of this program are compatible with it")
    func compatible() throws { try withFolder { try parse(SchemaCheckCommand.self, "check", $0).run() } }

    @Test("a member that the release had and the program has not makes the check fail")
    func breaking() throws {
        try withFolder { folder in
            let file = URL(fileURLWithPath: folder).appendingPathComponent("OrderFailed.v1.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(text.replacing("\"reason\": {", with: "\"cause\": {").utf8).write(to: file)
            let command = try parse(SchemaCheckCommand.self, "check", folder, "--json")
            #expect(throws: ExitCode.failure) { try command.run() }
            let check = SchemaCheck(EventCatalog.types, against: try SchemaCheckCommand.read(folder))
            #expect(check.breaking.map(\.pointer) == ["/cause", "/reason"])
        }
    }

    @Test("a folder that is not there, is empty or holds something else is refused in words")
    func folders() throws {
        #expect(throws: ValidationError.self) { try SchemaCheckCommand.read("/nowhere/at/all") }
        try withFolder { folder in
            try Data("{}".utf8).write(to: URL(fileURLWithPath: folder).appendingPathComponent("x.json"))
            #expect(throws: ValidationError.self) { try SchemaCheckCommand.read(folder) }
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            #expect(throws: ValidationError.self) { try SchemaCheckCommand.read(folder) }
        }
    }
}

import Contracts
import Foundation
import TestDocuments
import Testing
import Wire

/// The schemas and the documentation in `docs`, made from the shapes.
@Suite("Schema files")
struct SchemaFilesTests {
    private static let schemas = EventSchema.all(of: EventCatalog.types)
    private static let folder = Document("docs/schemas").url

    private static func published() throws -> [EventSchema] {
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).filter { $0.pathExtension == "json" }
        return try files.sorted { $0.path < $1.path }.map { file in
            try EventSchema(try #require(try JSONParser.parse([UInt8](try Data(contentsOf: file))).object, "\(file.lastPathComponent)"))
        }
    }

    @Test("every version of every event has a way to today's") func gaps() { #expect(EventCatalog.registry.gaps == []) }

    @Test("the checked-in schemas allow today's; only then are they written anew")
    func compatibility() throws {
        if Document.isRegenerating { try FileManager.default.createDirectory(at: SchemaFilesTests.folder, withIntermediateDirectories: true) }
        let check = SchemaCheck(EventCatalog.types, against: try SchemaFilesTests.published())
        #expect(check.breaking == [])
        guard Document.isRegenerating, check.breaking.isEmpty else { return }
        for schema in SchemaFilesTests.schemas {
            try Data(schema.text.utf8).write(to: SchemaFilesTests.folder.appendingPathComponent(schema.fileName))
        }
    }

    @Test("the checked-in schemas are those of the events, byte for byte", .disabled(if: Document.isRegenerating))
    func files() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: SchemaFilesTests.folder.path).sorted()
        #expect(names == SchemaFilesTests.schemas.map(\.fileName).sorted())
        for schema in SchemaFilesTests.schemas {
            let file = SchemaFilesTests.folder.appendingPathComponent(schema.fileName)
            #expect(try String(contentsOf: file, encoding: .utf8) == schema.text, "\(schema.fileName)")
        }
    }

    @Test("every golden file is valid under the schema of its version")
    func golden() throws {
        let files = try FileManager.default.contentsOfDirectory(
            at: Bundle.module.bundleURL.appendingPathComponent("Golden"), includingPropertiesForKeys: nil)
        for file in files.filter({ $0.pathExtension == "json" }) {
            let schema = try #require(SchemaFilesTests.schemas.first { $0.fileName == file.lastPathComponent })
            let body = try JSONParser.parse([UInt8](try Data(contentsOf: file)))
            #expect(SchemaValidator(isClosed: true).violations(body, schema.document) == [], "\(file.lastPathComponent)")
        }
    }

    @Test("the documentation names every member of every event")
    func documentation() throws {
        let table = "\n" + EventTable.markdown(of: EventCatalog.types) + "\n"
        #expect(try Document("docs/events.md").part("events", regeneratedAs: table) == table)
    }
}

import Storage
import Testing
import Wire

extension StorageConformance {
    private static let second = Migration(version: 2, name: "more", statements: ["ALTER TABLE sample ADD COLUMN more {int}"])

    func migrationsOnce(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(1)) }
        try await database.migrate([Sample.migration], owner: "conformance")
        for _ in 0..<2 { try await database.migrate([Sample.migration, StorageConformance.second], owner: "conformance") }
        let more = SQL("UPDATE sample SET more = 3")
        #expect(try await database.write { try $0.executeCounting(more) } == 1)
        await database.close()
    }

    func migrationsAtomic(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let broken = Migration(version: 2, name: "broken", statements: ["CREATE TABLE half (a {int}) {heap}", "CREATE TABLE sample (a {int}) {heap}"])
        await #expect(throws: StorageError.self) { try await database.migrate([Sample.migration, broken], owner: "conformance") }
        let mended = Migration(version: 2, name: "mended", statements: ["CREATE TABLE half (a {int}) {heap}"])
        try await database.migrate([Sample.migration, mended], owner: "conformance")
        await database.close()
    }

    func migrationsRefused(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let edited = Migration(version: 1, name: "sample", statements: Sample.migration.statements + ["SELECT 1"])
        await #expect(throws: MigrationError.edited(version: 1, name: "sample")) { try await database.migrate([edited], owner: "conformance") }
        await #expect(throws: MigrationError.foreign(owner: "conformance", opener: "other")) { try await database.migrate([Sample.migration], owner: "other") }
        await #expect(throws: MigrationError.gap(expected: 2, found: 3)) {
            try await database.migrate([Sample.migration, Migration(version: 3, name: "gap", statements: [])], owner: "conformance")
        }
        try await database.migrate([Sample.migration, StorageConformance.second], owner: "conformance")
        await #expect(throws: MigrationError.newer(version: 2, known: 1)) { try await database.migrate([Sample.migration], owner: "conformance") }
        await database.close()
    }
}

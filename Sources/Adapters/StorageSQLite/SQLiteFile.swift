import Foundation
import Storage

/// A database file of a service, looked at beside whoever works with it.
public enum SQLiteFile {
    private static let table = SQL("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'")

    /// What the schema is at. Changes nothing.
    /// - Throws: ``StorageError`` where the file cannot be read.
    public static func schema(at path: String) async throws -> SchemaState {
        guard FileManager.default.fileExists(atPath: path) else { return .noDatabase }
        let readers = SQLiteReaders(name: "examination", path: path, count: 1)
        let result: Result<SchemaState, any Error>
        do {
            result = .success(
                try await readers.read { transaction in
                    guard try transaction.first(table, [], { _ in true }) != nil else { return .applied([]) }
                    return .applied(try Schema.applied(in: transaction))
                })
        } catch { result = .failure(error) }
        await readers.close()
        return try result.get()
    }
}

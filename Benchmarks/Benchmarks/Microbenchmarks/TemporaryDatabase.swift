import Foundation
import Storage
import StorageSQLite
import Synchronization

/// A database on a file that exists while a benchmark runs. Nothing paces its commits, so that the pause is not measured.
final class TemporaryDatabase: Sendable {
    private struct Opened {
        let database: SQLiteDatabase
        let folder: URL
    }

    private let opened = Mutex<Opened?>(nil)

    /// The database.
    /// - Throws: ``StorageError/closed`` when it is not open.
    var database: any Database {
        get throws {
            guard let database = opened.withLock({ $0?.database }) else { throw StorageError.closed }
            return database
        }
    }

    /// Makes the file, in the folder for temporary files, and its tables.
    func open(_ migrations: [Migration]) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let database = try SQLiteDatabase(name: "benchmark", path: folder.appendingPathComponent("benchmark.sqlite").path, configuration: .unpaced)
        opened.withLock { $0 = Opened(database: database, folder: folder) }
        try await database.migrate(migrations, owner: "benchmark")
    }

    /// Closes the database and removes the file.
    func close() async throws {
        let last = opened.withLock { opened in
            defer { opened = nil }
            return opened
        }
        guard let last else { return }
        await last.database.close()
        try FileManager.default.removeItem(at: last.folder)
    }
}

extension SQLiteDatabase.Configuration {
    /// The product's settings without the pause between commits.
    static var unpaced: SQLiteDatabase.Configuration {
        var configuration = SQLiteDatabase.Configuration()
        configuration.commitInterval = .zero
        return configuration
    }
}

import StorageConformance
import StorageSQLite
import Testing

@Suite("SQLite as a storage engine", .timeLimit(.minutes(2)))
struct ConformanceTests {
    @Test("keeps what the port promises in a file", arguments: StorageConformance.allCases)
    func file(_ promise: StorageConformance) async throws {
        let folder = try TemporaryFolder()
        try await promise.check { bound in
            let database = try SQLiteDatabase(name: "file", path: folder.path("file.db"), configuration: configuration(bound))
            return StorageSubject(database, readsBesideWriter: true) { database.waitingWrites }
        }
        folder.remove()
    }

    @Test("keeps what the port promises in memory", arguments: StorageConformance.allCases)
    func memory(_ promise: StorageConformance) async throws {
        try await promise.check { bound in
            let database = try SQLiteDatabase(name: "memory", path: ":memory:", configuration: configuration(bound))
            return StorageSubject(database, readsBesideWriter: false) { database.waitingWrites }
        }
    }
}

private func configuration(_ bound: Int?) -> SQLiteDatabase.Configuration {
    var configuration = SQLiteDatabase.Configuration()
    configuration.commitInterval = .zero
    if let bound { configuration.maximumWaiting = bound }
    return configuration
}

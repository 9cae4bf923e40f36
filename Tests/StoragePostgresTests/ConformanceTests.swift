import Storage
import StorageConformance
import StoragePostgres
import Testing

@Suite("PostgreSQL as a storage engine", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(5)))
struct ConformanceTests {
    @Test("keeps what the port promises", arguments: StorageConformance.allCases)
    func conforms(_ promise: StorageConformance) async throws {
        let schema = TestServer.unusedName()
        try await promise.check { bound in
            let database = try TestServer.database(schema: schema) { if let bound { $0.maximumWaiting = bound } }
            return StorageSubject(database, readsBesideWriter: true) { database.waitingWrites }
        }
        try await TestServer.remove(schema)
    }

    @Test("keeps it in exclusive possession as well", arguments: StorageConformance.allCases)
    func exclusive(_ promise: StorageConformance) async throws {
        let schema = TestServer.unusedName()
        try await promise.check { bound in
            let database = try TestServer.database(schema: schema) {
                $0.isExclusive = true
                if let bound { $0.maximumWaiting = bound }
            }
            return StorageSubject(database, readsBesideWriter: true) { database.waitingWrites }
        }
        try await TestServer.remove(schema)
    }
}

import Foundation
import Storage
import StorageSQLite
import Synchronization
import Testing

#if ENGINE_POSTGRES
    import StoragePostgres
#endif

/// The databases that the tests of kits and services run on: SQLite in memory; with WAYBILL_TEST_STORAGE=postgres a schema each in the database that
/// WAYBILL_TEST_POSTGRES names, which goes with that server's folder. There tests must run one after another, because the next one closes what the last one
/// left open: a server has some hundred connections, and most tests have nothing to close in a database in memory.
public enum TestDatabase {
    /// Whether it is PostgreSQL.
    public static let isPostgres = ProcessInfo.processInfo.environment["WAYBILL_TEST_STORAGE"] == "postgres"

    /// An empty database.
    public static func open(_ name: String) throws -> any Database {
        if isPostgres { return leftOpen(try postgres(name)) }
        var configuration = SQLiteDatabase.Configuration()
        configuration.commitInterval = .zero
        return try SQLiteDatabase(name: name, path: ":memory:", configuration: configuration)
    }

    /// What the running test has opened; a test with arguments is another with each.
    private static let opened = Mutex((test: "", databases: [any Database]()))

    /// Remembers a database, and closes what another test has opened.
    private static func leftOpen(_ database: any Database) -> any Database {
        let test = Test.current.map { "\($0.id) \(String(describing: Test.Case.current))" }
        let old = opened.withLock { opened in
            var old: [any Database] = []
            if let test, test != opened.test { (old, opened) = (opened.databases, (test, [])) }
            opened.databases.append(database)
            return old
        }
        if !old.isEmpty { Task { for database in old { await database.close() } } }
        return database
    }

    /// Whether there is a server on which several processes can write at the same time.
    public static let hasServer: Bool = {
        #if ENGINE_POSTGRES
            return ProcessInfo.processInfo.environment["WAYBILL_TEST_POSTGRES"] != nil
        #else
            return false
        #endif
    }()

    /// One database on that server, opened as often as there are processes.
    public static func openings(_ name: String, count: Int) throws -> [any Database] {
        let schema = newSchema()
        return try (0..<count).map { _ in try postgres(name, schema: schema) }
    }

    private static func newSchema() -> String { "test_\(UUID().uuidString.lowercased().replacing("-", with: ""))" }

    private static func postgres(_ name: String, schema: String = newSchema()) throws -> any Database {
        #if ENGINE_POSTGRES
            guard let uri = ProcessInfo.processInfo.environment["WAYBILL_TEST_POSTGRES"] else {
                throw StorageError.failed("WAYBILL_TEST_STORAGE=postgres needs WAYBILL_TEST_POSTGRES: scripts/engines start postgres --dir DIR")
            }
            var configuration = PostgresDatabase.Configuration(connection: uri)
            configuration.schema = schema
            configuration.commitInterval = .zero
            configuration.readers = 1
            return try PostgresDatabase(name: name, configuration: configuration)
        #else
            throw StorageError.failed("this build has no PostgreSQL: set WAYBILL_ENGINES=postgres when it is built")
        #endif
    }
}

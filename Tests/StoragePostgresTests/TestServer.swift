import Foundation
import Storage
import StoragePostgres
import Testing

/// The server that the tests run on: the one that WAYBILL_TEST_POSTGRES names (`scripts/engines start postgres` prints how). Without it they are skipped, and said so;
/// where CI is set they fail.
enum TestServer {
    static let missing: Comment = "set WAYBILL_TEST_POSTGRES to the URI of a server: scripts/engines start postgres --dir DIR writes it to DIR/env"
    static let isWanted = environment("WAYBILL_TEST_POSTGRES") != nil || environment("CI") != nil

    static func environment(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }

    static func uri() throws -> String { try #require(environment("WAYBILL_TEST_POSTGRES"), TestServer.missing) }

    /// A configuration for a schema of its own.
    static func configuration(
        schema: String = unusedName(), _ change: (inout PostgresDatabase.Configuration) -> Void = { _ in }
    ) throws -> PostgresDatabase.Configuration {
        var configuration = PostgresDatabase.Configuration(connection: try uri())
        configuration.schema = schema
        configuration.commitInterval = .zero
        configuration.applicationName = "waybill-tests"
        change(&configuration)
        return configuration
    }

    static func database(
        schema: String = unusedName(), _ change: (inout PostgresDatabase.Configuration) -> Void = { _ in }
    ) throws -> PostgresDatabase { try PostgresDatabase(name: "test", configuration: configuration(schema: schema, change)) }

    static func unusedName() -> String { "test_\(UUID().uuidString.lowercased().replacing("-", with: ""))" }

    /// Removes a schema that a test has used.
    static func remove(_ schema: String) async throws {
        let database = try PostgresDatabase(name: "remover", configuration: PostgresDatabase.Configuration(connection: uri()))
        _ = try await database.write { try $0.execute(SQL("DROP SCHEMA IF EXISTS \(schema) CASCADE"), each: [[]]) }
        await database.close()
    }

    /// Removes a database that a test has made. That cannot be done inside a transaction, which is all that the port has.
    static func drop(database: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["psql", "-q", try uri(), "-c", "DROP DATABASE IF EXISTS \(database) WITH (FORCE)"]
        try process.run()
        process.waitUntilExit()
    }

    /// The same server under another address or with other settings.
    static func uri(host: String, port: Int) throws -> String {
        var parts = try #require(URLComponents(string: uri()))
        (parts.host, parts.port) = (host, port)
        return try #require(parts.string)
    }
    static func uri(database: String, query: String? = nil) throws -> String {
        var parts = try #require(URLComponents(string: uri()))
        parts.path = "/\(database)"
        if let query { parts.query = query }
        return try #require(parts.string)
    }
    static func uri(user: String) throws -> String {
        var parts = try #require(URLComponents(string: uri()))
        parts.user = user
        return try #require(parts.string)
    }
    static func port() throws -> Int { try #require(URLComponents(string: uri())).port ?? 5432 }
}

/// A server that a test may stop and start, on a folder and a port of its own.
struct OwnServer: Sendable {
    let folder: URL

    static func start() async throws -> OwnServer {
        let server = OwnServer(folder: FileManager.default.temporaryDirectory.appendingPathComponent("waybill-\(UUID().uuidString.prefix(8))"))
        try await server.engines("start", "postgres")
        return server
    }

    func uri() throws -> String {
        let text = try String(contentsOf: folder.appendingPathComponent("env"), encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("WAYBILL_TEST_POSTGRES=") })
        return String(line.dropFirst("WAYBILL_TEST_POSTGRES=".count))
    }

    func port() throws -> Int {
        let address = URLComponents(string: try uri())
        return try #require(address?.port)
    }

    func crashAndStart() async throws { try await engines("restart", "postgres", "--hard") }
    func stop() async throws { try await engines("stop", "postgres") }
    func start() async throws { try await engines("start", "postgres") }

    /// Starts it anew as a standby, which takes no writes, or as a primary.
    func restart(asStandby isStandby: Bool) async throws {
        try await stop()
        let signal = folder.appendingPathComponent("postgres/data/standby.signal").path
        if isStandby {
            try #require(FileManager.default.createFile(atPath: signal, contents: nil, attributes: [.posixPermissions: 0o666]))
        } else {
            try FileManager.default.removeItem(atPath: signal)
        }
        try await start()
    }

    func remove() async throws {
        try await engines("stop")
        try FileManager.default.removeItem(at: folder)
    }

    private func engines(_ arguments: String...) async throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../scripts/engines").standardized
        let folder = self.folder
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                let process = Process()
                process.executableURL = script
                process.arguments = arguments + ["--dir", folder.path]
                process.standardOutput = FileHandle.nullDevice
                continuation.resume(
                    with: Result {
                        try process.run()
                        process.waitUntilExit()
                        return process.terminationStatus
                    })
            }
        }
        try #require(status == 0, "scripts/engines \(arguments.joined(separator: " ")) failed")
    }
}

/// Waits for something, at most ten seconds.
func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        await Task.yield()
    }
    Issue.record(what)
}

import CPostgres
import Storage

/// Opens connections, puts their settings into force and reads back what matters.
final class ConnectionFactory: Sendable {
    enum Purpose { case writing, reading, signals }

    let name: String
    let configuration: PostgresDatabase.Configuration
    let server: ServerAddress
    /// The oldest server that has all that is used here.
    static let oldestVersion: Int64 = 140_000

    init(name: String, configuration: PostgresDatabase.Configuration) throws {
        (self.name, self.configuration) = (name, configuration)
        server = try ServerAddress(configuration.connection, applicationName: "\(configuration.applicationName)/\(name)")
        if let schema = configuration.schema {
            guard (1...63).contains(schema.utf8.count), !schema.utf8.contains(0) else {
                throw StorageError.failed("the name of a schema has 1 to 63 bytes, not \"\(schema)\"")
            }
        }
    }

    /// A connection that is ready for its purpose; blocks for as long as connecting may take.
    /// - Throws: ``PostgresFailure/lost(_:)`` where trying again may help, and ``PostgresFailure/misconfigured(_:)`` where it will not.
    func open(_ purpose: Purpose) throws -> PostgresConnection {
        // Who only reads or looks makes nothing.
        let connection = try connect(makesDatabase: configuration.createIfMissing && purpose == .writing)
        do {
            try connection.simple(settings(purpose))
            try check(connection, purpose)
            if purpose == .writing { try makeSchema(connection) }
            if purpose == .signals { return connection }
            try connection.enterPipelineMode()
            for sql in PostgresTransaction.own { _ = try connection.statement(sql) }
            return connection
        } catch PostgresFailure.refused(let error) {
            throw PostgresFailure.misconfigured("\(error)")
        }
    }

    private func connect(makesDatabase: Bool) throws -> PostgresConnection {
        let stallLimit = configuration.statementTimeout + .seconds(5)
        do {
            return try PostgresConnection(server, connectTimeout: configuration.connectTimeout, stallLimit: stallLimit)
        } catch PostgresFailure.lost(let text) {
            // Too many clients are soon fewer, and a standby is soon the primary, or another host is. Everything else that an answering server says stays as it is until
            // somebody changes it.
            let passing = ["too many", "connection slots", "hot standby", "read-only"]
            guard server.isAnswering, !passing.contains(where: text.contains) else { throw PostgresFailure.lost(text) }
            guard makesDatabase, try makeDatabase() else { throw PostgresFailure.misconfigured(text) }
            return try PostgresConnection(server, connectTimeout: configuration.connectTimeout, stallLimit: stallLimit)
        }
    }

    private func settings(_ purpose: Purpose) -> String {
        var settings = [
            "statement_timeout = \(configuration.statementTimeout.nanoseconds / 1_000_000)",
            "idle_in_transaction_session_timeout = \(configuration.idleInTransactionTimeout.nanoseconds / 1_000_000)",
            "default_transaction_isolation = 'read committed'", "default_transaction_read_only = off", "client_min_messages = warning",
            // Statements go by indexes that fit them. The planner may take a table that was empty when it was last analyzed for a small one, and keep a plan that reads
            // all of it; and compiling a statement of microseconds takes milliseconds.
            "enable_seqscan = off", "jit = off",
        ]
        if let schema = configuration.schema { settings.append("search_path = \(ConnectionFactory.quoted(schema))") }
        // A notification is a transaction too, and loses nothing that is not in a table.
        if purpose == .signals { settings.append("synchronous_commit = off") }
        return settings.map { "SET \($0);" }.joined()
    }

    /// Reads back what a server, a role or a proxy may have set otherwise.
    private func check(_ connection: PostgresConnection, _ purpose: Purpose) throws {
        let rows = try connection.simple(
            """
            SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off' AND \(purpose != .signals);
            SELECT current_setting('server_version_num'), current_setting('synchronous_commit'), current_setting('server_encoding'), pg_is_in_recovery()
            """)
        guard let row = rows.first, row.count == 4, let version = row[0].flatMap({ Int64($0) }) else {
            throw PostgresFailure.lost("the server did not say what it is")
        }
        guard version >= ConnectionFactory.oldestVersion else {
            throw PostgresFailure.misconfigured("PostgreSQL \(version / 10_000) at \(server.description) is too old: 14 or later is needed")
        }
        guard row[2] == "UTF8" else {
            throw PostgresFailure.misconfigured("the database \(server.description) has the encoding \(row[2] ?? "?"), UTF8 is needed")
        }
        // Nothing is acknowledged that a power cut could take back (promise S10).
        if purpose != .signals, row[1] == "off" { throw PostgresFailure.misconfigured("synchronous_commit = on did not take") }
        if purpose != .reading, row[3] == "t" { throw PostgresFailure.lost("the server \(server.description) is a standby at the moment") }
    }

    private func makeSchema(_ connection: PostgresConnection) throws {
        guard let schema = configuration.schema else { return }
        let known = try connection.simple("SELECT 1 FROM pg_namespace WHERE nspname = \(ConnectionFactory.literal(schema))")
        if !known.isEmpty { return }
        do { try connection.simple("CREATE SCHEMA IF NOT EXISTS \(ConnectionFactory.quoted(schema))") } catch PostgresFailure.refused(.constraint) {
            // Another process made it at the same time.
        }
    }

    /// Whether the server says that there is no such database.
    func isDatabaseMissing() -> Bool { ((try? missingDatabase()) ?? nil) != nil }

    /// The name of the database where it is missing, and a connection to the one that every server has.
    private func missingDatabase() throws -> (name: String, connection: PostgresConnection)? {
        guard let database = server.databaseName else { return nil }
        let connection = try PostgresConnection(
            server.database("postgres"), connectTimeout: configuration.connectTimeout, stallLimit: .seconds(60))
        let known = try connection.simple("SELECT 1 FROM pg_database WHERE datname = \(ConnectionFactory.literal(database))")
        return known.isEmpty ? (database, connection) : nil
    }

    /// Makes the database.
    /// - Returns: whether it was missing.
    private func makeDatabase() throws -> Bool {
        guard let (database, connection) = try missingDatabase() else { return false }
        do {
            try connection.simple("CREATE DATABASE \(ConnectionFactory.quoted(database)) TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        } catch PostgresFailure.refused(let error) {
            // Another process may have made it at the same time, which has two names: duplicate_database and unique_violation.
            if case .constraint = error { return true }
            guard "\(error)".contains("42P04") else { throw PostgresFailure.refused(error) }
        }
        return true
    }

    /// A name as SQL wants it.
    static func quoted(_ name: String) -> String { "\"\(doubled(name, "\""))\"" }
    /// A text as SQL wants it; `standard_conforming_strings` is PostgreSQL's default, so backslashes mean nothing.
    static func literal(_ text: String) -> String { "'\(doubled(text, "'"))'" }

    private static func doubled(_ text: String, _ quote: Character) -> String {
        text.reduce(into: "") { out, character in
            if character == quote { out.append(character) }
            out.append(character)
        }
    }
}

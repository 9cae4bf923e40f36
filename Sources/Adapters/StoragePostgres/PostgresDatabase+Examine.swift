import Dispatch
import Foundation
import Storage

/// What `waybill doctor` and `waybill migrate` ask before anything is opened.
extension PostgresDatabase {
    /// Looks at the server on a connection of its own, for `waybill doctor`. Makes nothing, and never throws: what is wrong is a finding.
    /// - Parameters:
    ///   - migrations: what this program knows of the database's schema.
    ///   - owner: the service that the database belongs to.
    public func examine(_ migrations: [Migration], owner: String) async -> [EngineFinding] {
        await look { [name, factory] in ServerExamination(name: name, factory: factory, migrations: migrations, owner: owner).findings() }
    }

    /// What the schema is at. Makes nothing.
    /// - Throws: ``StorageError/failed(_:)`` with what the server said; an outage is not waited for.
    public func schemaState() async throws -> SchemaState {
        try await look { [factory] in Result { try factory.schemaState() } }.get()
    }

    /// Runs something that blocks on a thread of its own.
    private func look<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "waybill.postgres.\(name).examination").async { continuation.resume(returning: body()) }
        }
    }
}

extension ConnectionFactory {
    fileprivate func schemaState() throws -> SchemaState {
        do { return try schemaState(on: open(.signals)) } catch let failure as PostgresFailure {
            if case .misconfigured = failure, isDatabaseMissing() { return .noDatabase }
            if case .refused = failure { throw StorageError.failed("PostgreSQL at \(server.description): \(failure.text)") }
            throw StorageError.failed("cannot connect to PostgreSQL at \(server.description): \(failure.text)")
        }
    }

    fileprivate func schemaState(on connection: PostgresConnection) throws -> SchemaState {
        guard try connection.simple("SELECT to_regclass('schema_migrations')").first?.first.flatMap({ $0 }) != nil else { return .applied([]) }
        let rows = try connection.simple("SELECT version, owner, checksum FROM schema_migrations ORDER BY version")
        return .applied(rows.map { Migration.Applied(version: $0[0].flatMap { Int($0) } ?? 0, owner: $0[1] ?? "", checksum: $0[2].flatMap { Int64($0) } ?? 0) })
    }
}

/// One look at a server.
private struct ServerExamination {
    let name: String
    let factory: ConnectionFactory
    let migrations: [Migration]
    let owner: String
    private var subject: String { "postgresql \(name)" }

    private static let settings = """
        SELECT current_setting('server_version'), (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'), current_setting('fsync'),
        current_setting('full_page_writes'), current_setting('max_connections'), current_setting('superuser_reserved_connections'),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::bigint FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle')
        """

    func findings() -> [EngineFinding] {
        let connection: PostgresConnection
        do { connection = try factory.open(.signals) } catch { return [unreachable((error as? PostgresFailure)?.text ?? "\(error)")] }
        do {
            guard let row = try connection.simple(ServerExamination.settings).first, row.count == 8 else { return [] }
            return try [reached(row), durability(row), connections(row), transactions(row), clock(connection), schema(connection)]
        } catch {
            return [EngineFinding(.fail, subject, (error as? PostgresFailure)?.text ?? "\(error)", advice: "look at the server's log")]
        }
    }

    private func schema(_ connection: PostgresConnection) throws -> EngineFinding {
        let name = "\(subject) schema"
        do { return try factory.schemaState(on: connection).finding(name, migrations, owner: owner) } catch PostgresFailure.refused(let error) {
            return EngineFinding(
                .fail, name, "\(error)", advice: "the account must own the service's tables, or be granted all rights to them and their schema")
        }
    }

    private func unreachable(_ text: String) -> EngineFinding {
        let words = "\(factory.server.description): \(text)"
        guard factory.isDatabaseMissing() else {
            let advice = "start the server, or mend the address, the password and sslmode in the connection string"
            return EngineFinding(.fail, subject, words, advice: advice)
        }
        if factory.configuration.createIfMissing {
            let words = "\(factory.server.description): there is no such database yet"
            return EngineFinding(.warn, subject, words, advice: "run waybill migrate, or start the service: either makes it, as create_databases says")
        }
        let database = ConnectionFactory.quoted(factory.server.databaseName ?? "")
        let advice = "CREATE DATABASE \(database) TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C', or let Waybill make it: create_databases: true"
        return EngineFinding(.fail, subject, words, advice: advice)
    }

    private func reached(_ row: [String?]) -> EngineFinding {
        EngineFinding(.ok, subject, "\(factory.server.description) answers, version \(row[0] ?? "?")")
    }

    private func durability(_ row: [String?]) -> EngineFinding {
        let name = "\(subject) durability"
        let (commit, sync, pages) = (row[1] ?? "?", row[2] ?? "?", row[3] ?? "?")
        if sync != "on" || pages != "on" {
            return EngineFinding(
                .fail, name, "fsync is \(sync), full_page_writes is \(pages)", advice: "set both to on: a power cut would take back what was acknowledged")
        }
        if commit == "off" {
            return EngineFinding(
                .warn, name, "synchronous_commit is off on the server; Waybill's own connections turn it on", advice: "set synchronous_commit = on")
        }
        return EngineFinding(.ok, name, "fsync on, synchronous_commit \(commit)")
    }

    private func connections(_ row: [String?]) -> EngineFinding {
        let name = "\(subject) connections"
        let numbers = [4, 5, 6].map { Int(row[$0] ?? "") ?? 0 }
        let left = numbers[0] - numbers[1] - numbers[2]
        let needed = factory.configuration.writers + factory.configuration.readers + 1
        let words = "\(left) of \(numbers[0]) are free, this service uses up to \(needed)"
        if left < needed { return EngineFinding(.fail, name, words, advice: "raise max_connections, or run fewer replicas") }
        return left < 2 * needed ? EngineFinding(.warn, name, words, advice: "raise max_connections before adding replicas") : EngineFinding(.ok, name, words)
    }

    private func transactions(_ row: [String?]) -> EngineFinding {
        let name = "\(subject) transactions"
        let seconds = Int(row[7] ?? "") ?? 0
        let words = seconds == 0 ? "none has been open for long" : "the oldest has been open for \(seconds) s"
        return seconds < 60
            ? EngineFinding(.ok, name, words)
            : EngineFinding(
                .warn, name, words, advice: "find it in pg_stat_activity: it keeps the server from cleaning up, and every queue table slows down")
    }

    private func clock(_ connection: PostgresConnection) throws -> EngineFinding {
        let name = "\(subject) clock"
        let before = Date().timeIntervalSince1970
        let server = try connection.simple("SELECT extract(epoch FROM clock_timestamp())").first?.first?.flatMap { Double($0) } ?? 0
        let after = Date().timeIntervalSince1970
        let skew = max(0, server - after, before - server)
        let words = skew < 0.001 ? "agrees with this machine's" : "differs from this machine's by \(Int(skew * 1000)) ms"
        return skew < 1 ? EngineFinding(.ok, name, words) : EngineFinding(.warn, name, words, advice: "let both machines keep time (chrony, ntpd)")
    }
}

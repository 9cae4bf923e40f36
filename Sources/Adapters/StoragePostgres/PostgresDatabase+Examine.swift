import Dispatch
import Foundation
import Storage

/// What `waybill doctor` says of the server.
extension PostgresDatabase {
    /// Looks at the server on a connection of its own. Never throws: what is wrong is a finding.
    public func examine() async -> [EngineFinding] {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "waybill.postgres.\(name).examination").async {
                continuation.resume(returning: ServerExamination(name: self.name, factory: self.factory).findings())
            }
        }
    }
}

/// One look at a server.
private struct ServerExamination {
    let name: String
    let factory: ConnectionFactory
    private var subject: String { "postgresql \(name)" }

    private static let settings = """
        SELECT current_setting('server_version'), (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'), current_setting('fsync'),
        current_setting('full_page_writes'), current_setting('max_connections'), current_setting('superuser_reserved_connections'),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::bigint FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'), to_regclass('schema_migrations')
        """

    func findings() -> [EngineFinding] {
        let connection: PostgresConnection
        do { connection = try factory.open(.signals) } catch {
            let text = (error as? PostgresFailure)?.text ?? "\(error)"
            return [
                EngineFinding(
                    .fail, subject, "\(factory.server.description): \(text)",
                    advice: "start the server, or mend the address, the password and sslmode in the connection string")
            ]
        }
        do {
            guard let row = try connection.simple(ServerExamination.settings).first, row.count == 9 else { return [] }
            return try [reached(row), durability(row), connections(row), transactions(row), clock(connection), migrations(connection, isThere: row[8] != nil)]
        } catch {
            return [EngineFinding(.fail, subject, (error as? PostgresFailure)?.text ?? "\(error)")]
        }
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

    private func migrations(_ connection: PostgresConnection, isThere: Bool) throws -> EngineFinding {
        let name = "\(subject) schema"
        guard isThere else { return EngineFinding(.warn, name, "no migration has been applied yet", advice: "waybill migrate, or start the service") }
        let row = try connection.simple("SELECT max(version), max(owner) FROM schema_migrations").first
        return EngineFinding(.ok, name, "version \((row?[0]) ?? "0" ), of the service \((row?[1]) ?? "?")")
    }
}

import Storage

/// The table in which a database remembers its migrations.
enum PostgresSchema {
    private static let create = """
        CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, owner text NOT NULL, name text NOT NULL, checksum bigint NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp())
        """
    private static let applied = SQL("SELECT version, owner, checksum FROM schema_migrations ORDER BY version")
    private static let record = SQL("INSERT INTO schema_migrations (version, owner, name, checksum) VALUES ($1, $2, $3, $4)")
    /// How long one step may take, and how long one waits for another process's steps.
    private static let timeLimit: Duration = .seconds(600)

    /// Applies the steps that are still to be applied. Of several processes that do so at once one does, and the others find it done.
    static func migrate(_ migrations: [Migration], owner: String, schema: String?, in transaction: PostgresTransaction) throws {
        try transaction.allowLongStatements(timeLimit)
        let lock = AdvisoryLock.number(of: "waybill migrations of \(schema ?? "public")")
        try transaction.executeOnce("SELECT pg_advisory_xact_lock(\(lock))")
        try transaction.executeOnce(create)
        let applied = try transaction.query(applied) { Migration.Applied(version: Int($0.integer(0)), owner: $0.text(1), checksum: $0.integer(2)) }
        for migration in try Migration.pending(migrations, applied: applied, owner: owner) {
            for statement in migration.statements { try transaction.executeOnce(PostgresConnection.dialect.render(statement)) }
            CrashPoint.inMigration.reached(in: owner)
            try transaction.execute(
                record, each: [[.integer(Int64(migration.version)), .text(owner), .text(migration.name), .integer(migration.checksum)]])
        }
    }
}

import Storage

/// The table in which a database remembers its migrations.
enum Schema {
    private static let create = SQL(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, checksum INTEGER NOT NULL,
        applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))) STRICT
        """)
    private static let select = SQL("SELECT version, owner, checksum FROM schema_migrations ORDER BY version")
    private static let record = SQL("INSERT INTO schema_migrations (version, owner, name, checksum) VALUES ($1, $2, $3, $4)")

    /// The steps that were applied; the table exists.
    static func applied(in transaction: any ReadTransaction) throws -> [Migration.Applied] {
        try transaction.query(select) { Migration.Applied(version: Int($0.integer(0)), owner: $0.text(1), checksum: $0.integer(2)) }
    }

    /// Applies the steps that are still to be applied.
    static func migrate(_ migrations: [Migration], owner: String, in transaction: any Transaction) throws {
        try transaction.execute(create)
        for migration in try Migration.pending(migrations, applied: applied(in: transaction), owner: owner) {
            for statement in migration.statements { try transaction.execute(SQL(statement)) }
            CrashPoint.inMigration.reached(in: owner)
            try transaction.execute(record, [.integer(Int64(migration.version)), .text(owner), .text(migration.name), .integer(migration.checksum)])
        }
    }
}

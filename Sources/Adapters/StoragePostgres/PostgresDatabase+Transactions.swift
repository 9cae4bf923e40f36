import Storage

extension PostgresDatabase: TransactionWatch {
    /// Sessions of other roles show their times only to a member of `pg_read_all_stats`. The server's own workers are left out: it knows when to stop them.
    private static let oldest = SQL(
        """
        SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start) * 1000), 0)::bigint FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        """)

    public func oldestTransactionAge() async throws -> Duration {
        .milliseconds(try await read { try $0.first(PostgresDatabase.oldest) { max(0, $0.integer(0)) } ?? 0 })
    }
}
